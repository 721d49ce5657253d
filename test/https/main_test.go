// Package https talks to the server over TLS, and by the names of buckets.
package https

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

// secure is a server with certificates of an authority of its own.
type secure struct {
	*harness.Server
	authority *harness.Authority
	certs     string
}

func start(t *testing.T, env ...string) secure {
	t.Helper()
	s := secure{authority: harness.NewAuthority(t), certs: t.TempDir()}
	s.authority.Issue(s.certs, "127.0.0.1", "localhost", "s3.test", "*.s3.test")
	s.authority.Issue(filepath.Join(s.certs, "host"), "files.example.org")
	s.Server = harness.Start(t, harness.Options{Args: []string{"--certs-dir", s.certs}, Authority: s.authority, Env: env})
	return s
}
