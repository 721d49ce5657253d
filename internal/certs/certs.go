// Package certs serves TLS from a folder of certificates and follows its files:
// a renewed certificate is in use seconds later, without a restart. The layout
// is the one that MinIO's users have (MinIO documentation, "Network Encryption"):
//
//	public.crt, private.key         the default, shown to clients that name no host
//	NAME/public.crt, private.key    for the host names that the certificate holds
//	CAs/*                           whom this server trusts when it is the client
//
// The folder's files are read again every few seconds and compared by content.
// A file-system watch would be faster and would have to know of each way in
// which files are renewed: in place, by rename, by a swap of the symbolic link
// above them, as Kubernetes does, or on a network file system that tells nobody.
package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	certFile = "public.crt"
	keyFile  = "private.key"
	caFolder = "CAs"

	// defaultEvery is how often the files are read: a few kilobytes, which the
	// system has in memory.
	defaultEvery = 5 * time.Second
	// maxFileBytes bounds a file of certificates; the roots of a whole system
	// are a quarter of it.
	maxFileBytes = 1 << 20
)

// Options say which folder to follow.
type Options struct {
	// Path is the folder; empty means none.
	Path string
	// Password opens private keys that are encrypted.
	Password string
	// Every is how often the files are read; 0 means five seconds.
	Every  time.Duration
	Logger *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Dir is a folder of certificates. It is safe for concurrent use.
type Dir struct {
	Options
	serves  bool
	serving atomic.Pointer[serving]

	mu       sync.Mutex // guards what follows
	pairs    map[string]*file[*tls.Certificate]
	roots    map[string]*file[[]*x509.Certificate]
	problems map[string]string // the last that was logged, by what it concerns
}

// Open reads the folder. What is broken in it is an error only where it is the
// default certificate: without that one nothing could be served, while a broken
// sub-folder or authority concerns its own users, and is logged.
func Open(o Options) (*Dir, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Every == 0 {
		o.Every = defaultEvery
	}
	d := &Dir{
		Options: o, problems: map[string]string{},
		pairs: map[string]*file[*tls.Certificate]{}, roots: map[string]*file[[]*x509.Certificate]{},
	}
	if o.Path == "" {
		return d, nil
	}
	if _, err := os.ReadDir(o.Path); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.loadPair(""); err != nil && !errors.Is(err, errNoPair) {
		return nil, err
	}
	d.serves = d.pairs[""] != nil
	d.loadFolders()
	if !d.serves && len(d.pairs) > 0 {
		return nil, fmt.Errorf("%s holds certificates of hosts but no default one: put %s and %s into it", o.Path, certFile, keyFile)
	}
	d.publish()
	d.loadRoots()
	return d, nil
}

// Serves reports whether the folder held a certificate when it was opened, so
// that TLS is served.
func (d *Dir) Serves() bool { return d.serves }

// TLS returns the configuration of a server: always the newest certificates, and
// no version below 1.2.
func (d *Dir) TLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return d.serving.Load().choose(hello), nil
		},
	}
}

// Roots returns the system's roots with the folder's authorities; nil if the
// folder has none, which means the system's roots to all who take it.
func (d *Dir) Roots() *x509.CertPool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.roots) == 0 {
		return nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		d.Logger.Warn("the system's root certificates cannot be read; only those of the folder are trusted", "err", err)
		pool = x509.NewCertPool()
	}
	for _, f := range d.roots {
		for _, c := range f.value {
			pool.AddCert(c)
		}
	}
	return pool
}

// Follow reads the files again and again, and whenever now tells, until ctx
// ends. It calls rootsChanged after the authorities did.
func (d *Dir) Follow(ctx context.Context, now <-chan os.Signal, rootsChanged func(*x509.CertPool)) {
	ticker := time.NewTicker(d.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-now:
		case <-ticker.C:
		}
		if d.Reload() {
			rootsChanged(d.Roots())
		}
	}
}

// Reload reads the files now. What is broken or gone leaves in use what was
// there before and is logged once. It reports whether the authorities changed.
func (d *Dir) Reload() (rootsChanged bool) {
	if d.Path == "" {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	_, err := os.ReadDir(d.Path)
	d.report(d.Path, err)
	if err != nil {
		return false
	}
	if d.serves {
		// What is wrong with it is logged already.
		_ = d.loadPair("")
		d.loadFolders()
		d.publish()
	} else if _, err := os.Stat(filepath.Join(d.Path, certFile)); err == nil {
		d.report(certFile, errors.New("a certificate is there now: restart the server to serve TLS"))
	}
	return d.loadRoots()
}

// report logs a problem when it is a new one.
func (d *Dir) report(what string, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != "" && text != d.problems[what] {
		d.Logger.Warn("folder of certificates", "folder", d.Path, "err", err)
	}
	d.problems[what] = text
}

// subFolders are those that may hold a pair. Names with a dot in front are not
// meant for us: Kubernetes keeps the files behind its symbolic links there.
func subFolders(path string) ([]string, error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if name := e.Name(); name != caFolder && !strings.HasPrefix(name, ".") && isFolder(filepath.Join(path, name)) {
			out = append(out, name)
		}
	}
	return out, nil
}

// isFolder follows symbolic links.
func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// readBounded reads a small file.
func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("not a file")}
	case info.Size() > maxFileBytes:
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxFileBytes)
	}
	return os.ReadFile(path)
}
