package s3api_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/signer"

	s3api "github.com/carillon-s3/carillon/internal/api/s3"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/object"
)

// swallow is an object layer that reads bodies and keeps nothing, so that the
// benchmark shows this surface alone.
type swallow struct{ s3api.Service }

func (swallow) Admit() error { return nil }

func (swallow) Put(_ context.Context, in object.PutInput) (object.Info, error) {
	n, err := io.Copy(io.Discard, in.Body)
	return object.Info{Size: n, ETag: "0123456789abcdef0123456789abcdef"}, err
}

func (swallow) Get(context.Context, object.GetInput) (*object.Object, error) {
	data := make([]byte, 4096)
	return &object.Object{
		Info: object.Info{
			Bucket: "bucket", Key: "some/key", Size: int64(len(data)), ETag: "0123456789abcdef0123456789abcdef", Modified: time.Unix(1e9, 0),
			Metadata: map[string]string{"content-type": "application/octet-stream", "x-amz-meta-colour": "red"},
		},
		Open: func(_ context.Context, offset, length int64) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(data[offset : offset+length])), nil
		},
	}, nil
}

func (swallow) Accessed(context.Context, event.Name, object.Info, event.Request) {}

// BenchmarkGet4KiB is a GET of 4 KiB from the parsed request to the answer,
// without network and object layer.
func BenchmarkGet4KiB(b *testing.B) {
	h := s3api.New(s3api.Config{
		Service: swallow{}, Encoder: &event.Encoder{},
		Verifier: iam.New(iam.Config{Credentials: iam.Root{AccessKey: accessKey, SecretKey: secretKey}}),
	})
	r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, "http://127.0.0.1:9000/bucket/some/key", http.NoBody)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	r = signer.SignV4(*r, accessKey, secretKey, "", "us-east-1")
	r.Host, r.RemoteAddr = r.URL.Host, "127.0.0.1:1234"
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatal(w.Code, w.Body)
		}
	}
}

// BenchmarkPut4KiB is a streamed PUT of 4 KiB from the parsed request to the
// answer, without network and object layer.
func BenchmarkPut4KiB(b *testing.B) {
	h := s3api.New(s3api.Config{
		Service: swallow{}, Encoder: &event.Encoder{},
		Verifier: iam.New(iam.Config{Credentials: iam.Root{AccessKey: accessKey, SecretKey: secretKey}}),
	})
	data := bytes.Repeat([]byte("abcdefgh"), 512)
	r, err := http.NewRequestWithContext(b.Context(), http.MethodPut, "http://127.0.0.1:9000/bucket/some/key", bytes.NewReader(data))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("User-Agent", "bench")
	r.Header.Set("Content-Type", "application/octet-stream")
	r = signer.StreamingSignV4(r, accessKey, secretKey, "", "us-east-1", int64(len(data)), time.Now().UTC(), hasher{sha256.New()})
	encoded, err := io.ReadAll(r.Body)
	if err != nil {
		b.Fatal(err)
	}
	r.Host, r.RemoteAddr = r.URL.Host, "127.0.0.1:1234"
	src := bytes.NewReader(encoded)
	r.Body, r.ContentLength = io.NopCloser(src), int64(len(encoded))
	w := httptest.NewRecorder()
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		src.Reset(encoded)
		clear(w.Header())
		h.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatal(w.Code, w.Body)
		}
	}
}
