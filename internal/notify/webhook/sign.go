package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/carillon-s3/carillon/internal/config"
)

// secretPrefix marks a secret that is written in base64.
const secretPrefix = "whsec_"

// signer makes the webhook-signature header of Standard Webhooks 1.0.0: for
// each secret, `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`,
// separated by spaces.
type signer struct{ keys [][]byte }

// newSigner reads one secret or several, separated by white space. One that
// begins with whsec_ is base64, any other is taken as it is.
func newSigner(secret config.Secret) (signer, error) {
	var s signer
	for _, word := range strings.Fields(secret.Reveal()) {
		text, encoded := strings.CutPrefix(word, secretPrefix)
		key := []byte(word)
		if encoded {
			var err error
			// The specification's own libraries write padding; some users' do not.
			key, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
			if err != nil || len(key) == 0 {
				return signer{}, errors.New("signing_secret: what follows whsec_ is not base64")
			}
		}
		s.keys = append(s.keys, key)
	}
	return s, nil
}

// header returns the header's value, empty without a secret.
func (s signer) header(id, timestamp string, body []byte) string {
	var out strings.Builder
	for i, key := range s.keys {
		if i > 0 {
			out.WriteByte(' ')
		}
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + timestamp + "."))
		mac.Write(body)
		out.WriteString("v1,")
		out.WriteString(base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return out.String()
}
