package s3api_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/carillon-s3/carillon/internal/s3"
)

// noise is content without repetition.
func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(b) // never fails
	return b
}

func compositeETag(body []byte, part int) string {
	all, n := md5.New(), 0
	for ; len(body) > 0; n++ {
		size := min(part, len(body))
		sum := md5.Sum(body[:size])
		all.Write(sum[:])
		body = body[size:]
	}
	return fmt.Sprintf("%s-%d", hex.EncodeToString(all.Sum(nil)), n)
}

// TestMultipart uploads with the client's own multipart code, in its several
// forms, and reads back the whole, ranges and parts.
func TestMultipart(t *testing.T) {
	t.Parallel()
	const part = s3.MinPartBytes
	body := noise(2*part + 12345)
	for name, options := range map[string]minio.PutObjectOptions{
		"plain":    {PartSize: part, DisableContentSha256: true},
		"md5":      {PartSize: part, SendContentMd5: true},
		"parallel": {PartSize: part, NumThreads: 3},
		"crc32c":   {PartSize: part, Checksum: minio.ChecksumCRC32C},
		"full crc": {PartSize: part, Checksum: minio.ChecksumFullObjectCRC32},
		"sha256":   {PartSize: part, Checksum: minio.ChecksumSHA256},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ctx := newSite(t), t.Context()
			s.bucket(t, "bkt")
			options.ContentType = "image/png"
			options.UserMetadata = map[string]string{"Color": "red"}
			for unknown, size := range map[string]int64{"sized": int64(len(body)), "streamed": -1} {
				if unknown == "streamed" && options.NumThreads > 0 {
					options.ConcurrentStreamParts = true
				}
				info, err := s.client.PutObject(ctx, "bkt", unknown, bytes.NewReader(body), size, options)
				if err != nil {
					t.Fatalf("%s: %v", unknown, err)
				}
				if want := compositeETag(body, part); info.ETag != want {
					t.Errorf("%s: ETag %s, want %s", unknown, info.ETag, want)
				}
				s.checkMultipart(t, unknown, body, part)
			}
		})
	}
}

func (s *site) checkMultipart(t *testing.T, key string, body []byte, part int) {
	t.Helper()
	o, err := s.client.StatObject(t.Context(), "bkt", key, minio.StatObjectOptions{})
	if err != nil || o.Size != int64(len(body)) || o.ContentType != "image/png" || o.UserMetadata["Color"] != "red" {
		t.Errorf("stat of %s: %+v, %v", key, o, err)
	}
	for _, r := range [][2]int{{0, len(body) - 1}, {part - 3, part + 3}, {part, part}, {2*part - 1, len(body) - 1}, {7, 2*part + 7}} {
		get := minio.GetObjectOptions{}
		if err := get.SetRange(int64(r[0]), int64(r[1])); err != nil {
			t.Fatal(err)
		}
		if got := s.readObject(t, key, get); !bytes.Equal(got, body[r[0]:r[1]+1]) {
			t.Errorf("bytes %d to %d of %s differ", r[0], r[1], key)
		}
	}
	count := (len(body) + part - 1) / part
	for n := range count {
		want := body[n*part : min((n+1)*part, len(body))]
		if got := s.readObject(t, key, minio.GetObjectOptions{PartNumber: n + 1}); !bytes.Equal(got, want) {
			t.Errorf("part %d of %s differs", n+1, key)
		}
		a := s.do(t, raw{method: "HEAD", path: fmt.Sprintf("/bkt/%s?partNumber=%d", key, n+1)})
		if a.StatusCode != http.StatusPartialContent || a.Header.Get("X-Amz-Mp-Parts-Count") != fmt.Sprint(count) || a.ContentLength != int64(len(want)) {
			t.Errorf("HEAD of part %d: %d %v", n+1, a.StatusCode, a.Header)
		}
	}
	if a := s.do(t, raw{method: "GET", path: fmt.Sprintf("/bkt/%s?partNumber=%d", key, count+1)}); a.code(t) != "InvalidPartNumber" {
		t.Errorf("part %d: %d %s", count+1, a.StatusCode, a.body)
	}
}

func (s *site) readObject(t *testing.T, key string, options minio.GetObjectOptions) []byte {
	t.Helper()
	body, _, _, err := (&minio.Core{Client: s.client}).GetObject(t.Context(), "bkt", key, options)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	b, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestMultipartRequests walks through an upload with raw requests.
func TestMultipartRequests(t *testing.T) {
	t.Parallel()
	s, ctx := newSite(t), t.Context()
	s.bucket(t, "bkt")
	s.store(t, "bkt", "source", "0123456789", nil)
	core := &minio.Core{Client: s.client}
	id, err := core.NewMultipartUpload(ctx, "bkt", "a b", minio.PutObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	part := func(n int, header map[string]string) raw {
		return raw{method: "PUT", path: fmt.Sprintf("/bkt/a%%20b?partNumber=%d&uploadId=%s", n, id), header: header}
	}
	from := func(rng string) map[string]string {
		return map[string]string{"X-Amz-Copy-Source": "bkt/source", "X-Amz-Copy-Source-Range": rng}
	}
	for rng, code := range map[string]string{
		"bytes=0-10": "InvalidArgument", "bytes=3-2": "InvalidArgument", "bytes=3-": "InvalidArgument",
		"bytes=-3": "InvalidArgument", "3-4": "InvalidArgument", "bytes=a-b": "InvalidArgument",
	} {
		if a := s.do(t, part(1, from(rng))); a.StatusCode != 400 || a.code(t) != code {
			t.Errorf("%s: %d %s", rng, a.StatusCode, a.body)
		}
	}
	bad := from("bytes=2-5")
	bad["X-Amz-Copy-Source-If-Match"] = "x"
	if a := s.do(t, part(1, bad)); a.code(t) != "PreconditionFailed" {
		t.Errorf("condition on the source: %d %s", a.StatusCode, a.body)
	}
	var copied struct{ ETag, LastModified string }
	mustParse(t, s.do(t, part(2, from("bytes=2-5"))), &copied)
	if sum := md5.Sum([]byte("2345")); copied.ETag != fmt.Sprintf(`"%x"`, sum) {
		t.Errorf("ETag of the copied part: %s", copied.ETag)
	}
	parts, err := core.ListObjectParts(ctx, "bkt", "a b", id, 0, 10)
	if err != nil || len(parts.ObjectParts) != 1 || parts.ObjectParts[0].Size != 4 || parts.ObjectParts[0].PartNumber != 2 {
		t.Errorf("ListParts = %+v, %v", parts, err)
	}
	// Paginators that do not look at IsTruncated go on as long as there is one.
	if a := s.do(t, raw{method: "GET", path: "/bkt/a%20b?uploadId=" + id}); strings.Contains(a.body, "NextPartNumberMarker") {
		t.Errorf("the last page names a next one: %s", a.body)
	}
	uploads, err := core.ListMultipartUploads(ctx, "bkt", "a", "", "", "", 10)
	if err != nil || len(uploads.Uploads) != 1 || uploads.Uploads[0].Key != "a b" || uploads.Uploads[0].UploadID != id ||
		uploads.Uploads[0].Initiated.IsZero() {
		t.Errorf("ListMultipartUploads = %+v, %v", uploads, err)
	}
	complete := func(etag string) raw {
		return raw{
			method: "POST", path: "/bkt/a%20b?uploadId=" + id,
			body: "<CompleteMultipartUpload><Part><PartNumber>2</PartNumber><ETag>" + etag + "</ETag></Part></CompleteMultipartUpload>",
		}
	}
	if a := s.do(t, complete(strings.Repeat("0", 32))); a.StatusCode != 400 || a.code(t) != "InvalidPart" {
		t.Errorf("other ETag: %d %s", a.StatusCode, a.body)
	}
	for _, etag := range []string{copied.ETag, strings.Trim(copied.ETag, `"`), "&#34;" + strings.Trim(copied.ETag, `"`) + "&#34;"} {
		var done struct{ Location, Bucket, Key, ETag string }
		mustParse(t, s.do(t, complete(etag)), &done) // the second and third complete it again
		if done.Key != "a b" || done.Bucket != "bkt" || done.Location != s.URL+"/bkt/a%20b" || !strings.HasSuffix(done.ETag, `-1"`) {
			t.Errorf("completed: %+v", done)
		}
	}
	if got := s.readObject(t, "a b", minio.GetObjectOptions{}); string(got) != "2345" {
		t.Errorf("the object is %q", got)
	}
	if err := core.AbortMultipartUpload(ctx, "bkt", "a b", id); minio.ToErrorResponse(err).Code != "NoSuchUpload" {
		t.Errorf("abort after completion: %v", err)
	}
}

// TestMultipartTooSmall has S3's own bound, and gives up the upload afterwards.
func TestMultipartTooSmall(t *testing.T) {
	t.Parallel()
	s, ctx := newSite(t), t.Context()
	s.bucket(t, "bkt")
	core := &minio.Core{Client: s.client}
	id, err := core.NewMultipartUpload(ctx, "bkt", "k", minio.PutObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var list []minio.CompletePart
	for n, body := range []string{"one", "two"} {
		p, err := core.PutObjectPart(ctx, "bkt", "k", id, n+1, strings.NewReader(body), 3, minio.PutObjectPartOptions{})
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, minio.CompletePart{PartNumber: n + 1, ETag: p.ETag})
	}
	if _, err := core.CompleteMultipartUpload(ctx, "bkt", "k", id, list, minio.PutObjectOptions{}); minio.ToErrorResponse(err).Code != "EntityTooSmall" {
		t.Errorf("small parts: %v", err)
	}
	list[0], list[1] = list[1], list[0]
	if _, err := core.CompleteMultipartUpload(ctx, "bkt", "k", id, list, minio.PutObjectOptions{}); minio.ToErrorResponse(err).Code != "InvalidPartOrder" {
		t.Errorf("parts out of order: %v", err)
	}
	if err := s.client.RemoveIncompleteUpload(ctx, "bkt", "k"); err != nil {
		t.Fatal(err)
	}
	for u := range s.client.ListIncompleteUploads(ctx, "bkt", "", true) {
		t.Errorf("%+v is under way after it was given up", u)
	}
	if err := s.client.RemoveBucket(ctx, "bkt"); err != nil {
		t.Error(err)
	}
}

// TestChecksumOfObject completes with the checksum header that speaks of all
// parts, as the client's pipe does.
func TestChecksumOfObject(t *testing.T) {
	t.Parallel()
	s, ctx := newSite(t), t.Context()
	s.bucket(t, "bkt")
	core := &minio.Core{Client: s.client}
	id, err := core.NewMultipartUpload(ctx, "bkt", "k", minio.PutObjectOptions{UserMetadata: map[string]string{"X-Amz-Checksum-Algorithm": "CRC32C"}})
	if err != nil {
		t.Fatal(err)
	}
	crc := func(b []byte) []byte {
		return binary.BigEndian.AppendUint32(nil, crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
	}
	sum := crc([]byte("body"))
	header := map[string]string{"X-Amz-Checksum-Crc32c": base64.StdEncoding.EncodeToString(sum)}
	path := "/bkt/k?uploadId=" + id
	a := s.do(t, raw{method: "PUT", path: path + "&partNumber=1", body: "body", header: header})
	if a.StatusCode != 200 || a.Header.Get("X-Amz-Checksum-Crc32c") != header["X-Amz-Checksum-Crc32c"] {
		t.Fatalf("part: %d %s", a.StatusCode, a.body)
	}
	if a := s.do(t, raw{method: "PUT", path: path + "&partNumber=1", body: "other", header: header}); a.code(t) != "BadDigest" {
		t.Errorf("part of another checksum: %d %s", a.StatusCode, a.body)
	}
	header["X-Amz-Checksum-Crc32c"] = base64.StdEncoding.EncodeToString(crc(sum))
	a = s.do(t, raw{method: "POST", path: path, header: header, body: "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" +
		strings.Trim(a.Header.Get("Etag"), `"`) + "</ETag><ChecksumCRC32C>" + base64.StdEncoding.EncodeToString(sum) + "</ChecksumCRC32C></Part></CompleteMultipartUpload>"})
	if a.StatusCode != 200 {
		t.Errorf("completion: %d %s", a.StatusCode, a.body)
	}
	if b := s.readObject(t, "k", minio.GetObjectOptions{}); string(b) != "body" {
		t.Errorf("the object is %q", b)
	}
}
