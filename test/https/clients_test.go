package https

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/carillon-s3/carillon/test/harness"
)

// TestMC: the real client, trusting the authority, or nobody and told so.
func TestMC(t *testing.T) {
	t.Parallel()
	receiver := harness.NewReceiver(t)
	s := start(t, harness.WebhookEnv("1", receiver.URL())...)
	if !strings.Contains(s.Stdout.String(), "API: https://") {
		t.Errorf("the banner does not say https:\n%s", s.Stdout)
	}
	if r := harness.Command(t, nil, "ready", s.URL()); r.Code != 0 {
		t.Errorf("carillon ready: exit code %d\n%s", r.Code, r.Output())
	}
	stranger := harness.NewMC(t)
	if out := stranger.Refused("alias", "set", "s", s.URL(), harness.RootUser, harness.RootPassword); !strings.Contains(out, "x509") {
		t.Errorf("without trust: %s", out)
	}
	stranger.OK("--insecure", "alias", "set", "s", s.URL(), harness.RootUser, harness.RootPassword)
	stranger.OK("--insecure", "ls", "s")

	mc := harness.NewMC(t).Trust(s.authority).Alias("s", s.Server)
	mc.OK("mb", "s/data")
	mc.OK("event", "add", "s/data", harness.WebhookARN("1"), "--event", "put")
	big := filepath.Join(t.TempDir(), "big")
	content := bytes.Repeat([]byte("0123456789abcdef"), 20<<16) // in parts
	if err := os.WriteFile(big, content, 0o600); err != nil {
		t.Fatal(err)
	}
	mc.OK("cp", big, "s/data/big")
	mc.OK("cp", "s/data/big", big+".back")
	if got, err := os.ReadFile(big + ".back"); err != nil || !bytes.Equal(got, content) {
		t.Errorf("came back with %d bytes, %v", len(got), err)
	}
	mc.OK("admin", "info", "s")
	mc.OK("ready", "s")
	d := receiver.WaitKey(t, "data/big")
	if want := `"x-minio-origin-endpoint":"` + s.URL() + `"`; !bytes.Contains(d.Body, []byte(want)) {
		t.Errorf("the event lacks %s: %s", want, d.Body)
	}
	watch := mc.Stream("watch", "--json", "s/data")
	client := s.Client(t)
	harness.Poll(t, "mc watch", func() error {
		harness.Put(t, client, "data", "watched", []byte("x"))
		select {
		case line := <-watch.Lines:
			if !strings.Contains(line, "watched") {
				return fmt.Errorf("printed %s", line)
			}
			return nil
		default:
			return fmt.Errorf("printed nothing: %s", watch.Stderr)
		}
	})
}

// spoken remembers over which protocol answers came.
type spoken struct {
	http.RoundTripper
	t    *testing.T
	want int
}

func (s spoken) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := s.RoundTripper.RoundTrip(r)
	if err == nil && resp.ProtoMajor != s.want {
		s.t.Errorf("%s %s was spoken over %s", r.Method, r.URL, resp.Proto)
	}
	return resp, err
}

// TestSDK: uploads of every form, over both protocols. Over TLS the library
// leaves bodies unsigned and sends their checksum in a trailer.
func TestSDK(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, version := range []int{1, 2} {
		t.Run(fmt.Sprintf("HTTP %d", version), func(t *testing.T) {
			t.Parallel()
			transport := &http.Transport{TLSClientConfig: s.authority.ClientTLS(), ForceAttemptHTTP2: version == 2, DisableCompression: true}
			t.Cleanup(transport.CloseIdleConnections)
			client, err := minio.New(s.Address, &minio.Options{
				Creds: credentials.NewStaticV4(harness.RootUser, harness.RootPassword, ""), Secure: true, Region: "us-east-1",
				Transport: spoken{transport, t, version}, MaxRetries: 1, TrailingHeaders: true,
			})
			if err != nil {
				t.Fatal(err)
			}
			bucket := fmt.Sprintf("sdk-%d", version)
			harness.MakeBucket(t, client, bucket)
			for name, options := range map[string]minio.PutObjectOptions{
				"plain":    {},
				"trailer":  {Checksum: minio.ChecksumCRC32C},
				"sha256":   {Checksum: minio.ChecksumSHA256},
				"md5":      {SendContentMd5: true},
				"in parts": {PartSize: 5 << 20},
			} {
				content := bytes.Repeat([]byte(name+"|"), 2<<20)
				if _, err := client.PutObject(t.Context(), bucket, name, bytes.NewReader(content), int64(len(content)), options); err != nil {
					t.Errorf("put %s: %v", name, err)
					continue
				}
				o, err := client.GetObject(t.Context(), bucket, name, minio.GetObjectOptions{})
				if err != nil {
					t.Fatal(err)
				}
				if got, err := io.ReadAll(o); err != nil || !bytes.Equal(got, content) {
					t.Errorf("%s came back with %d bytes, %v", name, len(got), err)
				}
			}
			n := 0
			for o := range client.ListObjects(t.Context(), bucket, minio.ListObjectsOptions{Recursive: true}) {
				if n++; o.Err != nil {
					t.Fatal(o.Err)
				}
			}
			if n != 5 {
				t.Errorf("%d objects are listed, want 5", n)
			}
		})
	}
}

// TestPlainRequestIsTold: a client that does not speak TLS reads why it is
// refused.
func TestPlainRequestIsTold(t *testing.T) {
	t.Parallel()
	s := start(t)
	resp, err := http.Get("http://" + s.Address + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), "HTTPS") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

func TestVersionsOfTLS(t *testing.T) {
	t.Parallel()
	s := start(t)
	for version, works := range map[uint16]bool{
		tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true,
	} {
		config := s.authority.ClientTLS()
		config.MinVersion, config.MaxVersion = version, version
		conn, err := tls.Dial("tcp", s.Address, config)
		if works != (err == nil) {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		if err == nil {
			_ = conn.Close()
		}
	}
}

// TestStopOverHTTP2: SIGTERM ends listeners, which would never end, and lets an
// answer under way finish, on a connection that both share.
func TestStopOverHTTP2(t *testing.T) {
	t.Parallel()
	s := start(t)
	client := s.Client(t)
	harness.MakeBucket(t, client, "bucket")
	content := bytes.Repeat([]byte("x"), 64<<20) // more than the windows and sockets hold
	if _, err := client.PutObject(t.Context(), "bucket", "k", bytes.NewReader(content), int64(len(content)), minio.PutObjectOptions{DisableMultipart: true}); err != nil {
		t.Fatal(err)
	}
	infos := client.ListenBucketNotification(t.Context(), "bucket", "", "", []string{"s3:ObjectCreated:*"})
	harness.Poll(t, "the listener", func() error {
		harness.Put(t, client, "bucket", "probe", []byte("x"))
		select {
		case <-infos:
			return nil
		default:
			return fmt.Errorf("nothing heard")
		}
	})
	reader, _, _, err := (&minio.Core{Client: client}).GetObject(t.Context(), "bucket", "k", minio.GetObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	begun := time.Now()
	s.Signal(harness.Term)
	s.Output.WaitFor(t, "stopping")
	if got, err := io.ReadAll(reader); err != nil || !bytes.Equal(got, content) {
		t.Errorf("the answer under way: %d bytes, %v", len(got), err)
	}
	if code := s.WaitExit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	harness.Report(t, "stop over HTTP/2: %.1f s after the signal", time.Since(begun).Seconds())
}
