package webhook_test

import (
	"testing"

	"github.com/carillon-s3/carillon/internal/notify/target"
	"github.com/carillon-s3/carillon/internal/notify/target/targettest"
	"github.com/carillon-s3/carillon/internal/notify/webhook"
)

func TestSuite(t *testing.T) {
	targettest.Run(t, targettest.Suite{
		Kind:   webhook.Kind(),
		Env:    target.Env{UserAgent: "Carillon/test"},
		New:    func(t *testing.T) targettest.Harness { return newReceiver(t, nil) },
		Bodies: targettest.Bodies{Fits: maxBody, Over: maxBody + 1},
		Notes:  map[string]string{targettest.OverLimit: "the receiver's own limit, which it tells by 413"},
		Variants: []targettest.Variant{
			{Name: "token", New: asking("t0ken5ecret")},
			{Name: "wrong token", Case: targettest.WrongCredentials, New: asking("an0ther5ecret"), WantErr: "401"},
			{Name: "missing path", Case: targettest.Missing, WantErr: "404", New: func(t *testing.T) targettest.Harness {
				return newReceiver(t, func(r *receiver) { r.values["endpoint"] = "http://" + r.config.Address + missingPath })
			}},
			{Name: "TLS", Case: targettest.TLS, New: overTLS(tlsOptions{trust: true})},
			{Name: "TLS without its CA", Case: targettest.WrongCA, New: overTLS(tlsOptions{}), WantErr: "certificate signed by unknown authority"},
			{Name: "TLS with client certificate", Case: targettest.ClientCertificate, New: overTLS(tlsOptions{trust: true, demand: true, show: true})},
			{Name: "TLS without the client certificate", Case: targettest.NoClientCert, New: overTLS(tlsOptions{trust: true, demand: true}), WantErr: "certificate required"},
		},
	})
}

// asking is a receiver that asks for a token.
func asking(token string) func(*testing.T) targettest.Harness {
	return func(t *testing.T) targettest.Harness {
		return newReceiver(t, func(r *receiver) { r.config.Token = token })
	}
}

type tlsOptions struct {
	trust  bool // the target knows the receiver's CA
	demand bool // the receiver wants a client certificate
	show   bool // the target has one
}

func overTLS(o tlsOptions) func(*testing.T) targettest.Harness {
	return func(t *testing.T) targettest.Harness {
		ca := newAuthority(t)
		return newReceiver(t, func(r *receiver) {
			r.config.Cert, r.config.Key = ca.issue(t, "receiver")
			r.values["endpoint"] = "https://" + r.config.Address + "/hook"
			if o.trust {
				r.values["cert_authority"] = ca.file
			}
			if o.demand {
				r.config.Client = ca.file
			}
			if o.show {
				r.values["client_cert"], r.values["client_key"] = ca.issue(t, "carillon")
			}
		})
	}
}
