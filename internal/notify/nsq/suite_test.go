package nsq_test

import (
	"context"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/nsq"
	"github.com/carillon-s3/carillon/internal/notify/target"
	"github.com/carillon-s3/carillon/internal/notify/target/targettest"
)

func TestMain(m *testing.M) { targettest.Main(m, nsq.Kind()) }

func TestSuite(t *testing.T) {
	overTLS := func(edit func(*nsqd)) func(*testing.T) targettest.Harness {
		return func(t *testing.T) targettest.Harness {
			return newNSQ(t, true, func(n *nsqd) {
				n.values["tls"], n.values["cert_authority"] = "on", n.Certs.CA
				edit(n)
			})
		}
	}
	plain := func(edit func(*nsqd)) func(*testing.T) targettest.Harness {
		return func(t *testing.T) targettest.Harness { return newNSQ(t, false, edit) }
	}
	targettest.Run(t, targettest.Suite{
		Kind: nsq.Kind(),
		New:  plain(nil),
		// Those of nsqd's --max-msg-size.
		Bodies: targettest.Bodies{Fits: 1 << 20, Over: 1<<20 + 1},
		Without: map[string]string{
			targettest.WrongCredentials:  "nsqd asks for none",
			targettest.Missing:           "nsqd makes a topic for the first message",
			targettest.ClientCertificate: "the kind has no setting for one",
			targettest.NoClientCert:      "the kind has no setting for one",
			targettest.NoSecret:          "no setting is secret",
		},
		Variants: []targettest.Variant{
			{Name: "TLS", Case: targettest.TLS, New: overTLS(func(*nsqd) {})},
			{Name: "TLS of another authority", Case: targettest.WrongCA, New: overTLS(func(n *nsqd) { n.values["cert_authority"] = n.Certs.OtherCA }), WantErr: "certificate signed by unknown authority"},
			{Name: "TLS without verification", New: overTLS(func(n *nsqd) {
				n.values["cert_authority"], n.values["tls_skip_verify"] = "", "on"
			})},
			{Name: "no TLS where it is needed", New: overTLS(func(n *nsqd) { n.values["tls"] = "off" }), WantErr: "TLS required"},
			{Name: "TLS where there is none", New: plain(func(n *nsqd) { n.values["tls"] = "on" }), WantErr: "tls: nsqd does not offer it"},
			{Name: "not an nsqd", New: plain(func(n *nsqd) { n.values["nsqd_address"] = n.HTTPAddress }), WantErr: "is it an nsqd?"},
		},
	})
}

// TestTooLarge: nsqd takes messages of up to 1 MiB. Of a batch it then takes
// none, and what is sent after it goes as ever.
func TestTooLarge(t *testing.T) {
	n := newNSQ(t, false, nil)
	kind := nsq.Kind()
	s := kind.New()
	if err := config.Decode(s, n.Values()); err != nil {
		t.Fatal(err)
	}
	tgt, err := kind.Open(s, target.Env{})
	if err != nil {
		t.Fatal(err)
	}
	defer tgt.Close()
	send := func(bodies ...string) error {
		var batch []target.Message
		for _, b := range bodies {
			batch = append(batch, target.Message{Key: "b/k", Body: []byte(b)})
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		return tgt.Send(ctx, batch)
	}
	large := strings.Repeat("x", 2<<20)
	for name, bodies := range map[string][]string{"alone": {large}, "among others": {"before", large, "after"}, "together": {"a", strings.Repeat("y", 1<<20), large[:3<<19], large, large}} {
		if err := send(bodies...); !target.IsPermanent(err) || !strings.Contains(err.Error(), "too big") {
			t.Errorf("%s: permanent %v: %v", name, target.IsPermanent(err), err)
		}
	}
	if err := send("good", "better"); err != nil {
		t.Fatal(err)
	}
	if got := n.Received(t); len(got) != 2 || got[0].Body != "good" || got[1].Body != "better" {
		t.Errorf("received %d messages, want 2", len(got))
	}
}
