package webhook_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/internal/notify/target/targettest"
	"github.com/carillon-s3/carillon/internal/notify/webhook"
)

// receiverEnv names the file of a receiverConfig; with it in its environment
// the test binary is a receiver instead.
const receiverEnv = "WEBHOOK_TEST_RECEIVER"

// receiverConfig is what a receiver process is told.
type receiverConfig struct {
	Address, Log      string
	Cert, Key, Client string // TLS, and the CA of clients if they must show one
	Token             string // asked for as Authorization, if not empty
}

// maxBody is the largest body that a receiver takes; missingPath is where it has
// nothing.
const (
	maxBody     = 1 << 20
	missingPath = "/nowhere"
)

// logged is a request as the receiver saw it.
type logged struct {
	ID, Body, Method, Auth, Type, Agent, Timestamp, Signature string
}

func TestMain(m *testing.M) {
	if file := os.Getenv(receiverEnv); file != "" {
		if err := receive(file); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	targettest.Main(m, webhook.Kind())
}

// receive serves until it is killed. It writes each request to its log before
// it answers.
func receive(file string) error {
	var c receiverConfig
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return err
	}
	requests, err := os.OpenFile(c.Log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	quiet := log.New(io.Discard, "", 0)
	srv := &http.Server{ReadHeaderTimeout: time.Minute, ErrorLog: quiet, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		var large *http.MaxBytesError
		switch {
		case errors.As(err, &large):
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		case err != nil:
			return // cut off: not a message
		case r.URL.Path == missingPath:
			http.NotFound(w, r)
			return
		case c.Token != "" && r.Header.Get("Authorization") != "Bearer "+c.Token:
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		line, _ := json.Marshal(logged{
			ID: r.Header.Get("webhook-id"), Body: string(body), Method: r.Method, Auth: r.Header.Get("Authorization"),
			Type: r.Header.Get("Content-Type"), Agent: r.UserAgent(),
			Timestamp: r.Header.Get("webhook-timestamp"), Signature: r.Header.Get("webhook-signature"),
		})
		mu.Lock()
		_, err = requests.Write(append(line, '\n'))
		mu.Unlock()
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})}
	l, err := net.Listen("tcp", c.Address)
	if err != nil {
		return err
	}
	if c.Cert == "" {
		return srv.Serve(l)
	}
	srv.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if c.Client != "" {
		pool := x509.NewCertPool()
		ca, err := os.ReadFile(c.Client)
		if err != nil {
			return err
		}
		pool.AppendCertsFromPEM(ca)
		srv.TLSConfig.ClientCAs, srv.TLSConfig.ClientAuth = pool, tls.RequireAndVerifyClientCert
	}
	return srv.ServeTLS(l, c.Cert, c.Key)
}

// receiver is a receiver process.
type receiver struct {
	config receiverConfig
	file   string
	values map[string]string
	cmd    *exec.Cmd
	exited chan struct{}
}

// newReceiver starts a receiver; edit may change how, and the target's values.
func newReceiver(t *testing.T, edit func(*receiver)) *receiver {
	t.Helper()
	dir := t.TempDir()
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(brokertest.FreePort(t)))
	r := &receiver{
		config: receiverConfig{Address: address, Log: filepath.Join(dir, "log")},
		file:   filepath.Join(dir, "config"),
	}
	r.values = map[string]string{
		"endpoint":       "http://user:pa55w0rd@" + r.config.Address + "/hook?token=qu3ry5ecret",
		"auth_token":     "t0ken5ecret",
		"signing_secret": "whsec_c2lnbmluZ3NlY3JldA==",
	}
	if edit != nil {
		edit(r)
	}
	raw, _ := json.Marshal(r.config)
	if err := os.WriteFile(r.file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	r.Start(t)
	t.Cleanup(func() { r.Kill(t) })
	return r
}

func (r *receiver) Values() map[string]string { return maps.Clone(r.values) }

func (r *receiver) Secrets() []string {
	return []string{"pa55w0rd", "qu3ry5ecret", "t0ken5ecret", "c2lnbmluZ3NlY3JldA"}
}

func (r *receiver) Start(t *testing.T) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), receiverEnv+"="+r.file)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r.cmd, r.exited = cmd, make(chan struct{})
	exited := r.exited
	go func() {
		_ = cmd.Wait()
		close(exited)
	}()
	for deadline := time.Now().Add(30 * time.Second); ; {
		conn, err := net.Dial("tcp", r.config.Address)
		if err == nil {
			conn.Close()
			return
		}
		select {
		case <-exited:
			t.Fatal("the receiver ended")
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("the receiver does not listen: %v", err)
		}
	}
}

func (r *receiver) Kill(t *testing.T) {
	t.Helper()
	r.signal(t, syscall.SIGKILL)
	<-r.exited
}

func (r *receiver) Freeze(t *testing.T) { t.Helper(); brokertest.Freeze(t, r.cmd.Process.Pid) }
func (r *receiver) Thaw(t *testing.T)   { t.Helper(); r.signal(t, syscall.SIGCONT) }

func (r *receiver) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	select {
	case <-r.exited:
		return
	default:
	}
	if err := r.cmd.Process.Signal(s); err != nil {
		t.Error(err)
	}
}

func (r *receiver) Received(t *testing.T) []targettest.Received {
	t.Helper()
	var out []targettest.Received
	for _, l := range r.logged(t) {
		out = append(out, targettest.Received{ID: l.ID, Body: l.Body})
	}
	return out
}

func (r *receiver) logged(t *testing.T) []logged {
	t.Helper()
	f, err := os.Open(r.config.Log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []logged
	lines := bufio.NewReader(f)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return out // a line cut off by a kill was not acknowledged
		}
		var l logged
		if err := json.Unmarshal(line, &l); err != nil {
			t.Fatalf("log: %v", err)
		}
		out = append(out, l)
	}
}

// authority is a CA of the tests.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	a.key = newKey(t)
	a.cert = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, a.cert, a.cert, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	a.file = filepath.Join(t.TempDir(), "ca.pem")
	writePEM(t, a.file, "CERTIFICATE", der)
	return a
}

// issue writes a certificate for 127.0.0.1 and its key.
func (a *authority) issue(t *testing.T, name string) (cert, key string) {
	t.Helper()
	k := newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, &k.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writePEM(t, cert, "CERTIFICATE", der)
	writePEM(t, key, "EC PRIVATE KEY", raw)
	return cert, key
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func writePEM(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
