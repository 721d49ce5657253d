package target

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// ClientTLS is what the settings of a kind say about TLS. Zero fields ask for
// nothing. Keys are the names of the settings, for errors.
type ClientTLS struct {
	// CAFile holds certificates to trust besides the server's own roots.
	CAFile string
	// CertFile and KeyFile are a client certificate. They are read again for
	// each connection, so that renewed files are used at once.
	CertFile, KeyFile string
	// SkipVerify trusts any server.
	SkipVerify bool
	// CAKey and CertKeys name the settings that they came from.
	CAKey, CertKeys string
}

// Config returns the configuration for connections of a target. It fails for
// files that are missing or hold nothing of use.
func (c ClientTLS) Config(env Env) (*tls.Config, error) {
	conf := env.TLS()
	conf.InsecureSkipVerify = c.SkipVerify //nolint:gosec // the operator's own setting
	if c.CertFile != "" {
		load := func() (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.CertKeys, err)
			}
			return &pair, nil
		}
		if _, err := load(); err != nil {
			return nil, err
		}
		conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return load() }
	}
	if c.CAFile == "" {
		return conf, nil
	}
	pem, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.CAKey, err)
	}
	if conf.RootCAs, err = roots(env); err != nil {
		return nil, fmt.Errorf("%s: the system's certificates: %w", c.CAKey, err)
	}
	if !conf.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: %s holds no certificate", c.CAKey, c.CAFile)
	}
	return conf, nil
}

// roots is a copy of the roots that the server trusts.
func roots(env Env) (*x509.CertPool, error) {
	if env.RootCAs != nil {
		return env.RootCAs.Clone(), nil
	}
	return x509.SystemCertPool()
}
