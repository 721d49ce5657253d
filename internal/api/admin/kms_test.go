package admin

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

// twoKeys are master keys of which the second is broken.
type twoKeys struct{}

func (twoKeys) Names() []string { return []string{"new-key", "old-key"} }

func (twoKeys) Check(name string) error {
	if name == "new-key" {
		return nil
	}
	return errors.New("no good")
}

func TestMasterKeys(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, call := range []string{"GET status", "GET key/status", "GET key/list?pattern=*", "POST key/create?key-id=k"} {
		method, path, _ := strings.Cut(call, " ")
		wantError(t, s.do(method, kmsPrefix+path, nil), http.StatusNotImplemented, "NotImplemented", "")
	}
	s.handler.MasterKeys = twoKeys{}
	for call, want := range map[string]string{
		"status":                    `{"name":"static","default-key-id":"new-key","endpoints":{"127.0.0.1":"online"}}`,
		"key/status":                `{"key-id":"new-key"}`,
		"key/status?key-id=":        `{"key-id":"new-key"}`,
		"key/status?key-id=old-key": `{"key-id":"old-key","encryption-error":"no good"}`,
		"key/status?key-id=other":   `{"key-id":"other","encryption-error":"this key is not configured"}`,
		"key/list?pattern=*":        `[{"name":"new-key","createdAt":"0001-01-01T00:00:00Z","createdBy":""},{"name":"old-key","createdAt":"0001-01-01T00:00:00Z","createdBy":""}]`,
		"key/list?pattern=new*":     `[{"name":"new-key","createdAt":"0001-01-01T00:00:00Z","createdBy":""}]`,
		"key/list?pattern=x":        `[]`,
	} {
		if r := s.do(http.MethodGet, kmsPrefix+call, nil); r.status != http.StatusOK || string(r.body) != want {
			t.Errorf("%s: %d %s", call, r.status, r.body)
		}
	}
	wantError(t, s.do(http.MethodGet, kmsPrefix+"key/list?pattern=[", nil), http.StatusBadRequest, "InvalidArgument", "")
	wantError(t, s.do(http.MethodPost, kmsPrefix+"key/create?key-id=k", nil), http.StatusNotImplemented, "NotImplemented", "")
}
