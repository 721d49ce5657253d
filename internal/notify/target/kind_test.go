package target_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

type settings struct {
	config.Queue
	target.Form
	Address string
}

func (s *settings) Fields(f *config.FieldSet) {
	f.String(&s.Address, "address", "address", "where", config.Required())
	s.LimitField(f)
	s.DirField(f)
}

func (s *settings) Validate() error { return nil }

func TestKindBindsItsOwnSettings(t *testing.T) {
	t.Parallel()
	errOpened := errors.New("opened")
	var got *settings
	k := target.New(target.Definition[settings, *settings]{
		Name:        "sample",
		Description: "publish to a sample",
		Traits:      func(s *settings) target.Traits { return target.Traits{MaxBatch: len(s.Address)} },
		Open: func(s *settings, _ target.Env) (target.Target, error) {
			got = s
			return nil, errOpened
		},
	})
	s := k.New()
	if err := config.Decode(s, map[string]string{"address": "h:1", "queue_limit": "9"}); err != nil {
		t.Fatal(err)
	}
	if sub := k.SubSystem(); sub.Name != "notify_sample" || !sub.Multiple || k.ARNType != "sample" {
		t.Errorf("sub-system %+v, ARN type %q", sub, k.ARNType)
	}
	if n := k.Traits(s).MaxBatch; n != 3 {
		t.Errorf("traits saw an address of %d bytes, want 3", n)
	}
	if q := k.Queue(s); q.Limit != 9 {
		t.Errorf("queue = %+v, want limit 9", q)
	}
	if _, err := k.Open(s, target.Env{}); !errors.Is(err, errOpened) || got.Address != "h:1" {
		t.Errorf("open: %v with %+v", err, got)
	}
}

func TestDialerObeysTheAllowList(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	tests := map[string]struct {
		allowed string
		wantErr bool
	}{
		"within":  {"127.0.0.0/8", false},
		"outside": {"10.0.0.0/8", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			env := target.Env{Allow: target.AllowOnly([]netip.Prefix{netip.MustParsePrefix(tt.allowed)})}
			// A name, so that what is checked is the address it resolves to.
			_, port, _ := net.SplitHostPort(l.Addr().String())
			c, err := env.Dialer().DialContext(context.Background(), "tcp4", net.JoinHostPort("localhost", port))
			if c != nil {
				c.Close()
			}
			if tt.wantErr && (err == nil || !strings.Contains(err.Error(), "not among the allowed networks")) {
				t.Errorf("dial: %v, want a refusal", err)
			}
			if !tt.wantErr && err != nil {
				t.Errorf("dial: %v", err)
			}
		})
	}
}
