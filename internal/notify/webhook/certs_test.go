package webhook_test

import (
	"os"
	"testing"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/target"
	"github.com/carillon-s3/carillon/internal/notify/webhook"
)

// TestRenewedClientCertificateIsUsed: the files change, and the next connection
// shows the new certificate; the receiver trusts only its issuer.
func TestRenewedClientCertificateIsUsed(t *testing.T) {
	stale, current := newAuthority(t), newAuthority(t)
	r := newReceiver(t, func(r *receiver) {
		r.config.Cert, r.config.Key = current.issue(t, "receiver")
		r.config.Client = current.file
		r.values = map[string]string{"endpoint": "https://" + r.config.Address, "cert_authority": current.file}
		r.values["client_cert"], r.values["client_key"] = stale.issue(t, "carillon")
	})
	kind := webhook.Kind()
	settings := kind.New()
	if err := config.Decode(settings, r.values); err != nil {
		t.Fatal(err)
	}
	h, err := kind.Open(settings, target.Env{})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	msg := []target.Message{{ID: "1", Key: "b/k", Body: []byte("{}")}}
	if h.Send(t.Context(), msg) == nil {
		t.Fatal("the receiver took a certificate that it does not trust")
	}
	cert, key := current.issue(t, "carillon")
	replace(t, cert, r.values["client_cert"])
	replace(t, key, r.values["client_key"])
	if err := h.Send(t.Context(), msg); err != nil {
		t.Errorf("with the renewed certificate: %v", err)
	}
}

func replace(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}
