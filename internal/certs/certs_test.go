package certs_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/carillon-s3/carillon/internal/certs"
)

// opened is a folder under test, with what it logged.
type opened struct {
	*certs.Dir
	path string
	log  *bytes.Buffer
}

func open(t *testing.T, path string) *opened {
	t.Helper()
	o := &opened{path: path, log: &bytes.Buffer{}}
	var err error
	o.Dir, err = certs.Open(certs.Options{Path: path, Logger: slog.New(slog.NewTextHandler(o.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// shown does a handshake and returns the certificate that a client saw.
func (o *opened) shown(t *testing.T, host string, edit ...func(*tls.Config)) (*x509.Certificate, error) {
	t.Helper()
	here, there := net.Pipe()
	defer here.Close()
	server := tls.Server(there, o.TLS())
	go func() {
		_ = server.Handshake() // the client tells
		_ = there.Close()
	}()
	config := &tls.Config{ServerName: host, InsecureSkipVerify: true}
	for _, e := range edit {
		e(config)
	}
	client := tls.Client(here, config)
	if err := client.Handshake(); err != nil {
		return nil, err
	}
	return client.ConnectionState().PeerCertificates[0], nil
}

// shows wants a certificate with that common name.
func (o *opened) shows(t *testing.T, host, want string) {
	t.Helper()
	c, err := o.shown(t, host)
	if err != nil {
		t.Fatalf("%q: %v", host, err)
	}
	if got := c.Subject.CommonName; got != want {
		t.Errorf("a client that names %q sees the certificate of %s, want %s", host, got, want)
	}
}

func (o *opened) logged(t *testing.T, text string, times int) {
	t.Helper()
	if n := strings.Count(o.log.String(), text); n != times {
		t.Errorf("%q was logged %d times, want %d:\n%s", text, n, times, o.log)
	}
}

func TestCertificateIsChosenByName(t *testing.T) {
	a, dir := newAuthority(t), t.TempDir()
	a.valid(t, "s3.example.org").put(t, dir)
	a.valid(t, "*.wild.example", "wild.example").put(t, filepath.Join(dir, "0-wild"))
	a.valid(t, "exact.wild.example").put(t, filepath.Join(dir, "exact"))
	a.valid(t, "hidden.example").put(t, filepath.Join(dir, "..2026_hidden"))
	a.valid(t, "authority.example").put(t, filepath.Join(dir, "CAs"))
	o := open(t, dir)
	for host, want := range map[string]string{
		"":                   "s3.example.org", // by address: no name is sent
		"s3.example.org":     "s3.example.org",
		"wild.example":       "*.wild.example",
		"any.wild.example":   "*.wild.example",
		"exact.wild.example": "exact.wild.example",
		"EXACT.wild.example": "exact.wild.example",
		"a.b.wild.example":   "s3.example.org", // a wildcard is one label
		"hidden.example":     "s3.example.org",
		"authority.example":  "s3.example.org",
		"unknown.example":    "s3.example.org",
	} {
		o.shows(t, host, want)
	}
}

func TestOldVersionsAreRefused(t *testing.T) {
	dir := t.TempDir()
	newAuthority(t).valid(t, "a.example").put(t, dir)
	o := open(t, dir)
	for version, works := range map[uint16]bool{
		tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true,
	} {
		_, err := o.shown(t, "a.example", func(c *tls.Config) { c.MinVersion, c.MaxVersion = version, version })
		if works != (err == nil) {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
	}
}

// TestOpenRefuses: where TLS cannot be served as it was meant, the server does
// not start, and says which file is wrong.
func TestOpenRefuses(t *testing.T) {
	a := newAuthority(t)
	one, other := a.valid(t, "one.example"), a.valid(t, "other.example")
	for name, tt := range map[string]struct {
		files map[string][]byte
		says  string
	}{
		"key of another certificate":      {map[string][]byte{"public.crt": one.cert, "private.key": other.key}, "does not match"},
		"no key":                          {map[string][]byte{"public.crt": one.cert}, "private.key"},
		"no certificate":                  {map[string][]byte{"private.key": one.key}, "public.crt"},
		"not PEM":                         {map[string][]byte{"public.crt": []byte("hello"), "private.key": one.key}, "public.crt holds no certificate"},
		"key is not PEM":                  {map[string][]byte{"public.crt": one.cert, "private.key": []byte("hello")}, "private.key holds no private key"},
		"empty":                           {map[string][]byte{"public.crt": nil, "private.key": nil}, "public.crt"},
		"hosts without a default":         {map[string][]byte{"a/public.crt": one.cert, "a/private.key": one.key}, "no default"},
		"encrypted, without the password": {map[string][]byte{"public.crt": one.cert, "private.key": encrypted(t, one.key, "x")}, "CERT_PASSWD"},
		"encrypted as PKCS #8":            {map[string][]byte{"public.crt": one.cert, "private.key": pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")})}, "PKCS #8"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for path, content := range tt.files {
				write(t, filepath.Join(dir, path), content)
			}
			if _, err := certs.Open(certs.Options{Path: dir}); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want an error that says %q", err, tt.says)
			}
		})
	}
	if _, err := certs.Open(certs.Options{Path: filepath.Join(t.TempDir(), "missing")}); err == nil {
		t.Error("a folder that is not there was opened")
	}
}

func encrypted(t *testing.T, key []byte, password string) []byte {
	t.Helper()
	block, _ := pem.Decode(key)
	out, err := x509.EncryptPEMBlock(rand.Reader, "PRIVATE KEY", block.Bytes, []byte(password), x509.PEMCipherAES256) //nolint:staticcheck // what old tools wrote
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(out)
}

func TestEncryptedKey(t *testing.T) {
	dir := t.TempDir()
	p := newAuthority(t).valid(t, "a.example")
	p.key = encrypted(t, p.key, "open sesame")
	p.put(t, dir)
	d, err := certs.Open(certs.Options{Path: dir, Password: "open sesame"})
	if err != nil || !d.Serves() {
		t.Fatalf("serves %v, %v", d.Serves(), err)
	}
	_, err = certs.Open(certs.Options{Path: dir, Password: "wrong-password"})
	if err == nil || strings.Contains(err.Error(), "wrong-password") {
		t.Errorf("a wrong password: %v", err)
	}
}

func TestWithoutCertificates(t *testing.T) {
	for name, path := range map[string]string{"no folder": "", "empty folder": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			o := open(t, path)
			if o.Serves() || o.Roots() != nil || o.Reload() {
				t.Errorf("serves %v, roots %v", o.Serves(), o.Roots())
			}
		})
	}
	o := open(t, t.TempDir())
	newAuthority(t).valid(t, "late.example").put(t, o.path)
	o.Reload()
	o.Reload()
	o.logged(t, "restart the server", 1)
}

func TestRenewedInPlace(t *testing.T) {
	a, dir := newAuthority(t), t.TempDir()
	a.valid(t, "old.example").put(t, dir)
	a.valid(t, "host.example").put(t, filepath.Join(dir, "host"))
	o := open(t, dir)
	a.valid(t, "new.example").put(t, dir)
	a.valid(t, "added.example").put(t, filepath.Join(dir, "added"))
	if err := os.RemoveAll(filepath.Join(dir, "host")); err != nil {
		t.Fatal(err)
	}
	o.Reload()
	o.shows(t, "", "new.example")
	o.shows(t, "added.example", "added.example")
	o.shows(t, "host.example", "new.example")
}

// TestRenewedBehindSymbolicLinks renews as Kubernetes does: files are links into
// ..data, itself a link to a folder with a time in its name, which is swapped.
func TestRenewedBehindSymbolicLinks(t *testing.T) {
	a, dir := newAuthority(t), t.TempDir()
	link := func(to, from string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(dir, "new")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, from)); err != nil {
			t.Fatal(err)
		}
	}
	a.valid(t, "old.example").put(t, filepath.Join(dir, "..2026_01"))
	link("..2026_01", "..data")
	link("..data/public.crt", "public.crt")
	link("..data/private.key", "private.key")
	o := open(t, dir)
	o.shows(t, "", "old.example")
	a.valid(t, "new.example").put(t, filepath.Join(dir, "..2026_02"))
	link("..2026_02", "..data")
	o.Reload()
	o.shows(t, "", "new.example")
	o.logged(t, "cannot be used", 0)
}

// TestBrokenRenewalKeepsTheOld: and is said once, until another is broken.
func TestBrokenRenewalKeepsTheOld(t *testing.T) {
	a := newAuthority(t)
	good, other := a.valid(t, "good.example"), a.valid(t, "other.example")
	for name, spoil := range map[string]func(t *testing.T, folder string){
		"key of another certificate": func(t *testing.T, f string) { write(t, filepath.Join(f, "private.key"), other.key) },
		"torn certificate":           func(t *testing.T, f string) { write(t, filepath.Join(f, "public.crt"), good.cert[:100]) },
		"key removed":                func(t *testing.T, f string) { _ = os.Remove(filepath.Join(f, "private.key")) },
		"both removed": func(t *testing.T, f string) {
			_ = os.Remove(filepath.Join(f, "private.key"))
			_ = os.Remove(filepath.Join(f, "public.crt"))
		},
		"key is a folder": func(t *testing.T, f string) {
			_ = os.Remove(filepath.Join(f, "private.key"))
			_ = os.Mkdir(filepath.Join(f, "private.key"), 0o700)
		},
		"too large": func(t *testing.T, f string) { write(t, filepath.Join(f, "public.crt"), make([]byte, 2<<20)) },
	} {
		for _, sub := range []string{"", "host"} {
			t.Run(name+" "+sub, func(t *testing.T) {
				dir := t.TempDir()
				a.valid(t, "default.example").put(t, dir)
				folder := filepath.Join(dir, sub)
				good.put(t, folder)
				o := open(t, dir)
				spoil(t, folder)
				for range 3 {
					o.Reload()
				}
				o.shows(t, "good.example", "good.example")
				o.logged(t, "stays in use", 1)
				if name == "key is a folder" {
					_ = os.Remove(filepath.Join(folder, "private.key"))
				}
				a.valid(t, "good.example", "mended.example").put(t, folder)
				o.Reload()
				o.shows(t, "mended.example", "good.example")
				spoil(t, folder)
				o.Reload()
				o.logged(t, "stays in use", 2)
			})
		}
	}
}

// TestBrokenHost: one host's certificate is wrong from the start, and the others
// are served.
func TestBrokenHost(t *testing.T) {
	a, dir := newAuthority(t), t.TempDir()
	a.valid(t, "default.example").put(t, dir)
	write(t, filepath.Join(dir, "host", "public.crt"), []byte("nothing"))
	o := open(t, dir)
	o.Reload()
	o.logged(t, "certificate cannot be used", 1)
	o.shows(t, "host.example", "default.example")
	a.valid(t, "host.example").put(t, filepath.Join(dir, "host"))
	o.Reload()
	o.shows(t, "host.example", "host.example")
}

func TestFolderGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "certs")
	newAuthority(t).valid(t, "a.example").put(t, dir)
	o := open(t, dir)
	if err := os.Rename(dir, dir+"-away"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		o.Reload()
	}
	o.shows(t, "", "a.example")
	o.logged(t, "no such file", 1)
}

func TestDatesAreTold(t *testing.T) {
	a, dir := newAuthority(t), t.TempDir()
	a.issue(t, time.Now().Add(-time.Minute), "old.example").put(t, dir)
	a.issue(t, time.Now().Add(100*time.Hour), "early.example").put(t, filepath.Join(dir, "early"))
	o := open(t, dir)
	o.Reload()
	o.logged(t, "has expired", 1)
	o.logged(t, "not valid yet", 1)
	o.shows(t, "", "old.example") // it is the client's to refuse
}

func TestRoots(t *testing.T) {
	a, b, dir := newAuthority(t), newAuthority(t), t.TempDir()
	server := a.valid(t, "broker.example")
	cert := func() *x509.Certificate {
		block, _ := pem.Decode(server.cert)
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}()
	trusted := func(pool *x509.CertPool) bool {
		if pool == nil {
			return false
		}
		_, err := cert.Verify(x509.VerifyOptions{Roots: pool, DNSName: "broker.example"})
		return err == nil
	}
	write(t, filepath.Join(dir, "CAs", "b.crt"), b.pem)
	o := open(t, dir)
	if o.Roots() == nil || trusted(o.Roots()) {
		t.Fatal("an authority that is not there is trusted")
	}
	write(t, filepath.Join(dir, "CAs", "any-name.pem"), append(bytes.Clone(b.pem), a.pem...))
	if !o.Reload() || !trusted(o.Roots()) {
		t.Fatal("an added authority is not trusted")
	}
	if o.Reload() {
		t.Error("nothing changed, and it was said")
	}
	write(t, filepath.Join(dir, "CAs", "any-name.pem"), []byte("torn"))
	for range 2 {
		if o.Reload() || !trusted(o.Roots()) {
			t.Error("a broken file took away what it had held")
		}
	}
	o.logged(t, "authority cannot be used", 1)
	if err := os.Remove(filepath.Join(dir, "CAs", "any-name.pem")); err != nil {
		t.Fatal(err)
	}
	if !o.Reload() || trusted(o.Roots()) {
		t.Error("a removed authority is trusted")
	}
}

// TestFollow: a hint makes it look at once, and it ends with its context.
func TestFollow(t *testing.T) {
	a, dir := newAuthority(t), t.TempDir()
	a.valid(t, "old.example").put(t, dir)
	d, err := certs.Open(certs.Options{Path: dir, Every: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	hint, changed, ended := make(chan os.Signal), make(chan *x509.CertPool), make(chan struct{})
	go func() {
		d.Follow(ctx, hint, func(p *x509.CertPool) { changed <- p })
		close(ended)
	}()
	a.valid(t, "new.example").put(t, dir)
	write(t, filepath.Join(dir, "CAs", "a.crt"), a.pem)
	hint <- os.Interrupt
	if pool := <-changed; pool == nil {
		t.Error("no roots")
	}
	o := &opened{Dir: d}
	o.shows(t, "", "new.example")
	cancel()
	<-ended
}

// FuzzPair: whatever a file holds is an error, never a panic, and never the end
// of what is in use.
func FuzzPair(f *testing.F) {
	p := newAuthority(f).valid(f, "a.example")
	f.Add(p.cert, p.key)
	f.Add(p.cert[:200], p.key)
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), []byte{0})
	dir := f.TempDir()
	p.put(f, dir)
	d, err := certs.Open(certs.Options{Path: dir, Password: "x", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, cert, key []byte) {
		pair{cert, key}.put(t, dir)
		write(t, filepath.Join(dir, "CAs", "a.crt"), cert)
		d.Reload()
		if _, err := (&opened{Dir: d}).shown(t, "a.example"); err != nil {
			t.Error(err)
		}
	})
}
