package certs

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// errNoPair says that a folder has neither certificate nor key.
var errNoPair = errors.New("neither " + certFile + " nor " + keyFile + " is there")

// serving are the certificates in use; it does not change.
type serving struct {
	standard *tls.Certificate
	// hosts are those of the sub-folders, in the order of their names, and the
	// default.
	hosts []*tls.Certificate
}

// choose returns the certificate for the host that the client named: the one
// that holds the very name, else one with a wildcard for it, else the default.
// A client that names no host gets the default, and thus learns of no other.
func (s *serving) choose(hello *tls.ClientHelloInfo) *tls.Certificate {
	if hello.ServerName == "" {
		return s.standard
	}
	var wild *tls.Certificate
	for _, c := range s.hosts {
		if hello.SupportsCertificate(c) != nil {
			continue
		}
		if slices.ContainsFunc(c.Leaf.DNSNames, func(n string) bool { return strings.EqualFold(n, hello.ServerName) }) {
			return c
		}
		if wild == nil {
			wild = c
		}
	}
	if wild != nil {
		return wild
	}
	return s.standard
}

// publish puts the loaded pairs into use.
func (d *Dir) publish() {
	standard := d.pairs[""]
	if standard == nil {
		return
	}
	next := &serving{standard: standard.value}
	for _, name := range slices.Sorted(maps.Keys(d.pairs)) {
		if f := d.pairs[name]; name != "" && f.loaded() {
			next.hosts = append(next.hosts, f.value)
		}
	}
	next.hosts = append(next.hosts, standard.value)
	d.serving.Store(next)
}

// loadFolders loads the pairs of all sub-folders, and forgets those that are
// gone. What is wrong with one is logged, and the others are used.
func (d *Dir) loadFolders() {
	names, err := subFolders(d.Path)
	if err != nil {
		return // Reload has said so
	}
	for name, f := range d.pairs {
		if name != "" && !slices.Contains(names, name) {
			delete(d.pairs, name)
			if f.loaded() {
				d.Logger.Info("certificate is gone", "folder", filepath.Join(d.Path, name))
			}
		}
	}
	for _, name := range names {
		_ = d.loadPair(name) // logged
	}
}

// loadPair loads the pair of a sub-folder, or the default one. An error is
// logged if one is in use, or if it is not the default: Open returns that.
func (d *Dir) loadPair(name string) error {
	folder := filepath.Join(d.Path, name)
	content, err := readPair(folder)
	f := d.pairs[name]
	if errors.Is(err, errNoPair) && f == nil {
		return err
	}
	if f == nil {
		f = &file[*tls.Certificate]{}
	}
	parse := func(pair []byte) (*tls.Certificate, error) { return parsePair(pair, d.Password) }
	err = f.take(content, err, parse)
	if err != nil && !errors.Is(err, errUnchanged) {
		// The two files may have been caught between two versions: look again.
		again, errAgain := readPair(folder)
		if second := f.take(again, errAgain, parse); !errors.Is(second, errUnchanged) {
			err = second
		}
	}
	switch {
	case errors.Is(err, errUnchanged):
		return nil
	case err != nil && f.loaded():
		d.Logger.Error("new certificate cannot be used, the one before stays in use", "folder", folder, "err", err)
	case err != nil && name != "":
		d.pairs[name] = f
		d.Logger.Error("certificate cannot be used", "folder", folder, "err", err)
	case err == nil:
		d.pairs[name] = f
		d.tell(folder, f.value.Leaf)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", folder, err)
	}
	return nil
}

// tell logs a certificate that is in use from now on.
func (d *Dir) tell(folder string, leaf *x509.Certificate) {
	now := d.Now()
	attributes := []any{"folder", folder, "names", strings.Join(names(leaf), " "), "until", leaf.NotAfter.UTC().Format(time.RFC3339)}
	switch {
	case now.After(leaf.NotAfter):
		d.Logger.Warn("certificate has expired; clients will refuse it", attributes...)
	case now.Before(leaf.NotBefore):
		d.Logger.Warn("certificate is not valid yet; clients will refuse it", attributes...)
	default:
		d.Logger.Info("certificate in use", attributes...)
	}
}

func names(leaf *x509.Certificate) []string {
	out := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		out = append(out, ip.String())
	}
	return out
}

// readPair returns the certificate's file and the key's, one after the other.
func readPair(folder string) ([]byte, error) {
	cert, certErr := readBounded(filepath.Join(folder, certFile))
	key, keyErr := readBounded(filepath.Join(folder, keyFile))
	if errors.Is(certErr, fs.ErrNotExist) && errors.Is(keyErr, fs.ErrNotExist) {
		return nil, errNoPair
	}
	if err := errors.Join(certErr, keyErr); err != nil {
		return nil, err
	}
	return slices.Concat(cert, []byte{between}, key), nil
}

// between separates certificate and key where both are one content. PEM is text
// and cannot hold it.
const between = 0

// parsePair makes a certificate with its chain and key.
func parsePair(content []byte, password string) (*tls.Certificate, error) {
	certs, keys, _ := bytes.Cut(content, []byte{between})
	if block, _ := pem.Decode(certs); block == nil {
		return nil, fmt.Errorf("%s holds no certificate in PEM", certFile)
	}
	key, err := firstKey(keys, password)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(certs, key)
	if err != nil {
		return nil, err
	}
	return &pair, nil
}

// firstKey returns the first private key, opened if it is encrypted.
func firstKey(content []byte, password string) ([]byte, error) {
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		if !strings.HasSuffix(block.Type, "PRIVATE KEY") {
			continue // the parameters of an elliptic curve, for example
		}
		plain, err := decrypt(block, password)
		if err != nil {
			return nil, err
		}
		return pem.EncodeToMemory(plain), nil
	}
	return nil, fmt.Errorf("%s holds no private key in PEM", keyFile)
}

// decrypt opens a key in the old encrypted form of PEM, which is the one that
// the users of CERT_PASSWD have.
func decrypt(block *pem.Block, password string) (*pem.Block, error) {
	if block.Type == "ENCRYPTED PRIVATE KEY" {
		return nil, fmt.Errorf("%s is encrypted as PKCS #8, which is not supported: decrypt it with `openssl pkey`", keyFile)
	}
	if !x509.IsEncryptedPEMBlock(block) { //nolint:staticcheck // the form that users have; the file's own protection is its mode
		return block, nil
	}
	if password == "" {
		return nil, fmt.Errorf("%s is encrypted: set CERT_PASSWD", keyFile)
	}
	plain, err := x509.DecryptPEMBlock(block, []byte(password)) //nolint:staticcheck // see above
	if err != nil {
		return nil, fmt.Errorf("%s cannot be opened with CERT_PASSWD: %w", keyFile, err)
	}
	return &pem.Block{Type: block.Type, Bytes: plain}, nil
}
