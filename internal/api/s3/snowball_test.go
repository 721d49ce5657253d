package s3api_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/signer"

	"github.com/carillon-s3/carillon/internal/object"
)

const autoExtract = "X-Amz-Meta-Snowball-Auto-Extract"

// archive is a tar archive of files, which have their names for content.
func archive(t *testing.T, names ...string) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range names {
		h := &tar.Header{Name: name, Typeflag: tar.TypeReg, Size: int64(len(name)), Format: tar.FormatPAX}
		if strings.HasSuffix(name, "/") {
			h.Typeflag, h.Size = tar.TypeDir, 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := io.WriteString(w, name); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// extract sends an archive.
func (s *site) extract(t *testing.T, body string, header ...string) answer {
	t.Helper()
	h := map[string]string{autoExtract: "true"}
	for i := 0; i < len(header); i += 2 {
		h[header[i]] = header[i+1]
	}
	return s.do(t, raw{method: "PUT", path: "/bkt/archive.tar", body: body, header: h})
}

// TestSnowball: as minio-go sends archives, each file is an object with its own
// headers and its own event.
func TestSnowball(t *testing.T) {
	t.Parallel()
	for _, compressed := range []bool{false, true} {
		s := newSite(t)
		s.bucket(t, "bkt")
		big := strings.Repeat("large ", 1<<20)
		objects := make(chan minio.SnowballObject, 300)
		for i := range 200 {
			body := fmt.Sprint("body ", i)
			objects <- minio.SnowballObject{Key: fmt.Sprintf("small/%03d", i), Size: int64(len(body)), Content: strings.NewReader(body)}
		}
		objects <- minio.SnowballObject{
			Key: "own", Size: 3, Content: strings.NewReader("own"),
			Headers: http.Header{"Content-Type": {"text/x"}, "X-Amz-Meta-Colour": {"red"}, "X-Amz-Tagging": {"a=b"}, "User-Agent": {"forged"}},
		}
		objects <- minio.SnowballObject{Key: "large", Size: int64(len(big)), Content: strings.NewReader(big)}
		for _, body := range []string{"first", "second", "third"} { // of one key, in order
			objects <- minio.SnowballObject{Key: "again", Size: int64(len(body)), Content: strings.NewReader(body)}
		}
		objects <- minio.SnowballObject{Key: "empty", Content: strings.NewReader("")}
		close(objects)
		opts := minio.SnowballOptions{InMemory: true, Compress: compressed, Opts: minio.PutObjectOptions{UserMetadata: map[string]string{"batch": "7"}}}
		if err := s.client.PutObjectsSnowball(t.Context(), "bkt", opts, objects); err != nil {
			t.Fatal(err)
		}
		if n := len(s.keys(t, "bkt")); n != 204 {
			t.Errorf("%d objects", n)
		}
		for key, want := range map[string]string{"small/000": "body 0", "small/199": "body 199", "own": "own", "large": big, "again": "third", "empty": ""} {
			if got := s.do(t, raw{method: "GET", path: "/bkt/" + key}); got.body != want || got.Header.Get("X-Amz-Meta-Batch") != "7" || got.Header.Get(autoExtract) != "" {
				t.Errorf("%s: %d, %d bytes, %v", key, got.StatusCode, len(got.body), got.Header)
			}
		}
		got := s.do(t, raw{method: "HEAD", path: "/bkt/own"})
		if got.Header.Get("Content-Type") != "text/x" || got.Header.Get("X-Amz-Meta-Colour") != "red" || got.Header.Get("X-Amz-Tagging-Count") != "1" {
			t.Errorf("its own headers: %v", got.Header)
		}
	}
}

// TestSnowballFormats: the compression is found out by the first bytes.
func TestSnowballFormats(t *testing.T) {
	t.Parallel()
	packed := func(w io.WriteCloser, err error, b *bytes.Buffer) string {
		if err == nil {
			_, err = io.WriteString(w, archive(t, "dir/file.txt"))
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	var gz, zst, snap, s2c bytes.Buffer
	z, err := zstd.NewWriter(&zst)
	bz, bzErr := base64.StdEncoding.DecodeString("QlpoOTFBWSZTWVZ+4P0AAG57gMmAAAJAAeeABABnZJ5ACAggAFQ0owhkMjTEehqCSSeo0A0AAH3dZBCDl0IRLqVJhZVFAhgY2je4nYRnAh2oOfCTW5CPR/TQztLQWVhEwkIkRAfi7kinChIKz9wfoA==")
	if bzErr != nil {
		t.Fatal(bzErr)
	}
	for name, body := range map[string]string{
		"tar": archive(t, "dir/file.txt"), "gzip": packed(gzip.NewWriter(&gz), nil, &gz), "zstd": packed(z, err, &zst),
		"snappy": packed(snappy.NewBufferedWriter(&snap), nil, &snap), "s2": packed(s2.NewWriter(&s2c), nil, &s2c), "bzip2": string(bz),
	} {
		s := newSite(t)
		s.bucket(t, "bkt")
		if got := s.extract(t, body); got.StatusCode != http.StatusOK || got.Header.Get("Etag") == "" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.body)
		}
		if diff := cmp.Diff([]string{"dir/file.txt"}, s.keys(t, "bkt")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestSnowballNames(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files, header, want []string
	}{
		"folders":         {[]string{"a/", "a/b"}, nil, []string{"a/", "a/b"}},
		"no folders":      {[]string{"a/", "a/b"}, []string{"X-Amz-Meta-Minio-Snowball-Ignore-Dirs", "true"}, []string{"a/b"}},
		"a prefix":        {[]string{"b"}, []string{"X-Amz-Meta-Minio-Snowball-Prefix", "/p/q/"}, []string{"p/q/b"}},
		"upwards":         {[]string{"../../b", "a/../../c", "./d"}, nil, []string{"b", "c", "d"}},
		"below a prefix":  {[]string{"../../b"}, []string{"X-Amz-Meta-Minio-Snowball-Prefix", "p"}, []string{"p/b"}},
		"from the root":   {[]string{"/etc/passwd", "//x"}, nil, []string{"etc/passwd", "x"}},
		"nothing":         {nil, nil, nil},
		"one over":        {[]string{"a", strings.Repeat("x", 1025), "b"}, []string{"X-Amz-Meta-Minio-Snowball-Ignore-Errors", "true"}, []string{"a", "b"}},
		"only the root":   {[]string{"./"}, []string{"X-Amz-Meta-Minio-Snowball-Ignore-Errors", "true"}, nil},
		"not in the tree": {[]string{"..", "x"}, []string{"X-Amz-Meta-Minio-Snowball-Ignore-Errors", "true"}, []string{"x"}},
	} {
		s := newSite(t)
		s.bucket(t, "bkt")
		got := s.extract(t, archive(t, c.files...), c.header...)
		if diff := cmp.Diff(c.want, s.keys(t, "bkt")); got.StatusCode != http.StatusOK || diff != "" {
			t.Errorf("%s: %d %s %s", name, got.StatusCode, got.body, diff)
		}
	}
}

// TestSnowballBad: an archive that cannot be read to its end is an error, and what
// was stored before that stays.
func TestSnowballBad(t *testing.T) {
	t.Parallel()
	whole := archive(t, "a", "b", strings.Repeat("long", 300))
	for name, c := range map[string]struct {
		body   string
		header []string
		status int
		code   string
		keys   []string
	}{
		"no archive":     {"something else, and long enough to be taken for one" + strings.Repeat(".", 600), nil, 400, "InvalidRequest", nil},
		"cut off":        {whole[:2*1024+900], nil, 400, "InvalidRequest", []string{"a", "b"}},
		"a long name":    {whole, nil, 400, "KeyTooLongError", []string{"a", "b"}},
		"damaged gzip":   {"\x1f\x8b\x08\x00garbage", nil, 400, "InvalidRequest", nil},
		"damaged zstd":   {"\x28\xb5\x2f\xfdgarbage", nil, 400, "InvalidRequest", nil},
		"another digest": {archive(t, "a"), []string{"Content-Md5", contentMD5("other")}, 400, "BadDigest", []string{"a"}},
		"an offset":      {archive(t, "a"), []string{"X-Amz-Write-Offset-Bytes", "1"}, 501, "NotImplemented", nil},
	} {
		s := newSite(t)
		s.bucket(t, "bkt")
		got := s.extract(t, c.body, c.header...)
		if diff := cmp.Diff(c.keys, s.keys(t, "bkt")); got.StatusCode != c.status || got.code(t) != c.code || diff != "" {
			t.Errorf("%s: %d %s %s", name, got.StatusCode, got.body, diff)
		}
	}
	s := newSite(t)
	if got := s.extract(t, archive(t, "a")); got.code(t) != "NoSuchBucket" {
		t.Errorf("no bucket: %d %s", got.StatusCode, got.body)
	}
}

// TestSnowballRights: every file needs the right to its own key.
func TestSnowballRights(t *testing.T) {
	t.Parallel()
	s := newUserSite(t)
	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:PutObject","Resource":["arn:aws:s3:::bkt/mine/*","arn:aws:s3:::bkt/archive.tar"]}]}`
	if err := s.identities.PutPolicy(t.Context(), "rights", []byte(document)); err != nil {
		t.Fatal(err)
	}
	send := func(body string) *http.Response {
		t.Helper()
		r := s.request(t, raw{method: "PUT", path: "/bkt/archive.tar", body: body, unsigned: true, header: map[string]string{autoExtract: "true"}})
		resp, err := s.transport.RoundTrip(signer.SignV4(*r, "bob", secretKey, "", "us-east-1"))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp
	}
	if got := send(archive(t, "mine/a")); got.StatusCode != http.StatusOK {
		t.Errorf("his own: %d", got.StatusCode)
	}
	if got := send(archive(t, "mine/../others/b")); got.StatusCode != http.StatusForbidden {
		t.Errorf("another's: %d", got.StatusCode)
	}
	page, err := s.service.List(t.Context(), object.ListInput{Bucket: "bkt", MaxKeys: 10})
	if err != nil || len(page.Objects) != 1 || page.Objects[0].Key != "mine/a" {
		t.Errorf("%+v, %v", page.Objects, err)
	}
}
