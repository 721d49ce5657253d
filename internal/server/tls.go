package server

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/carillon-s3/carillon/internal/certs"
)

// certsFolders are where certificates are looked for below the home folder when
// no folder was named: our own, and the one that users of MinIO have.
func certsFolders(home string) []string {
	if home == "" {
		return nil
	}
	return []string{filepath.Join(home, ".carillon", "certs"), filepath.Join(home, ".minio", "certs")}
}

// chooseCerts returns the folder of certificates: the one that was named, or the
// first of those that are looked for and exist, or none.
func chooseCerts(c Config, env *environment) string {
	if c.CertsDir != "" {
		return c.CertsDir
	}
	if named := env.get(envCertsDir); named != "" {
		return named
	}
	for _, folder := range certsFolders(c.Home) {
		if info, err := os.Stat(folder); err == nil && info.IsDir() {
			return folder
		}
	}
	return ""
}

// openCerts reads the certificates. A folder that cannot be used as it was meant
// ends the start: serving without TLS instead would show passwords to all.
func openCerts(c Config, env *environment) (*certs.Dir, error) {
	password, err := env.secret(envCertPassword)
	if err != nil {
		return nil, err
	}
	dir, err := certs.Open(certs.Options{Path: chooseCerts(c, env), Password: password, Logger: c.Logger})
	if err != nil {
		return nil, fmt.Errorf("%w: certificates: %w", ErrUsage, err)
	}
	return dir, nil
}

// scheme is that of the URLs under which the server answers.
func (s *settings) scheme() string {
	if s.certs.Serves() {
		return "https"
	}
	return "http"
}
