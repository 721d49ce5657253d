package s3api

import (
	"net/http/httptest"
	"testing"

	"github.com/carillon-s3/carillon/internal/s3"
)

// FuzzCopySource: what is taken for a source names a bucket and a key that there
// can be.
func FuzzCopySource(f *testing.F) {
	for _, v := range []string{"/bkt/a%2Fb", "bkt/k?versionId=null", "bkt/k?versionId=", "%2fbkt%2fk", "//", "bkt/%00", "bkt/%zz", "bkt/\xff"} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, value string) {
		bucket, key, err := parseCopySource(value)
		if err == nil && (!s3.ValidBucketName(bucket) || !s3.ValidObjectKey(key)) {
			t.Fatalf("%q names %q, %q", value, bucket, key)
		}
	})
}

// FuzzCopiedRange: a range that is taken lies within its source.
func FuzzCopiedRange(f *testing.F) {
	f.Add("bytes=0-9", int64(10))
	f.Add("bytes=9223372036854775806-9223372036854775807", int64(1<<62))
	f.Add("bytes=5-4", int64(10))
	f.Add("bytes=-5", int64(10))
	f.Fuzz(func(t *testing.T, value string, size int64) {
		if size < 0 {
			return
		}
		hr := httptest.NewRequestWithContext(t.Context(), "PUT", "/", nil)
		hr.Header["X-Amz-Copy-Source-Range"] = []string{value}
		offset, length, err := copiedRange(&request{Request: hr}, size)
		if err == nil && (offset < 0 || length < 0 || offset > size-length || value != "" && length == 0) {
			t.Fatalf("%q of %d bytes: %d bytes at %d", value, size, length, offset)
		}
	})
}

// FuzzCompleteXML: no document panics the decoder.
func FuzzCompleteXML(f *testing.F) {
	f.Add([]byte(`<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>&#34;a&#34;</ETag></Part></CompleteMultipartUpload>`))
	f.Add([]byte(`<CompleteMultipartUpload xmlns="x"><Part><ETag/><PartNumber>-1</PartNumber></Part></CompleteMultipartUpload>`))
	f.Add([]byte(`<CompleteMultipartUpload><Part><PartNumber>99999999999999999999</PartNumber></Part></CompleteMultipartUpload>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		parts, err := parseComplete(body)
		if err == nil && (len(parts) == 0 || len(parts) > s3.MaxParts) {
			t.Fatalf("%q yields %d parts", body, len(parts))
		}
	})
}
