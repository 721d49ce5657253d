package s3api_test

import (
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/checksum"
)

// digestOf is a checksum as clients write it.
func digestOf(a checksum.Algorithm, body string) string {
	h := a.New()
	_, _ = io.WriteString(h, body) // never fails
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

func algorithms() []checksum.Algorithm {
	return []checksum.Algorithm{
		checksum.CRC32, checksum.CRC32C, checksum.CRC64NVME, checksum.SHA1, checksum.SHA256,
		checksum.SHA512, checksum.MD5, checksum.XXHASH64, checksum.XXHASH3, checksum.XXHASH128,
	}
}

type headers = map[string]string

const trailerForm = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

// trailed is a body in one chunk with an unsigned trailer.
func trailed(body, name, value string) raw {
	return raw{
		header: headers{
			"X-Amz-Content-Sha256": trailerForm, "X-Amz-Trailer": name, "Content-Encoding": "aws-chunked",
			"X-Amz-Decoded-Content-Length": strconv.Itoa(len(body)),
		},
		body: fmt.Sprintf("%x\r\n%s\r\n0\r\n%s:%s\r\n\r\n", len(body), body, name, value),
	}
}

// checksums are the checksum headers of an answer.
func (a answer) checksums() map[string]string {
	found := map[string]string{}
	for name := range a.Header {
		if strings.HasPrefix(name, checksum.HeaderPrefix) {
			found[name] = a.Header.Get(name)
		}
	}
	return found
}

// TestChecksumRoundTrip: each algorithm, in a header, as a trailer and computed
// for the client, comes back from GET and HEAD that ask for it, and from those
// alone.
func TestChecksumRoundTrip(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	const body = "checked"
	for _, a := range append(algorithms(), 0) {
		kept := a
		if a == 0 {
			kept = checksum.CRC64NVME
		}
		value := digestOf(kept, body)
		want := map[string]string{kept.Header(): value, "X-Amz-Checksum-Type": "FULL_OBJECT"}
		requests := map[string]raw{"default": {body: body}}
		if a != 0 {
			requests = map[string]raw{
				"header":   {body: body, header: headers{a.Header(): value, "X-Amz-Sdk-Checksum-Algorithm": a.String()}},
				"computed": {body: body, header: headers{"X-Amz-Checksum-Algorithm": a.String()}},
				"trailer":  trailed(body, strings.ToLower(a.Header()), value),
			}
		}
		for name, in := range requests {
			name = a.String() + " " + name
			in.method, in.path = "PUT", "/bkt/k"
			put := s.do(t, in)
			if put.StatusCode != 200 || !maps.Equal(put.checksums(), want) {
				t.Fatalf("%s: %d %v, want %v: %s", name, put.StatusCode, put.checksums(), want, put.body)
			}
			mode := headers{"X-Amz-Checksum-Mode": "ENABLED"}
			for _, read := range []struct {
				in   raw
				want map[string]string
			}{
				{raw{method: "GET", path: "/bkt/k", header: mode}, want},
				{raw{method: "HEAD", path: "/bkt/k", header: mode}, want},
				{raw{method: "GET", path: "/bkt/k?partNumber=1", header: mode}, want},
				{raw{method: "GET", path: "/bkt/k"}, map[string]string{}},
				{raw{method: "GET", path: "/bkt/k", header: headers{"X-Amz-Checksum-Mode": "ENABLED", "Range": "bytes=0-2"}}, map[string]string{}},
				{raw{method: "GET", path: "/bkt/k", header: headers{"X-Amz-Checksum-Mode": "ENABLED", "Range": "bytes=0-"}}, map[string]string{}},
			} {
				if got := s.do(t, read.in); got.StatusCode >= 300 || !maps.Equal(got.checksums(), read.want) {
					t.Errorf("%s: %s %s: %d %v, want %v", name, read.in.method, read.in.path, got.StatusCode, got.checksums(), read.want)
				}
			}
		}
	}
}

// TestChecksumRefused: every way to send a wrong checksum, of which nothing is
// kept.
func TestChecksumRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	const body = "checked"
	crc := digestOf(checksum.CRC32, body)
	tests := []struct {
		name string
		in   raw
		code string
	}{
		{"empty", raw{body: body, header: headers{"X-Amz-Checksum-Crc32": ""}}, "InvalidRequest"},
		{"no base64", raw{body: body, header: headers{"X-Amz-Checksum-Crc32": "!!!!!!=="}}, "InvalidRequest"},
		{"another length", raw{body: body, header: headers{"X-Amz-Checksum-Crc32": digestOf(checksum.SHA1, body)}}, "InvalidRequest"},
		{"composite", raw{body: body, header: headers{"X-Amz-Checksum-Crc32": crc + "-1"}}, "InvalidRequest"},
		{"unknown", raw{body: body, header: headers{"X-Amz-Checksum-Crc33": crc}}, "InvalidRequest"},
		{"two", raw{body: body, header: headers{"X-Amz-Checksum-Crc32": crc, "X-Amz-Checksum-Sha1": digestOf(checksum.SHA1, body)}}, "InvalidRequest"},
		{"wrong", raw{body: body, header: headers{"X-Amz-Checksum-Crc32": digestOf(checksum.CRC32, "other")}}, "BadDigest"},
		{"wrong MD5", raw{body: body, header: headers{"X-Amz-Checksum-Md5": contentMD5("other")}}, "BadDigest"},
		{"announced only", raw{body: body, header: headers{"X-Amz-Sdk-Checksum-Algorithm": "CRC32"}}, "InvalidRequest"},
		{"announced wrongly", raw{body: body, header: headers{"X-Amz-Sdk-Checksum-Algorithm": "SHA1", "X-Amz-Checksum-Crc32": crc}}, "BadDigest"},
		{"announced and unknown", raw{body: body, header: headers{"X-Amz-Sdk-Checksum-Algorithm": "CRC33", "X-Amz-Checksum-Crc32": crc}}, "InvalidRequest"},
		{"asked and unknown", raw{body: body, header: headers{"X-Amz-Checksum-Algorithm": "CRC33"}}, "InvalidRequest"},
		{"trailer wrong", trailed(body, "x-amz-checksum-crc32", digestOf(checksum.CRC32, "other")), "BadDigest"},
		{"trailer no digest", trailed(body, "x-amz-checksum-crc32", "x"), "InvalidRequest"},
		{"trailer of another name", func() raw {
			in := trailed(body, "x-amz-checksum-sha1", digestOf(checksum.SHA1, body))
			in.header["X-Amz-Trailer"] = "x-amz-checksum-crc32"
			return in
		}(), "MalformedTrailerError"},
		{"trailer and header", func() raw {
			in := trailed(body, "x-amz-checksum-crc32", crc)
			in.header["X-Amz-Checksum-Crc32"] = crc
			return in
		}(), "InvalidRequest"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.in.method, tt.in.path = "PUT", "/bkt/k"
			if a := s.do(t, tt.in); a.StatusCode != 400 || a.code(t) != tt.code {
				t.Errorf("%d %s, want %s: %s", a.StatusCode, a.code(t), tt.code, a.body)
			}
		})
	}
	if keys := s.keys(t, "bkt"); len(keys) > 0 {
		t.Errorf("stored %q", keys)
	}
}

// TestCreateUploadChecksum is the table of algorithms and types.
func TestCreateUploadChecksum(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	for _, tt := range []struct {
		algorithm, kind, wantAlgorithm, wantKind string // no want: refused
	}{
		{"CRC32", "", "CRC32", "COMPOSITE"},
		{"crc32", "FULL_OBJECT", "CRC32", "FULL_OBJECT"},
		{"CRC64NVME", "", "CRC64NVME", "FULL_OBJECT"},
		{"SHA256", "COMPOSITE", "SHA256", "COMPOSITE"},
		{"CRC64NVME", "COMPOSITE", "", ""},
		{"SHA256", "FULL_OBJECT", "", ""},
		{"", "FULL_OBJECT", "", ""},
		{"CRC32", "HALF_OBJECT", "", ""},
		{"CRC33", "", "", ""},
	} {
		h := headers{}
		if tt.algorithm != "" {
			h["X-Amz-Checksum-Algorithm"] = tt.algorithm
		}
		if tt.kind != "" {
			h["X-Amz-Checksum-Type"] = tt.kind
		}
		a := s.do(t, raw{method: "POST", path: "/bkt/k?uploads", header: h})
		if tt.wantAlgorithm == "" {
			if a.StatusCode != 400 || a.code(t) != "InvalidRequest" {
				t.Errorf("%v: %d %s", tt, a.StatusCode, a.body)
			}
			continue
		}
		if got := a.checksums(); a.StatusCode != 200 || got["X-Amz-Checksum-Algorithm"] != tt.wantAlgorithm || got["X-Amz-Checksum-Type"] != tt.wantKind {
			t.Errorf("%v: %d %v", tt, a.StatusCode, got)
		}
	}
	if a := s.do(t, raw{method: "POST", path: "/bkt/k?uploads"}); a.StatusCode != 200 || len(a.checksums()) > 0 {
		t.Errorf("without: %d %v", a.StatusCode, a.checksums())
	}
}

// uploadOne begins an upload with these headers and uploads one part.
func (s *site) uploadOne(t *testing.T, h headers, part headers, body string) (path string, a answer) {
	t.Helper()
	var created struct {
		UploadID string `xml:"UploadId"`
	}
	mustParse(t, s.do(t, raw{method: "POST", path: "/bkt/k?uploads", header: h}), &created)
	path = "/bkt/k?uploadId=" + created.UploadID
	return path, s.do(t, raw{method: "PUT", path: path + "&partNumber=1", body: body, header: part})
}

func completion(etag, more string) string {
	return "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" + strings.Trim(etag, `"`) + "</ETag>" + more + "</Part></CompleteMultipartUpload>"
}

// TestCompletionHeaders: what a completion says in headers and document, and what
// it is answered.
func TestCompletionHeaders(t *testing.T) {
	t.Parallel()
	const body = "one part"
	crc := digestOf(checksum.CRC32, body)
	full := headers{"X-Amz-Checksum-Algorithm": "CRC32", "X-Amz-Checksum-Type": "FULL_OBJECT"}
	listed := "<ChecksumCRC32>" + crc + "</ChecksumCRC32>"
	for _, tt := range []struct {
		name         string
		header       headers
		listed, code string
	}{
		{"all right", headers{"X-Amz-Checksum-Crc32": crc, "X-Amz-Checksum-Type": "FULL_OBJECT", "X-Amz-Mp-Object-Size": "8"}, listed, ""},
		{"nothing said", nil, "", ""},
		{"empty element", nil, "<ChecksumCRC32></ChecksumCRC32><Other>x</Other>", ""},
		{"wrong object", headers{"X-Amz-Checksum-Crc32": "AAAAAA=="}, listed, "BadDigest"},
		{"wrong part", nil, "<ChecksumCRC32>AAAAAA==</ChecksumCRC32>", "InvalidPart"},
		{"no digest of the object", headers{"X-Amz-Checksum-Crc32": "x"}, listed, "InvalidRequest"},
		{"no digest of a part", nil, "<ChecksumCRC32>x</ChecksumCRC32>", "InvalidRequest"},
		{"two for a part", nil, listed + "<ChecksumSHA1>" + digestOf(checksum.SHA1, body) + "</ChecksumSHA1>", "InvalidRequest"},
		{"two for the object", headers{"X-Amz-Checksum-Crc32": crc, "X-Amz-Checksum-Sha1": digestOf(checksum.SHA1, body)}, listed, "InvalidRequest"},
		{"another type", headers{"X-Amz-Checksum-Type": "COMPOSITE"}, listed, "BadDigest"},
		{"no type", headers{"X-Amz-Checksum-Type": "NONE"}, listed, "InvalidRequest"},
		{"another size", headers{"X-Amz-Mp-Object-Size": "9"}, listed, "InvalidRequest"},
		{"no size", headers{"X-Amz-Mp-Object-Size": "-1"}, listed, "InvalidRequest"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.bucket(t, "bkt")
			path, part := s.uploadOne(t, full, nil, body)
			if part.StatusCode != 200 || part.Header.Get("X-Amz-Checksum-Crc32") != crc {
				t.Fatalf("part: %d %v", part.StatusCode, part.checksums())
			}
			a := s.do(t, raw{method: "POST", path: path, header: tt.header, body: completion(part.Header.Get("Etag"), tt.listed)})
			if a.code(t) != tt.code {
				t.Fatalf("%d %s, want %q", a.StatusCode, a.body, tt.code)
			}
			if tt.code != "" {
				return
			}
			var done struct{ ChecksumCRC32, ChecksumType string }
			mustParse(t, a, &done)
			if done.ChecksumCRC32 != crc || done.ChecksumType != "FULL_OBJECT" {
				t.Errorf("%+v", done)
			}
		})
	}
}

// TestImpliedChecksum: an upload whose client asks for nothing has S3's default,
// whatever comes with its parts.
func TestImpliedChecksum(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	sha1 := digestOf(checksum.SHA1, "part")
	path, part := s.uploadOne(t, nil, headers{"X-Amz-Checksum-Sha1": sha1}, "part")
	if got := part.checksums(); part.StatusCode != 200 || len(got) != 1 || got["X-Amz-Checksum-Sha1"] != sha1 {
		t.Fatalf("part: %d %v", part.StatusCode, got)
	}
	a := s.do(t, raw{method: "POST", path: path, body: completion(part.Header.Get("Etag"), "<ChecksumSHA1>"+sha1+"</ChecksumSHA1>")})
	var done struct{ ChecksumCRC64NVME, ChecksumType string }
	mustParse(t, a, &done)
	if done.ChecksumCRC64NVME != digestOf(checksum.CRC64NVME, "part") || done.ChecksumType != "FULL_OBJECT" {
		t.Errorf("%s", a.body)
	}
}

// TestCopyChecksum: a copy has its source's checksum, or the one that is asked
// for.
func TestCopyChecksum(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	s.do(t, raw{method: "PUT", path: "/bkt/k", body: "body", header: headers{"X-Amz-Checksum-Algorithm": "SHA1"}})
	var kept struct{ ChecksumSHA1, ChecksumSHA256, ChecksumType string }
	mustParse(t, s.do(t, raw{method: "PUT", path: "/bkt/copy", header: headers{"X-Amz-Copy-Source": "bkt/k"}}), &kept)
	if kept.ChecksumSHA1 != digestOf(checksum.SHA1, "body") || kept.ChecksumType != "FULL_OBJECT" {
		t.Errorf("kept: %+v", kept)
	}
	mustParse(t, s.do(t, raw{method: "PUT", path: "/bkt/copy", header: headers{"X-Amz-Copy-Source": "bkt/k", "X-Amz-Checksum-Algorithm": "SHA256"}}), &kept)
	if kept.ChecksumSHA256 != digestOf(checksum.SHA256, "body") {
		t.Errorf("asked: %+v", kept)
	}
	if a := s.do(t, raw{method: "PUT", path: "/bkt/copy", header: headers{"X-Amz-Copy-Source": "bkt/k", "X-Amz-Checksum-Algorithm": "X"}}); a.code(t) != "InvalidRequest" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	var list struct {
		Contents []struct{ Key, ChecksumAlgorithm, ChecksumType string }
	}
	mustParse(t, s.do(t, raw{method: "GET", path: "/bkt?list-type=2"}), &list)
	if len(list.Contents) != 2 || list.Contents[0].ChecksumAlgorithm != "SHA256" || list.Contents[1].ChecksumAlgorithm != "SHA1" || list.Contents[0].ChecksumType != "FULL_OBJECT" {
		t.Errorf("listed: %+v", list)
	}
}

// TestObjectAttributes asks for all, for some, and wrongly.
func TestObjectAttributes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	sha1 := headers{"X-Amz-Checksum-Algorithm": "SHA1"}
	path, part := s.uploadOne(t, sha1, headers{"X-Amz-Checksum-Sha1": digestOf(checksum.SHA1, "body")}, "body")
	etag := part.Header.Get("Etag")
	done := s.do(t, raw{method: "POST", path: path, body: completion(etag, "<ChecksumSHA1>"+digestOf(checksum.SHA1, "body")+"</ChecksumSHA1>")})
	if done.StatusCode != 200 {
		t.Fatal(done.body)
	}
	ask := func(h headers) answer { return s.do(t, raw{method: "GET", path: "/bkt/k?attributes", header: h}) }
	type attributes struct {
		XMLName    xml.Name
		ETag       *string
		ObjectSize *int64
		Checksum   *struct{ ChecksumSHA1, ChecksumType string }
		Parts      *struct {
			PartsCount, MaxParts int
			NextPartNumberMarker int
			IsTruncated          bool
			Part                 []struct {
				PartNumber   int
				Size         int64
				ChecksumSHA1 string
			}
		} `xml:"ObjectParts"`
	}
	var all attributes
	mustParse(t, ask(headers{"X-Amz-Object-Attributes": "ETag, Checksum,ObjectParts,StorageClass,ObjectSize"}), &all)
	if all.ETag == nil || !strings.HasSuffix(*all.ETag, "-1") || all.ObjectSize == nil || *all.ObjectSize != 4 ||
		all.Checksum == nil || all.Checksum.ChecksumType != "COMPOSITE" || strings.Contains(all.Checksum.ChecksumSHA1, "-") ||
		all.Parts == nil || all.Parts.PartsCount != 1 || all.Parts.MaxParts != 1000 || all.Parts.NextPartNumberMarker != 1 || len(all.Parts.Part) != 1 ||
		all.Parts.Part[0].ChecksumSHA1 != digestOf(checksum.SHA1, "body") || all.Parts.Part[0].Size != 4 || all.Parts.IsTruncated {
		t.Errorf("all: %+v", all)
	}
	var one attributes
	mustParse(t, ask(headers{"X-Amz-Object-Attributes": "ObjectSize"}), &one)
	if one.ETag != nil || one.Checksum != nil || one.Parts != nil || one.ObjectSize == nil {
		t.Errorf("one: %+v", one)
	}
	var none attributes
	mustParse(t, ask(headers{"X-Amz-Object-Attributes": "ObjectParts", "X-Amz-Max-Parts": "0"}), &none)
	if none.Parts == nil || none.Parts.PartsCount != 1 || len(none.Parts.Part) > 0 {
		t.Errorf("no parts: %+v", none)
	}
	for _, h := range []headers{
		{},
		{"X-Amz-Object-Attributes": ""},
		{"X-Amz-Object-Attributes": "Size"},
		{"X-Amz-Object-Attributes": "ETag", "X-Amz-Max-Parts": "x"},
		{"X-Amz-Object-Attributes": "ETag", "X-Amz-Part-Number-Marker": "-1"},
	} {
		if a := ask(h); a.StatusCode != 400 || a.code(t) != "InvalidArgument" {
			t.Errorf("%v: %d %s", h, a.StatusCode, a.body)
		}
	}
	if a := s.do(t, raw{method: "GET", path: "/bkt/other?attributes", header: headers{"X-Amz-Object-Attributes": "ETag"}}); a.code(t) != "NoSuchKey" {
		t.Errorf("a missing key: %d %s", a.StatusCode, a.body)
	}
}
