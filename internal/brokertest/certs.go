package brokertest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Certs are files of a certificate authority with a server's and a client's
// certificate, in PEM. The server is localhost and 127.0.0.1.
type Certs struct {
	Dir                   string
	CA                    string
	ServerCert, ServerKey string
	ClientCert, ClientKey string
	ServerChain           string // key, certificate and authority in one file
	OtherCA               string // an authority that signed none of them
}

// NewCerts makes certificates for one test.
func NewCerts(t T) *Certs {
	t.Helper()
	c, err := makeCerts(tempDir(t))
	if err != nil {
		t.Fatalf("make certificates: %v", err)
	}
	return c
}

type authority struct {
	cert *x509.Certificate
	der  []byte
	key  *ecdsa.PrivateKey
}

func makeCerts(dir string) (*Certs, error) {
	c := &Certs{
		Dir: dir, CA: filepath.Join(dir, "ca.crt"), OtherCA: filepath.Join(dir, "other-ca.crt"),
		ServerCert: filepath.Join(dir, "server.crt"), ServerKey: filepath.Join(dir, "server.key"),
		ClientCert: filepath.Join(dir, "client.crt"), ClientKey: filepath.Join(dir, "client.key"),
		ServerChain: filepath.Join(dir, "server-chain.pem"),
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	ca, err := newAuthority("test CA", c.CA)
	if err != nil {
		return nil, err
	}
	if _, err := newAuthority("another CA", c.OtherCA); err != nil {
		return nil, err
	}
	if err := ca.issue(Login, x509.ExtKeyUsageClientAuth, c.ClientCert, c.ClientKey); err != nil {
		return nil, err
	}
	if err := ca.issue("localhost", x509.ExtKeyUsageServerAuth, c.ServerCert, c.ServerKey); err != nil {
		return nil, err
	}
	var chain []byte
	for _, path := range []string{c.ServerKey, c.ServerCert, c.CA} {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		chain = append(chain, text...)
	}
	return c, os.WriteFile(c.ServerChain, chain, 0o644)
}

func newAuthority(name, path string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &authority{cert, der, key}, writePEM(path, "CERTIFICATE", der)
}

func (a *authority) issue(name string, usage x509.ExtKeyUsage, certPath, keyPath string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{usage}, KeyUsage: x509.KeyUsageDigitalSignature,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := writePEM(certPath, "CERTIFICATE", der); err != nil {
		return err
	}
	return writePEM(keyPath, "PRIVATE KEY", private)
}

func serial() *big.Int { return big.NewInt(time.Now().UnixNano()) }

// writePEM makes files that every broker's account can read: they guard nothing
// but a test.
func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o644)
}

// Pool is the authority's certificate as a pool.
func (c *Certs) Pool() (*x509.CertPool, error) {
	text, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate", c.CA)
	}
	return pool, nil
}

// ClientTLS is what a consumer connects with; with the client's certificate.
func (c *Certs) ClientTLS() (*tls.Config, error) {
	pool, err := c.Pool()
	if err != nil {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair(c.ClientCert, c.ClientKey)
	if err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool, Certificates: []tls.Certificate{pair}}, nil
}
