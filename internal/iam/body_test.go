package iam

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/minio/minio-go/v7/pkg/signer"
)

// hasher gives minio-go's signer the standard library's SHA-256.
type hasher struct{ hash.Hash }

func (hasher) Close() {}

// streamed makes an upload as minio-go does and returns it with its encoded body.
func streamed(t testing.TB, data []byte, trailer http.Header, at time.Time) (*http.Request, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPut, "http://127.0.0.1:9000/b/k", bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	r.Trailer = trailer
	r = signer.StreamingSignV4(r, exampleRoot.AccessKey, exampleRoot.SecretKey, "", "us-east-1", int64(len(data)), at, hasher{sha256.New()})
	encoded, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(encoded))
	r.ContentLength = int64(len(encoded))
	return r, encoded
}

func readBody(t testing.TB, r *http.Request, at time.Time) ([]byte, error) {
	t.Helper()
	got, err := exampleVerifier("", at).Verify(r, Options{})
	if err != nil {
		return nil, err
	}
	defer got.Body.Close()
	return io.ReadAll(got.Body)
}

func TestStreamedSizes(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 4096, 65535, 65536, 65537, 3<<16 + 17} {
		for _, trailer := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d trailer=%v", size, trailer), func(t *testing.T) {
				t.Parallel()
				data := bytes.Repeat([]byte("x1"), size/2+1)[:size]
				var h http.Header
				if trailer {
					sum := sha256.Sum256(data)
					h = http.Header{"X-Amz-Checksum-Sha256": {base64.StdEncoding.EncodeToString(sum[:])}}
				}
				r, encoded := streamed(t, data, h, exampleTime)
				for name, src := range map[string]io.Reader{
					"whole":         bytes.NewReader(encoded),
					"byte by byte":  iotest.OneByteReader(bytes.NewReader(encoded)),
					"data with end": iotest.DataErrReader(bytes.NewReader(encoded)),
				} {
					r.Body = io.NopCloser(src)
					got, err := readBody(t, r, exampleTime)
					if err != nil || !bytes.Equal(got, data) {
						t.Errorf("%s: %d bytes, %v", name, len(got), err)
					}
				}
			})
		}
	}
}

// TestTamperedChunks changes each byte of a small upload in turn, and cuts it
// after each: never may the whole body be read without an error.
func TestTamperedChunks(t *testing.T) {
	t.Parallel()
	data := []byte("twenty-six bytes of a body")
	sum := sha256.Sum256(data)
	for name, trailer := range map[string]http.Header{
		"signed":  nil,
		"trailer": {"X-Amz-Checksum-Sha256": {base64.StdEncoding.EncodeToString(sum[:])}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, encoded := streamed(t, data, trailer, exampleTime)
			for i := range encoded {
				bad := bytes.Clone(encoded)
				bad[i] ^= 1
				r.Body = io.NopCloser(bytes.NewReader(bad))
				if got, err := readBody(t, r, exampleTime); err == nil && !harmless(encoded, i) {
					t.Errorf("byte %d (%q) changed to %q, and read %q", i, encoded[i], bad[i], got)
				}
				r.Body = io.NopCloser(bytes.NewReader(encoded[:i]))
				if got, err := readBody(t, r, exampleTime); !errors.Is(err, ErrIncompleteBody) && !errors.Is(err, ErrMalformedTrailer) && !(err == nil && harmless(encoded, i)) {
					t.Errorf("cut at %d: read %q, %v", i, got, err)
				}
			}
		})
	}
}

// harmless are the line ends around trailers: clients differ there, and nothing
// hangs on them.
func harmless(encoded []byte, i int) bool {
	at := bytes.Index(encoded, []byte("x-amz-checksum-sha256:"))
	return at >= 0 && i > at && (encoded[i] == '\r' || encoded[i] == '\n' || bytes.Equal(encoded[i:], []byte("\r\n")))
}

// TestLastBytesWaitForTheEnd: a reader that stops at the announced length must
// not have been given a body whose end is wrong.
func TestLastBytesWaitForTheEnd(t *testing.T) {
	t.Parallel()
	data := []byte("body")
	r, encoded := streamed(t, data, nil, exampleTime)
	final := bytes.LastIndex(encoded, []byte("0;chunk-signature="))
	encoded[final+len("0;chunk-signature=")] ^= 1
	r.Body = io.NopCloser(bytes.NewReader(encoded))
	got, err := exampleVerifier("", exampleTime).Verify(r, Options{})
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.ReadFull(got.Body, make([]byte, len(data)))
	if !errors.Is(err, ErrSignature) {
		t.Errorf("read %d bytes, %v", n, err)
	}
}

func unsignedTrailer(body, trailerName, decoded string) *http.Request {
	r, _ := http.NewRequestWithContext(context.Background(), http.MethodPut, "http://127.0.0.1:9000/b/k", strings.NewReader(body))
	r.Header.Set("X-Amz-Content-Sha256", streamingUnsignedTrailer)
	r.Header.Set("X-Amz-Decoded-Content-Length", decoded)
	if trailerName != "" {
		r.Header.Set("X-Amz-Trailer", trailerName)
	}
	return signAt(r, "us-east-1", exampleTime)
}

func TestUnsignedTrailer(t *testing.T) {
	t.Parallel()
	// Check values of "123456789" from the catalogue of CRC algorithms; the
	// others from sha1sum and sha256sum.
	const nine = "9\r\n123456789\r\n0\r\n"
	tests := []struct {
		name, trailer, body, decoded string
		want                         error
	}{
		{name: "crc32", trailer: "x-amz-checksum-crc32", body: nine + "x-amz-checksum-crc32:y/Q5Jg==\r\n\r\n"},
		{name: "crc32c", trailer: "x-amz-checksum-crc32c", body: nine + "x-amz-checksum-crc32c:4waSgw==\r\n\r\n"},
		{name: "crc64nvme", trailer: "x-amz-checksum-crc64nvme", body: nine + "x-amz-checksum-crc64nvme:rosUhgp5mIg=\r\n\r\n"},
		{name: "sha1", trailer: "x-amz-checksum-sha1", body: nine + "x-amz-checksum-sha1:98O8HYCOBHMq32eZZczDTKeuNEE=\r\n\r\n"},
		{name: "sha256", trailer: "x-amz-checksum-sha256", body: nine + "x-amz-checksum-sha256:FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=\r\n\r\n"},
		{name: "line feed before the end", trailer: "x-amz-checksum-crc32", body: nine + "x-amz-checksum-crc32:y/Q5Jg==\n\r\n\r\n"},
		{name: "several chunks", trailer: "x-amz-checksum-crc32", body: "5\r\n12345\r\n4\r\n6789\r\n0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n"},
		{name: "no trailer announced, none sent", body: nine + "\r\n"},
		{name: "wrong checksum", trailer: "x-amz-checksum-crc32", body: nine + "x-amz-checksum-crc32:y/Q5Jw==\r\n\r\n", want: ErrChecksumMismatch},
		{name: "wrong data", trailer: "x-amz-checksum-crc32", body: strings.Replace(nine, "5", "6", 1) + "x-amz-checksum-crc32:y/Q5Jg==\r\n\r\n", want: ErrChecksumMismatch},
		{name: "announced, not sent", trailer: "x-amz-checksum-crc32", body: nine + "\r\n", want: ErrMalformedTrailer},
		{name: "another than announced", trailer: "x-amz-checksum-crc32", body: nine + "x-amz-checksum-crc32c:4waSgw==\r\n\r\n", want: ErrMalformedTrailer},
		{name: "sent, not announced", body: nine + "x-amz-checksum-crc32:y/Q5Jg==\r\n\r\n", want: ErrMalformedTrailer},
		{name: "two trailers", trailer: "x-amz-checksum-crc32", body: nine + "x-amz-checksum-crc32:y/Q5Jg==\r\nx-other:1\r\n\r\n", want: ErrMalformedTrailer},
		{name: "endless trailer", trailer: "x-amz-checksum-crc32", body: nine + strings.Repeat("x", 5000) + "\r\n", want: ErrMalformedTrailer},
		{name: "unknown algorithm", trailer: "x-amz-checksum-xxh3", body: nine, want: ErrInvalidChecksumHeader},
		{name: "trailer that is no digest", trailer: "x-amz-checksum-crc32", body: nine + "x-amz-checksum-crc32:y/Q5\r\n\r\n", want: ErrInvalidChecksumHeader},
		{name: "not a checksum", trailer: "x-other", body: nine, want: ErrInvalidChecksumHeader},
		{name: "two announced", trailer: "x-amz-checksum-crc32,x-amz-checksum-sha1", body: nine, want: ErrInvalidChecksumHeader},
		{name: "shorter than announced", decoded: "10", body: nine + "\r\n", want: ErrIncompleteBody},
		{name: "longer than announced", decoded: "8", body: nine + "\r\n", want: ErrIncompleteBody},
		{name: "more after the end", decoded: "4", body: "4\r\n1234\r\n5\r\n56789\r\n0\r\n\r\n", want: ErrIncompleteBody},
		{name: "cut off", body: nine[:8], want: ErrIncompleteBody},
		{name: "no line end after a chunk", body: "9\r\n123456789xx0\r\n\r\n", want: ErrInvalidChunk},
		{name: "no size", body: "\r\n", want: ErrInvalidChunk},
		{name: "size not hexadecimal", body: "g\r\n", want: ErrInvalidChunk},
		{name: "negative size", body: "-1\r\n", want: ErrInvalidChunk},
		{name: "huge size", body: "ffffffffffffffff\r\n", want: ErrInvalidChunk},
		{name: "large size", body: "fffffffffffffff\r\n", want: ErrIncompleteBody},
		{name: "endless header", body: strings.Repeat("1", 5000), want: ErrInvalidChunk},
		{name: "length in words", decoded: "nine", body: nine, want: ErrMissingLength},
		{name: "negative length", decoded: "-9", body: nine, want: ErrMissingLength},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.decoded == "" {
				tt.decoded = "9"
			}
			got, err := readBody(t, unsignedTrailer(tt.body, tt.trailer, tt.decoded), exampleTime)
			if !errors.Is(err, tt.want) {
				t.Fatalf("read %q, %v; want %v", got, err, tt.want)
			}
			if err == nil && string(got) != "123456789" {
				t.Errorf("read %q", got)
			}
		})
	}
}

func TestSignedChunkLimits(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		want       error
	}{
		{"chunk too large", fmt.Sprintf("%x;chunk-signature=%s\r\n", maxChunkBytes+1, strings.Repeat("0", 64)), ErrInvalidChunk},
		{"no signature", "4\r\n1234\r\n0\r\n\r\n", ErrInvalidChunk},
		{"short signature", "4;chunk-signature=00\r\n1234\r\n", ErrInvalidChunk},
		{"other extension", "4;x=" + strings.Repeat("0", 64) + "\r\n1234\r\n", ErrInvalidChunk},
		{"wrong signature", "4;chunk-signature=" + strings.Repeat("0", 64) + "\r\n1234\r\n", ErrSignature},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, _ := http.NewRequestWithContext(context.Background(), http.MethodPut, "http://127.0.0.1:9000/b/k", strings.NewReader(tt.body))
			r.Header.Set("X-Amz-Content-Sha256", streamingSigned)
			r.Header.Set("X-Amz-Decoded-Content-Length", fmt.Sprint(64<<20))
			if got, err := readBody(t, signAt(r, "us-east-1", exampleTime), exampleTime); !errors.Is(err, tt.want) {
				t.Errorf("read %q, %v; want %v", got, err, tt.want)
			}
		})
	}
}

// TestLargeChunk has the buffer grow: one chunk of a megabyte.
func TestLargeChunk(t *testing.T) {
	t.Parallel()
	r, _ := http.NewRequestWithContext(context.Background(), http.MethodPut, "http://127.0.0.1:9000/b/k", http.NoBody)
	data := bytes.Repeat([]byte("carillon"), 1<<17)
	r.Header.Set("X-Amz-Content-Sha256", streamingSigned)
	r.Header.Set("X-Amz-Decoded-Content-Length", fmt.Sprint(len(data)))
	r = signAt(r, "us-east-1", exampleTime)
	auth := r.Header.Get("Authorization")
	prev := auth[len(auth)-signatureLen:]
	key := newSigningKey(exampleRoot.SecretKey, "20130524", "us-east-1", serviceS3)
	sign := func(data []byte) string {
		sum := sha256.Sum256(data)
		m := key.macs.Get().(*mac)
		m.hash.Reset()
		_, _ = fmt.Fprintf(m.hash, "%s\n%s\n%s\n%s\n%s\n%x", chunkAlgorithm, exampleTime.Format(dateLayout),
			"20130524/us-east-1/s3/aws4_request", prev, emptySHA256, sum)
		prev = hex.EncodeToString(m.hash.Sum(nil))
		return prev
	}
	body := chunk(len(data), string(data), sign(data)) + chunk(0, "", sign(nil))
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	got, err := readBody(t, r, exampleTime)
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestPlainBody(t *testing.T) {
	t.Parallel()
	hashOf := func(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) }
	tests := []struct {
		name, sha, body string
		length          int64
		header          http.Header
		o               Options
		want            error
	}{
		{name: "hash", sha: hashOf("body"), body: "body", length: 4},
		{name: "hash, length unknown", sha: hashOf("body"), body: "body", length: -1},
		{name: "empty, length unknown", sha: emptyHash, body: "", length: -1},
		{name: "empty", sha: emptyHash, body: "", length: 0},
		{name: "wrong hash", sha: hashOf("bodx"), body: "body", length: 4, want: ErrContentSHA256Mismatch},
		{name: "wrong hash, length unknown", sha: hashOf("bodx"), body: "body", length: -1, want: ErrContentSHA256Mismatch},
		{name: "hash of something, empty body", sha: hashOf("body"), length: 0, want: ErrContentSHA256Mismatch},
		{name: "too short", sha: hashOf("body"), body: "bod", length: 4, want: ErrIncompleteBody},
		{name: "unsigned", sha: unsignedPayload, body: "body", length: 4},
		{name: "unsigned, too short", sha: unsignedPayload, body: "bod", length: 4, want: ErrIncompleteBody},
		{name: "right checksum", sha: unsignedPayload, body: "123456789", length: 9, header: http.Header{"X-Amz-Checksum-Crc32": {"y/Q5Jg=="}}},
		{name: "wrong checksum", sha: unsignedPayload, body: "12345678x", length: 9, header: http.Header{"X-Amz-Checksum-Crc32": {"y/Q5Jg=="}}, want: ErrChecksumMismatch},
		{name: "checksum of something else", sha: unsignedPayload, body: "12345678x", length: 9, header: http.Header{"X-Amz-Checksum-Crc32": {"y/Q5Jg=="}}, o: Options{IgnoreChecksums: true}},
		{name: "two checksums", sha: unsignedPayload, body: "123456789", length: 9, header: http.Header{"X-Amz-Checksum-Crc32": {"y/Q5Jg=="}, "X-Amz-Checksum-Crc32c": {"4waSgw=="}}, want: ErrInvalidChecksumHeader},
		{name: "checksum not base64", sha: unsignedPayload, length: 9, header: http.Header{"X-Amz-Checksum-Crc32": {"!"}}, want: ErrInvalidChecksumHeader},
		{name: "checksum too short", sha: unsignedPayload, length: 9, header: http.Header{"X-Amz-Checksum-Crc32": {"y/Q="}}, want: ErrInvalidChecksumHeader},
		{name: "checksum settings only", sha: unsignedPayload, body: "b", length: 1, header: http.Header{"X-Amz-Checksum-Algorithm": {"CRC32"}, "X-Amz-Checksum-Type": {"FULL_OBJECT"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, _ := http.NewRequestWithContext(context.Background(), http.MethodPut, "http://127.0.0.1:9000/b/k", http.NoBody)
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(tt.body)), tt.length
			for name, values := range tt.header {
				r.Header[name] = values
			}
			r.Header.Set("X-Amz-Content-Sha256", tt.sha)
			got, err := exampleVerifier("", exampleTime).Verify(signAt(r, "us-east-1", exampleTime), tt.o)
			if err == nil {
				defer got.Body.Close()
				var data []byte
				if data, err = io.ReadAll(got.Body); err == nil && string(data) != tt.body {
					t.Errorf("read %q", data)
				}
			}
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

// TestWrongHashHoldsTheLastBytes: a reader that stops at the announced length
// sees the mismatch too.
func TestWrongHashHoldsTheLastBytes(t *testing.T) {
	t.Parallel()
	r, _ := http.NewRequestWithContext(context.Background(), http.MethodPut, "http://127.0.0.1:9000/b/k", strings.NewReader("body"))
	r.Header.Set("X-Amz-Content-Sha256", fmt.Sprintf("%x", sha256.Sum256([]byte("bodx"))))
	got, err := exampleVerifier("", exampleTime).Verify(signAt(r, "us-east-1", exampleTime), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.ReadFull(got.Body, make([]byte, 4)); !errors.Is(err, ErrContentSHA256Mismatch) {
		t.Errorf("read %d bytes, %v", n, err)
	}
}

func TestClosedBodyGivesNothing(t *testing.T) {
	t.Parallel()
	r, _ := streamed(t, []byte("body"), nil, exampleTime)
	got, err := exampleVerifier("", exampleTime).Verify(r, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := got.Body.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := got.Body.Read(make([]byte, 4)); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("read %d bytes, %v", n, err)
	}
}

func BenchmarkVerifyHeader(b *testing.B) {
	v := exampleVerifier("us-east-1", exampleTime)
	r := signed(b, exampleTime, func(r *http.Request) {
		r.Method, r.URL.RawQuery = http.MethodPut, ""
		r.Header.Set("X-Amz-Content-Sha256", unsignedPayload)
		r.Header.Set("User-Agent", "bench")
	})
	b.ReportAllocs()
	for b.Loop() {
		got, err := v.Verify(r, Options{})
		if err != nil {
			b.Fatal(err)
		}
		got.Body.Close()
	}
}

// BenchmarkPut4KiB is the verification of a whole small upload: header and one
// signed chunk, read into a buffer.
func BenchmarkPut4KiB(b *testing.B) {
	data := bytes.Repeat([]byte("abcdefgh"), 512)
	v := exampleVerifier("us-east-1", exampleTime)
	r, encoded := streamed(b, data, nil, exampleTime)
	src := bytes.NewReader(encoded)
	r.Body = io.NopCloser(src)
	buf := make([]byte, 8192)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		src.Reset(encoded)
		got, err := v.Verify(r, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if n, err := got.Body.Read(buf); n != len(data) || !errors.Is(err, io.EOF) {
			b.Fatal(n, err)
		}
		got.Body.Close()
	}
}

// BenchmarkMD5Only is the floor that the object layer adds for its ETag.
func BenchmarkMD5Only(b *testing.B) {
	data := bytes.Repeat([]byte("abcdefgh"), 512)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		md5.Sum(data)
	}
}
