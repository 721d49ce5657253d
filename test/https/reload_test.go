package https

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/carillon-s3/carillon/test/harness"
)

// serial is that of the certificate which the server shows for a name.
func (s secure) serial(t *testing.T, name string) (*big.Int, error) {
	t.Helper()
	config := s.authority.ClientTLS()
	config.ServerName = name
	conn, err := tls.Dial("tcp", s.Address, config)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber, nil
}

func (s secure) awaitSerial(t *testing.T, name string, want *big.Int) {
	t.Helper()
	harness.Poll(t, "the renewed certificate of "+name, func() error {
		got, err := s.serial(t, name)
		if err == nil && got.Cmp(want) != 0 {
			err = fmt.Errorf("it shows %x, want %x", got, want)
		}
		return err
	})
}

// TestReload: without a signal, and at once with one; by name and by default.
func TestReload(t *testing.T) {
	t.Parallel()
	s := start(t)
	one := s.authority.Issue(s.certs, "localhost")
	two := s.authority.Issue(filepath.Join(s.certs, "host"), "files.example.org")
	three := s.authority.Issue(filepath.Join(s.certs, "later"), "later.example.org")
	s.awaitSerial(t, "localhost", one)
	s.awaitSerial(t, "files.example.org", two)
	s.awaitSerial(t, "later.example.org", three)

	s.Output.WaitFor(t, "names=later.example.org") // the last that this reading says
	before := s.Output.Count("certificate in use")
	four := s.authority.Issue(s.certs, "localhost")
	s.Signal(syscall.SIGHUP)
	s.Output.Wait(t, "the log of the reload", func(string) bool { return s.Output.Count("certificate in use") > before })
	if got, err := s.serial(t, "localhost"); err != nil || got.Cmp(four) != 0 {
		t.Errorf("after SIGHUP it shows %x, %v; want %x", got, err, four)
	}

	if err := os.WriteFile(filepath.Join(s.certs, "private.key"), []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Signal(syscall.SIGHUP)
	s.Output.WaitFor(t, "stays in use")
	if got, err := s.serial(t, "localhost"); err != nil || got.Cmp(four) != 0 {
		t.Errorf("with a broken renewal it shows %x, %v; want %x", got, err, four)
	}
}

// TestReloadUnderLoad: no request fails while certificates change.
func TestReloadUnderLoad(t *testing.T) {
	t.Parallel()
	s := start(t)
	harness.MakeBucket(t, s.Client(t), "bucket")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var done, failed atomic.Int64
	var workers sync.WaitGroup
	for i := range 6 {
		// Half of them make a new connection for each request.
		transport := &http.Transport{TLSClientConfig: s.authority.ClientTLS(), ForceAttemptHTTP2: i%3 == 0, DisableKeepAlives: i%2 == 0}
		t.Cleanup(transport.CloseIdleConnections)
		client, err := minio.New(s.Address, &minio.Options{
			Creds: credentials.NewStaticV4(harness.RootUser, harness.RootPassword, ""), Secure: true, Region: "us-east-1",
			Transport: transport, MaxRetries: 1,
		})
		if err != nil {
			t.Fatal(err)
		}
		workers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				key := fmt.Sprintf("%d-%d", i, n)
				_, err := client.PutObject(context.Background(), "bucket", key, bytes.NewReader([]byte(key)), int64(len(key)), minio.PutObjectOptions{})
				if err == nil {
					_, err = client.StatObject(context.Background(), "bucket", key, minio.StatObjectOptions{})
				}
				if err != nil {
					failed.Add(1)
					t.Errorf("%s: %v", key, err)
				}
				done.Add(2)
			}
		})
	}
	const reloads = 20
	for range reloads {
		serial := s.authority.Issue(s.certs, "127.0.0.1", "localhost")
		s.Signal(syscall.SIGHUP)
		s.awaitSerial(t, "localhost", serial)
	}
	stop()
	workers.Wait()
	harness.Report(t, "reload: %d requests during %d changes of the certificate, %d failed", done.Load(), reloads, failed.Load())
}

// TestAuthoritiesOfTargets: a receiver whose certificate nobody knows gets its
// events once its authority is put into CAs, without a restart.
func TestAuthoritiesOfTargets(t *testing.T) {
	t.Parallel()
	private := harness.NewAuthority(t)
	receiver := harness.NewTLSReceiver(t, private)
	s := start(t, harness.WebhookEnv("1", receiver.URL())...)
	client := s.Client(t)
	harness.MakeBucket(t, client, "bucket", harness.Rule{ARN: harness.WebhookARN("1"), Events: harness.AllChanges()})
	keys := harness.PutMany(t, client, "bucket", "k", 5)
	s.Output.WaitFor(t, "unknown authority")
	folder := filepath.Join(s.certs, "CAs")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "private.crt"), private.PEM, 0o600); err != nil {
		t.Fatal(err)
	}
	s.Signal(syscall.SIGHUP)
	for _, key := range keys {
		receiver.WaitKey(t, key)
	}
}

// TestWhereCertificatesAreLookedFor: what the start names, then our folder, then
// the one that users of MinIO have.
func TestWhereCertificatesAreLookedFor(t *testing.T) {
	t.Parallel()
	authority := harness.NewAuthority(t)
	folder := func(t *testing.T, parts ...string) (string, *big.Int) {
		dir := filepath.Join(append([]string{t.TempDir()}, parts...)...)
		return dir, authority.Issue(dir, "127.0.0.1", "localhost")
	}
	for name, setUp := range map[string]func(t *testing.T) (harness.Options, *big.Int){
		"CARILLON_CERTS_DIR": func(t *testing.T) (harness.Options, *big.Int) {
			dir, serial := folder(t)
			return harness.Options{Env: []string{"CARILLON_CERTS_DIR=" + dir}}, serial
		},
		"MINIO_CERTS_DIR": func(t *testing.T) (harness.Options, *big.Int) {
			dir, serial := folder(t)
			return harness.Options{Env: []string{"MINIO_CERTS_DIR=" + dir}}, serial
		},
		"MinIO's folder": func(t *testing.T) (harness.Options, *big.Int) {
			home := t.TempDir()
			return harness.Options{Env: []string{"HOME=" + home}}, authority.Issue(filepath.Join(home, ".minio", "certs"), "127.0.0.1", "localhost")
		},
		"both folders": func(t *testing.T) (harness.Options, *big.Int) {
			home := t.TempDir()
			authority.Issue(filepath.Join(home, ".minio", "certs"), "127.0.0.1", "localhost")
			return harness.Options{Env: []string{"HOME=" + home}}, authority.Issue(filepath.Join(home, ".carillon", "certs"), "127.0.0.1", "localhost")
		},
		"-S before the folders": func(t *testing.T) (harness.Options, *big.Int) {
			home := t.TempDir()
			authority.Issue(filepath.Join(home, ".carillon", "certs"), "127.0.0.1", "localhost")
			dir, serial := folder(t)
			return harness.Options{Env: []string{"HOME=" + home}, Args: []string{"-S", dir}}, serial
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, want := setUp(t)
			o.Authority = authority
			s := secure{Server: harness.Start(t, o), authority: authority}
			if got, err := s.serial(t, "localhost"); err != nil || got.Cmp(want) != 0 {
				t.Errorf("it shows %x, %v; want %x", got, err, want)
			}
		})
	}
}

// TestStartIsRefused: with certificates that cannot be meant so, rather than to
// serve without TLS.
func TestStartIsRefused(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t *testing.T, dir string) (says string){
		"key of another": func(t *testing.T, dir string) string {
			cert, err := os.ReadFile(filepath.Join(dir, "public.crt"))
			if err != nil {
				t.Fatal(err)
			}
			harness.NewAuthority(t).Issue(dir, "other")
			if err := os.WriteFile(filepath.Join(dir, "public.crt"), cert, 0o600); err != nil {
				t.Fatal(err)
			}
			return "private key does not match"
		},
		"no key": func(t *testing.T, dir string) string {
			_ = os.Remove(filepath.Join(dir, "private.key"))
			return "private.key"
		},
		"no folder": func(t *testing.T, dir string) string {
			_ = os.RemoveAll(dir)
			return "no such file"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "certs")
			harness.NewAuthority(t).Issue(dir, "127.0.0.1")
			says := spoil(t, dir)
			r := harness.Command(t, nil, "server", "--address", "127.0.0.1:0", "--certs-dir", dir, t.TempDir())
			if r.Code != 2 || !bytes.Contains([]byte(r.Output()), []byte(says)) {
				t.Errorf("exit code %d, want 2 and %q:\n%s", r.Code, says, r.Output())
			}
		})
	}
}

// TestEncryptedKeyOfMinIO: a key with a password, which its variable gives.
func TestEncryptedKeyOfMinIO(t *testing.T) {
	t.Parallel()
	authority, dir := harness.NewAuthority(t), t.TempDir()
	serial := authority.Issue(dir, "localhost", "127.0.0.1")
	path := filepath.Join(dir, "private.key")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	plain, _ := pem.Decode(text)
	block, err := x509.EncryptPEMBlock(rand.Reader, "PRIVATE KEY", plain.Bytes, []byte("pass-word"), x509.PEMCipherAES256) //nolint:staticcheck // what old tools wrote
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	s := secure{authority: authority, Server: harness.Start(t, harness.Options{
		Args: []string{"--certs-dir", dir}, Authority: authority, Env: []string{"MINIO_CERT_PASSWD=pass-word"},
	})}
	s.awaitSerial(t, "localhost", serial)
}
