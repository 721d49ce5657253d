package admin

import (
	"net/http"
	"path"
	"slices"
	"time"

	"github.com/carillon-s3/carillon/internal/iam"
)

// kmsPrefix is where the calls about master keys lie.
const kmsPrefix = "/minio/kms/v1/"

// MasterKeys are the keys of server-side encryption; *sse.Keys is one.
type MasterKeys interface {
	// Names are those of all keys, the default first; none if there are no keys.
	Names() []string
	// Check seals and opens something with the key of a name.
	Check(name string) error
}

func kmsRoutes() map[string]route {
	return map[string]route{
		"GET status":      {serve: (*Handler).kmsStatus, action: iam.KMSStatus},
		"GET key/status":  {serve: (*Handler).keyStatus, action: iam.KMSKeyStatus},
		"GET key/list":    {serve: (*Handler).listKeys, action: iam.KMSListKeys},
		"POST key/create": {serve: (*Handler).createKey, action: iam.KMSCreateKey},
	}
}

func (h *Handler) serveKMS(w http.ResponseWriter, r *http.Request) {
	h.serveRoutes(w, r, kmsPrefix, h.kmsRoutes, errNotImplemented)
}

// masterKeys are the names of the keys.
func (h *Handler) masterKeys() ([]string, error) {
	if h.MasterKeys == nil || len(h.MasterKeys.Names()) == 0 {
		return nil, errNotImplemented.with("Server side encryption specified but KMS is not configured")
	}
	return h.MasterKeys.Names(), nil
}

type kmsStatusAnswer struct {
	Name         string            `json:"name"`
	DefaultKeyID string            `json:"default-key-id"`
	Endpoints    map[string]string `json:"endpoints"`
}

// kmsStatus answers what keeps the keys: this server, from its settings.
func (h *Handler) kmsStatus(c *call) error {
	names, err := h.masterKeys()
	if err != nil {
		return err
	}
	return c.plain(kmsStatusAnswer{Name: "static", DefaultKeyID: names[0], Endpoints: map[string]string{"127.0.0.1": "online"}})
}

type keyStatusAnswer struct {
	KeyID         string `json:"key-id"`
	EncryptionErr string `json:"encryption-error,omitempty"`
	DecryptionErr string `json:"decryption-error,omitempty"`
}

// keyStatus answers `mc admin kms key status`: whether a key, the default if none
// is named, seals and opens.
func (h *Handler) keyStatus(c *call) error {
	names, err := h.masterKeys()
	if err != nil {
		return err
	}
	out := keyStatusAnswer{KeyID: c.query.Get("key-id")}
	if out.KeyID == "" {
		out.KeyID = names[0]
	}
	if !slices.Contains(names, out.KeyID) {
		out.EncryptionErr = "this key is not configured"
	} else if err := h.MasterKeys.Check(out.KeyID); err != nil {
		out.EncryptionErr = err.Error()
	}
	return c.plain(out)
}

type listedKey struct {
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"createdAt"`
	CreatedBy string    `json:"createdBy"`
}

// listKeys answers `mc admin kms key list`. When a key was made is not known.
func (h *Handler) listKeys(c *call) error {
	names, err := h.masterKeys()
	if err != nil {
		return err
	}
	pattern := c.query.Get("pattern")
	out := []listedKey{}
	for _, name := range names {
		fits, err := path.Match(pattern, name)
		if err != nil {
			return errInvalidQuery.with("The pattern is not valid.")
		}
		if pattern == "" || fits {
			out = append(out, listedKey{Name: name})
		}
	}
	return c.plain(out)
}

// createKey answers `mc admin kms key create`: the keys are settings of the server.
func (h *Handler) createKey(*call) error {
	if _, err := h.masterKeys(); err != nil {
		return err
	}
	return errNotImplemented.with("Keys cannot be created while the server runs: they are set by MINIO_KMS_SECRET_KEY. Put a new one before those that are there, and restart the server.")
}
