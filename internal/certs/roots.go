package certs

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// loadRoots reads the authorities and reports whether they changed. One that
// cannot be read leaves in use what its file held before.
func (d *Dir) loadRoots() (changed bool) {
	folder := filepath.Join(d.Path, caFolder)
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if d.report(folder, err); err != nil {
		return false
	}
	there := make(map[string]bool, len(entries))
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || isFolder(filepath.Join(folder, name)) {
			continue
		}
		there[name] = true
		changed = d.loadRoot(folder, name) || changed
	}
	for name := range d.roots {
		if !there[name] {
			delete(d.roots, name)
			d.Logger.Info("certificate authority is gone", "file", filepath.Join(folder, name))
			changed = true
		}
	}
	return changed
}

func (d *Dir) loadRoot(folder, name string) (changed bool) {
	f := d.roots[name]
	if f == nil {
		f = &file[[]*x509.Certificate]{}
		d.roots[name] = f
	}
	content, err := readBounded(filepath.Join(folder, name))
	err = f.take(content, err, parseRoots)
	if err != nil && !errors.Is(err, errUnchanged) {
		d.Logger.Error("certificate authority cannot be used", "file", filepath.Join(folder, name), "err", err)
	}
	return err == nil
}

func parseRoots(content []byte) (out []*x509.Certificate, err error) {
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("parse a certificate: %w", err)
		}
		out = append(out, c)
	}
	if len(out) == 0 {
		return nil, errors.New("no certificate in PEM")
	}
	return out, nil
}
