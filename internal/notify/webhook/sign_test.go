package webhook

import (
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/config"
)

// The vector that the libraries of Standard Webhooks are tested with.
const (
	vectorSecret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	vectorID        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	vectorTime      = "1614265330"
	vectorBody      = `{"test": 2432232314}`
	vectorSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

func TestSignature(t *testing.T) {
	t.Parallel()
	// HMAC-SHA256 under the bytes of "plain", by openssl dgst -sha256 -hmac.
	const plain = "v1,tgOMx2V+ymftc5zrV4Kwy5UOWZAx1XMh0yu4Sm/6/r0="
	tests := map[string]struct{ secret, want string }{
		"the specification's vector": {vectorSecret, vectorSignature},
		"with padding":               {vectorSecret + "=", vectorSignature},
		"none":                       {"", ""},
		"two, in turn":               {"plain " + vectorSecret, plain + " " + vectorSignature},
		"two, white space around":    {" " + vectorSecret + "\t plain ", vectorSignature + " " + plain},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := newSigner(config.Secret(tt.secret))
			if err != nil {
				t.Fatal(err)
			}
			if got := s.header(vectorID, vectorTime, []byte(vectorBody)); got != tt.want {
				t.Errorf("signature %q, want %q", got, tt.want)
			}
		})
	}
}

func TestBadSigningSecretIsNotShown(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"whsec_", "whsec_not*base64", "plain whsec_%%%"} {
		_, err := newSigner(config.Secret(secret))
		if err == nil || !strings.HasPrefix(err.Error(), "signing_secret: ") {
			t.Errorf("%q: %v, want an error that names the key", secret, err)
		}
		if err != nil && (strings.Contains(err.Error(), "base64%") || strings.Contains(err.Error(), "%%%") || strings.Contains(err.Error(), "not*")) {
			t.Errorf("the error shows the secret: %v", err)
		}
	}
}
