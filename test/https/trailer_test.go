package https

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/signer"

	"github.com/carillon-s3/carillon/test/harness"
)

// TestUnsignedTrailer sends by hand what SDKs send over TLS: the body in chunks
// without signatures, and its checksum behind it.
func TestUnsignedTrailer(t *testing.T) {
	t.Parallel()
	s := start(t)
	client := s.Client(t)
	harness.MakeBucket(t, client, "bucket")
	const content = "hello, over TLS"
	sum := func(text string) string {
		return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(text))))
	}
	for name, tt := range map[string]struct {
		trailer string
		status  int
		code    string
	}{
		"right":   {"x-amz-checksum-crc32:" + sum(content) + "\r\n\r\n", http.StatusOK, ""},
		"wrong":   {"x-amz-checksum-crc32:" + sum("another") + "\r\n\r\n", http.StatusBadRequest, "<Code>"},
		"missing": {"\r\n", http.StatusBadRequest, "<Code>"},
	} {
		for _, version := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s over HTTP %d", name, version), func(t *testing.T) {
				t.Parallel()
				key := fmt.Sprintf("%s-%d", name, version)
				body := fmt.Sprintf("5\r\n%s\r\n%x\r\n%s\r\n0\r\n%s", content[:5], len(content)-5, content[5:], tt.trailer)
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.URL()+"/bucket/"+key, strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
				r.Header.Set("X-Amz-Decoded-Content-Length", fmt.Sprint(len(content)))
				r.Header.Set("X-Amz-Trailer", "x-amz-checksum-crc32")
				r.Header.Set("Content-Encoding", "aws-chunked")
				r = signer.SignV4(*r, harness.RootUser, harness.RootPassword, "", "us-east-1")
				transport := &http.Transport{TLSClientConfig: s.authority.ClientTLS(), ForceAttemptHTTP2: version == 2}
				defer transport.CloseIdleConnections()
				resp, err := transport.RoundTrip(r)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				answer, _ := io.ReadAll(resp.Body)
				if resp.ProtoMajor != version || resp.StatusCode != tt.status || !strings.Contains(string(answer), tt.code) {
					t.Errorf("%s %d %s", resp.Proto, resp.StatusCode, answer)
				}
				o, err := client.StatObject(t.Context(), "bucket", key, minio.StatObjectOptions{})
				if stored := err == nil && o.Size == int64(len(content)); stored != (tt.status == http.StatusOK) {
					t.Errorf("stored %v: %v", stored, err)
				}
			})
		}
	}
}
