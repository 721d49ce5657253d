package https

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/carillon-s3/carillon/test/harness"
)

// byName is a transport that finds the server under every name.
func byName(t *testing.T, s *harness.Server, a *harness.Authority) *http.Transport {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: a.ClientTLS(), DisableCompression: true}
	transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", s.Address)
	}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// proxy is a proxy that finds the server under every name, for clients in
// processes of their own. It counts the requests of each host.
func proxy(t *testing.T, s *harness.Server) (address string, hosts chan string) {
	t.Helper()
	hosts = make(chan string, 1000)
	forward := &httputil.ReverseProxy{
		Transport: byName(t, s, nil),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.Host = r.In.Host
			hosts <- r.In.Host
		},
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: forward}
	go func() { _ = server.Serve(l) }() // returns when closed
	t.Cleanup(func() { _ = server.Close() })
	return "http://" + l.Addr().String(), hosts
}

// TestMCWithHosts: the real client with `--path off`.
func TestMCWithHosts(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Options{Env: []string{"MINIO_DOMAIN=s3.test,other.test"}})
	address, hosts := proxy(t, s)
	mc := harness.NewMC(t).Setenv("HTTP_PROXY=" + address)
	mc.OK("alias", "set", "s", "http://s3.test:9000", harness.RootUser, harness.RootPassword, "--path", "off")
	mc.OK("mb", "s/my.data")
	file := filepath.Join(t.TempDir(), "file")
	content := bytes.Repeat([]byte("0123456789abcdef"), 20<<16)
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	mc.OK("cp", file, "s/my.data/folder/a b+ü.txt")
	mc.OK("cp", "s/my.data/folder/a b+ü.txt", "s/my.data/minio/health/live")
	mc.OK("cp", "s/my.data/minio/health/live", file+".back")
	if got, err := os.ReadFile(file + ".back"); err != nil || !bytes.Equal(got, content) {
		t.Errorf("came back with %d bytes, %v", len(got), err)
	}
	if out := mc.OK("ls", "--recursive", "s/my.data"); !strings.Contains(out, "a b+ü.txt") || !strings.Contains(out, "minio/health/live") {
		t.Errorf("listed: %s", out)
	}
	mc.OK("admin", "info", "s")
	mc.OK("ready", "s")
	mc.OK("rb", "--force", "s/my.data")
	seen := map[string]int{}
	for len(hosts) > 0 {
		seen[<-hosts]++
	}
	if seen["my.data.s3.test:9000"] < 5 || seen["s3.test:9000"] == 0 {
		t.Errorf("the hosts that the client named: %v", seen)
	}
}

// TestSDKWithHosts: with and without TLS, presigned too, and beside path style.
func TestSDKWithHosts(t *testing.T) {
	t.Parallel()
	s := start(t, "CARILLON_DOMAIN=s3.test")
	client, err := minio.New("s3.test", &minio.Options{
		Creds: credentials.NewStaticV4(harness.RootUser, harness.RootPassword, ""), Secure: true, Region: "us-east-1",
		BucketLookup: minio.BucketLookupDNS, Transport: byName(t, s.Server, s.authority), MaxRetries: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	harness.MakeBucket(t, client, "hosted")
	for _, key := range []string{"k", "folder/ä +&=~*.txt", "/leading", "a//b", "hosted/hosted"} {
		content := bytes.Repeat([]byte(key), 1<<20)
		if _, err := client.PutObject(t.Context(), "hosted", key, bytes.NewReader(content), int64(len(content)), minio.PutObjectOptions{PartSize: 5 << 20}); err != nil {
			t.Errorf("%q: %v", key, err)
			continue
		}
		// Path style finds the same object.
		if o, err := s.Client(t).StatObject(t.Context(), "hosted", key, minio.StatObjectOptions{}); err != nil || o.Size != int64(len(content)) {
			t.Errorf("%q by its path: %+v %v", key, o, err)
		}
		link, err := client.PresignedGetObject(t.Context(), "hosted", key, time.Hour, url.Values{})
		if err != nil || link.Host != "hosted.s3.test" {
			t.Fatalf("%v %v", link, err)
		}
		resp, err := byName(t, s.Server, s.authority).RoundTrip(&http.Request{Method: http.MethodGet, URL: link, Header: http.Header{}})
		if err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK || !bytes.Equal(got, content) {
			t.Errorf("%q by its link: %d, %d bytes", key, resp.StatusCode, len(got))
		}
	}
	n := 0
	for range client.ListObjects(t.Context(), "hosted", minio.ListObjectsOptions{Recursive: true}) {
		n++
	}
	if n != 5 {
		t.Errorf("%d objects", n)
	}
}

// TestHosts: which surface answers, by host and path.
func TestHosts(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Options{Env: []string{"MINIO_DOMAIN=s3.test,example.org", "MINIO_SERVER_URL=https://files.example.org"}})
	harness.MakeBucket(t, s.Client(t), "bucket")
	transport := byName(t, s, nil)
	const health, key = "200", "403" // unsigned: a key is refused, the check answered
	for host, want := range map[string]string{
		"s3.test":             health,
		"s3.test:9000":        health,
		"minio.s3.test":       health,
		"files.example.org":   health,
		"127.0.0.1":           health,
		"[::1]:9000":          health,
		"unknown.invalid":     health,
		"bucket.s3.test":      key,
		"BUCKET.S3.Test:9000": key,
		"bucket.example.org.": key,
		"other.s3.test":       key,
	} {
		t.Run(host, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/minio/health/live", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = host
			resp, err := transport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if got := fmt.Sprint(resp.StatusCode); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
	r := harness.Command(t, []string{"MINIO_DOMAIN=http://s3.test"}, "server", "--address", "127.0.0.1:0", t.TempDir())
	if r.Code != 2 || !strings.Contains(r.Output(), "MINIO_DOMAIN") {
		t.Errorf("a domain that is none: exit code %d\n%s", r.Code, r.Output())
	}
}
