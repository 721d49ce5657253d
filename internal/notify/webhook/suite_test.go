package webhook_test

import (
	"testing"

	"github.com/carillon-s3/carillon/internal/notify/target"
	"github.com/carillon-s3/carillon/internal/notify/target/targettest"
	"github.com/carillon-s3/carillon/internal/notify/webhook"
)

func TestSuite(t *testing.T) {
	targettest.Run(t, targettest.Suite{
		Kind: webhook.Kind(),
		Env:  target.Env{UserAgent: "Carillon/test"},
		New:  func(t *testing.T) targettest.Harness { return newReceiver(t, nil) },
		Variants: []targettest.Variant{
			{Name: "TLS", New: overTLS(tlsOptions{trust: true})},
			{Name: "TLS without its CA", New: overTLS(tlsOptions{}), WantErr: "certificate signed by unknown authority"},
			{Name: "TLS with client certificate", New: overTLS(tlsOptions{trust: true, demand: true, show: true})},
			{Name: "TLS without the client certificate", New: overTLS(tlsOptions{trust: true, demand: true}), WantErr: "certificate required"},
		},
	})
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
