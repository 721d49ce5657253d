package main

import (
	"bufio"
	"bytes"
	"net/http"
	"testing"
	"time"

	miniosigner "github.com/minio/minio-go/v7/pkg/signer"
)

// TestSignerAgreesWithSDK compares the signature with the one that an SDK makes
// for the same request at the same second.
func TestSignerAgreesWithSDK(t *testing.T) {
	t.Parallel()
	const host = "127.0.0.1:9000"
	for name, r := range map[string]request{
		"unsigned put": {method: "PUT", path: "/bench/4096/00000001", hash: unsignedPayload},
		"signed put":   {method: "PUT", path: "/bench/4096/00000002", hash: hashOf([]byte("body"))},
		"get":          {method: "GET", path: "/bench/4096/00000001", hash: hashOf(nil)},
		"list":         {method: "GET", path: "/bench", query: "continuation-token=a%3D&list-type=2&max-keys=1000", hash: hashOf(nil)},
		"notification": {method: "PUT", path: "/bench", query: "notification=", hash: hashOf(nil)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sdk, err := http.NewRequestWithContext(t.Context(), r.method, "http://"+host+r.path+"?"+r.query, nil)
			if err != nil {
				t.Fatal(err)
			}
			sdk.Header.Set("X-Amz-Content-Sha256", r.hash)
			want := miniosigner.SignV4(*sdk, accessKey, secretKey, "", region).Header
			at, err := time.Parse(dateFormat, want.Get("X-Amz-Date"))
			if err != nil {
				t.Fatal(err)
			}
			got := signedHeader(t, newSigner(host), &r, at)
			if got.Get("Authorization") != want.Get("Authorization") {
				t.Errorf("Authorization is\n%s, the SDK's is\n%s", got.Get("Authorization"), want.Get("Authorization"))
			}
		})
	}
}

// TestSignerTurnsDay checks that the key of a day is not used on the next.
func TestSignerTurnsDay(t *testing.T) {
	t.Parallel()
	r := request{method: "GET", path: "/b/k", hash: unsignedPayload}
	midnight := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	used := newSigner("h")
	signedHeader(t, used, &r, midnight.Add(-time.Second))
	got := signedHeader(t, used, &r, midnight).Get("Authorization")
	if want := signedHeader(t, newSigner("h"), &r, midnight).Get("Authorization"); got != want {
		t.Errorf("after midnight the signature is\n%s, want\n%s", got, want)
	}
}

// TestSignerAllocatesNothing keeps the generator cheap.
func TestSignerAllocatesNothing(t *testing.T) {
	r := request{method: "PUT", path: "/bench/4096/00000001", hash: unsignedPayload}
	s, head, at := newSigner("127.0.0.1:9000"), make([]byte, 0, 1024), time.Unix(1, 0)
	if n := testing.AllocsPerRun(100, func() { head = s.appendSigned(head[:0], &r, at) }); n > 0 {
		t.Errorf("%v allocations a request, want none", n)
	}
}

func BenchmarkSigner(b *testing.B) {
	r := request{method: "PUT", path: "/bench/4096/00000001", hash: unsignedPayload}
	s, head, at := newSigner("127.0.0.1:9000"), make([]byte, 0, 1024), time.Unix(1, 0)
	for b.Loop() {
		head = s.appendSigned(head[:0], &r, at)
	}
}

func signedHeader(t *testing.T, s *signer, r *request, at time.Time) http.Header {
	t.Helper()
	raw := append(s.appendSigned([]byte("GET / HTTP/1.1\r\n"), r, at), "\r\n"...)
	parsed, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		t.Fatalf("the head does not parse: %v\n%s", err, raw)
	}
	return parsed.Header
}
