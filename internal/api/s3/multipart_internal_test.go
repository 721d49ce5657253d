package s3api

import (
	"net/http/httptest"
	"testing"

	"github.com/carillon-s3/carillon/internal/object"
	"github.com/carillon-s3/carillon/internal/s3"
)

// FuzzCopySource: what is taken for a source names a bucket and a key that there
// can be.
func FuzzCopySource(f *testing.F) {
	for _, v := range []string{"/bkt/a%2Fb", "bkt/k?versionId=null", "bkt/k?versionId=", "bkt/k?versionId=5f7c4b1e-9d0a-4c3b-8e2f-112233445566", "%2fbkt%2fk", "//", "bkt/%00", "bkt/%zz", "bkt/\xff"} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, value string) {
		source, err := parseCopySource(value)
		if err == nil && (!s3.ValidBucketName(source.bucket) || !s3.ValidObjectKey(source.key)) {
			t.Fatalf("%q names %+v", value, source)
		}
		if err == nil && source.version != "" && object.CheckVersionID(source.version) != nil {
			t.Fatalf("%q names the version %q", value, source.version)
		}
	})
}

// FuzzChecksumHeaders: what is taken of the headers that speak of checksums can
// be kept.
func FuzzChecksumHeaders(f *testing.F) {
	f.Add("CRC32", "FULL_OBJECT", "X-Amz-Checksum-Crc32", "y/Q5Jg==-17", "7")
	f.Add("crc64nvme", "", "X-Amz-Checksum-Md5", "", "-1")
	f.Add("", "COMPOSITE", "X-Amz-Checksum-", "x", "99999999999999999999")
	f.Fuzz(func(t *testing.T, algorithm, kind, name, value, size string) {
		hr := httptest.NewRequestWithContext(t.Context(), "POST", "/", nil)
		hr.Header[headerChecksumAlgorithm] = []string{algorithm}
		hr.Header[headerChecksumType] = []string{kind}
		hr.Header[headerObjectSize] = []string{size}
		hr.Header[name] = append(hr.Header[name], value)
		r := &request{Request: hr}
		if c, err := r.uploadChecksum(); err == nil && !c.Algorithm.Allows(c.Type) {
			t.Errorf("an upload with %v %v", c.Algorithm, c.Type)
		}
		if sum, err := r.objectChecksum(); err == nil && sum != nil && (len(sum.Digest) != sum.Algorithm.Size() || sum.Text() != value) {
			t.Errorf("%q is taken for %q", value, sum.Text())
		}
		if n, known, err := r.objectSize(); err == nil && (n < 0 || known != (r.head(headerObjectSize) != "")) {
			t.Errorf("%q is %d bytes", size, n)
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
	f.Add([]byte(`<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>a</ETag><ChecksumCRC32>y/Q5Jg==</ChecksumCRC32></Part></CompleteMultipartUpload>`))
	f.Add([]byte(`<CompleteMultipartUpload><Part><ChecksumCRC32> </ChecksumCRC32><ChecksumX>y</ChecksumX><Checksum/></Part></CompleteMultipartUpload>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		parts, err := parseComplete(body)
		if err == nil && (len(parts) == 0 || len(parts) > s3.MaxParts) {
			t.Fatalf("%q yields %d parts", body, len(parts))
		}
		for _, p := range parts {
			if p.Checksum != nil && len(p.Checksum.Digest) != p.Checksum.Algorithm.Size() {
				t.Fatalf("%q yields a checksum of %d bytes", body, len(p.Checksum.Digest))
			}
		}
	})
}
