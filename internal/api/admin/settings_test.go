package admin

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/event"
)

const setLine = "notify_webhook:1 queue_limit=0 endpoint=http://localhost:3000 queue_dir="

func TestSetGetReset(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	set := s.doSealed(http.MethodPut, prefix+"set-config-kv", setLine)
	if set.status != http.StatusOK || len(set.body) != 0 || set.header.Get("x-minio-config-applied") != "true" {
		t.Fatalf("set: %d %q applied=%q", set.status, set.body, set.header.Get("x-minio-config-applied"))
	}
	get := s.do(http.MethodGet, prefix+"get-config-kv?key=notify_webhook%3A1", nil)
	want := "notify_webhook:1 endpoint=http://localhost:3000 auth_token= queue_limit=0 queue_dir= \n"
	if diff := cmp.Diff(want, s.opened(get)); diff != "" || get.status != http.StatusOK {
		t.Errorf("get: %d (-want +got):\n%s", get.status, diff)
	}
	reset := s.doSealed(http.MethodDelete, prefix+"del-config-kv", "notify_webhook:1")
	if reset.status != http.StatusOK || reset.header.Get("x-minio-config-applied") != "true" {
		t.Errorf("reset: %d %s", reset.status, reset.body)
	}
	again := s.doSealed(http.MethodDelete, prefix+"del-config-kv", "notify_webhook:1")
	wantError(t, again, http.StatusNotFound, "XMinioConfigNotFoundError", "there is no notify_webhook:1")
}

// wantError checks the status, the code and a part of the message.
func wantError(t *testing.T, r reply, status int, name, message string) {
	t.Helper()
	var body errorBody
	if err := json.Unmarshal(r.body, &body); err != nil {
		t.Fatalf("status %d, body %q: %v", r.status, r.body, err)
	}
	if r.status != status || body.Code != name || !strings.Contains(body.Message, message) {
		t.Errorf("answer %d %s %q, want %d %s with %q", r.status, body.Code, body.Message, status, name, message)
	}
	if body.RequestID != r.header.Get("X-Amz-Request-Id") || len(body.RequestID) != 16 {
		t.Errorf("RequestId %q, header %q", body.RequestID, r.header.Get("X-Amz-Request-Id"))
	}
}

func TestSetRefuses(t *testing.T) {
	t.Parallel()
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := newSite(t)
	tests := map[string]struct {
		text    string
		name    string
		message string
	}{
		"unknown sub-system": {"notify_webhok:1 endpoint=http://h/", "XMinioConfigError", "did you mean notify_webhook?"},
		"unknown key":        {"notify_webhook:1 endpiont=http://h/", "XMinioConfigError", "endpiont: unknown key, did you mean endpoint?"},
		"no key":             {"notify_webhook:1", "XMinioConfigError", "no key=value is given"},
		"missing":            {"notify_webhook:1 queue_limit=3", "XMinioConfigError", "endpoint: a value is required"},
		"not a number":       {"notify_webhook:1 endpoint=http://h/ queue_limit=many", "XMinioAdminConfigBadJSON", "queue_limit"},
		"relative queue_dir": {"notify_webhook:1 endpoint=http://h/ queue_dir=events", "XMinioAdminConfigBadJSON", "queue_dir: the path should be absolute"},
		"impossible queue_dir": {
			"notify_webhook:1 endpoint=http://h/ queue_dir=" + blocked + "/events", "XMinioAdminConfigBadJSON", "queue_dir: the directory cannot be used",
		},
		"two at once": {"notify_webhook:1 endpoint=h queue_limit=many", "XMinioAdminConfigBadJSON", "endpoint: the URL must begin"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := s.doSealed(http.MethodPut, prefix+"set-config-kv", tt.text)
			wantError(t, r, http.StatusBadRequest, tt.name, tt.message)
			if r.header.Get("x-minio-config-applied") != "" {
				t.Error("the refusal says that it was applied")
			}
		})
	}
	t.Cleanup(func() {
		if all := s.settings.All(); len(all) != 0 {
			t.Errorf("something was stored: %v", all)
		}
	})
}

func TestSetRefusesBodies(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const path = prefix + "set-config-kv"
	r := s.do(http.MethodPut, path, []byte(setLine))
	wantError(t, r, http.StatusBadRequest, "XMinioAdminConfigBadJSON", "cannot be decrypted")
	r = s.do(http.MethodPut, path, nil)
	wantError(t, r, http.StatusBadRequest, "XMinioAdminConfigBadJSON", "cannot be decrypted")
	r = s.do(http.MethodPut, path, make([]byte, maxSealedBytes+1))
	wantError(t, r, http.StatusBadRequest, "XMinioAdminConfigTooLarge", "larger than 256 KiB")

	unknown := s.request(http.MethodPut, path, nil)
	unknown.Body, unknown.ContentLength = io.NopCloser(strings.NewReader(setLine)), -1
	unknown.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	wantError(t, s.send(unknown, testAccess, testSecret), http.StatusBadRequest, "XMinioAdminConfigTooLarge", "does not say its length")
}

// TestConnectionCheckRefusesNothing: an unreachable target is accepted, and the
// wait for its check is bounded by the context.
func TestConnectionCheckRefusesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	deadlines := make(chan bool, 1)
	s.targets.check = func(ctx context.Context) error {
		_, ok := ctx.Deadline()
		deadlines <- ok
		return errTest
	}
	if r := s.doSealed(http.MethodPut, prefix+"set-config-kv", setLine); r.status != http.StatusOK {
		t.Fatalf("set: %d %s", r.status, r.body)
	}
	if !<-deadlines {
		t.Error("the check has no deadline")
	}
	if log := s.log.String(); !strings.Contains(log, "cannot be reached now") || !strings.Contains(log, errTest.Error()) {
		t.Errorf("log: %s", log)
	}
	want := []event.TargetID{{ID: "1", Type: "webhook"}}
	if diff := cmp.Diff(want, s.targets.checked); diff != "" {
		t.Errorf("checked (-want +got):\n%s", diff)
	}
	if r := s.doSealed(http.MethodPut, prefix+"set-config-kv", "notify_webhook:1 enable=off"); r.status != http.StatusOK {
		t.Fatalf("disable: %d %s", r.status, r.body)
	}
	if len(s.targets.checked) != 1 {
		t.Error("a disabled target was checked")
	}
}

func TestSecretsInGetAndExport(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.doSealed(http.MethodPut, prefix+"set-config-kv", setLine+" auth_token=Bearer hunter2")
	if text := s.opened(s.do(http.MethodGet, prefix+"get-config-kv?key=notify_webhook", nil)); strings.Contains(text, "hunter2") || strings.Contains(text, "auth_token=B") {
		t.Errorf("get shows the secret: %s", text)
	}
	if text := s.opened(s.do(http.MethodGet, prefix+"config", nil)); !strings.Contains(text, `auth_token="Bearer hunter2"`) {
		t.Errorf("export: %s", text)
	}
	if strings.Contains(s.log.String(), "hunter2") {
		t.Errorf("log: %s", s.log)
	}
}

func TestImportSkipsWhatIsForeign(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	text := "subnet license= api_key= proxy= \n# notify_webhook enable=off endpoint= \nnotify_webhook:1 endpoint=http://h/ comment=\"a b\" \nnotify_webhook:envt \n"
	r := s.doSealed(http.MethodPut, prefix+"config", text)
	if r.status != http.StatusOK {
		t.Fatalf("import: %d %s", r.status, r.body)
	}
	if !strings.Contains(s.log.String(), "subnet") {
		t.Errorf("log: %s", s.log)
	}
	got := s.opened(s.do(http.MethodGet, prefix+"get-config-kv?key=notify_webhook:1", nil))
	if want := "notify_webhook:1 endpoint=http://h/ auth_token= queue_limit=0 queue_dir= comment=\"a b\" \n"; got != want {
		t.Errorf("get: %q", got)
	}
	r = s.doSealed(http.MethodPut, prefix+"config", "subnet x=\nnotify_webhook:1 bogus=1")
	wantError(t, r, http.StatusBadRequest, "XMinioConfigError", "line 2: bogus: unknown key")
}

func TestHistory(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, text := range []string{"notify_webhook:1 endpoint=http://one/", "notify_webhook:1 endpoint=http://two/"} {
		if r := s.doSealed(http.MethodPut, prefix+"set-config-kv", text); r.status != http.StatusOK {
			t.Fatal(r.status)
		}
	}
	list := func() []historyEntry {
		var entries []historyEntry
		text := s.opened(s.do(http.MethodGet, prefix+"list-config-history-kv?count=10", nil))
		if err := json.Unmarshal([]byte(text), &entries); err != nil {
			t.Fatal(err)
		}
		return entries
	}
	entries := list()
	if len(entries) != 2 || entries[0].Text != "notify_webhook:1 endpoint=http://one/" || entries[0].Time.After(entries[1].Time) {
		t.Fatalf("history: %+v", entries)
	}
	if r := s.do(http.MethodPut, prefix+"restore-config-history-kv?restoreId="+entries[0].ID, nil); r.status != http.StatusOK {
		t.Fatalf("restore: %d %s", r.status, r.body)
	}
	if got := s.opened(s.do(http.MethodGet, prefix+"get-config-kv?key=notify_webhook:1", nil)); !strings.Contains(got, "endpoint=http://one/ ") {
		t.Errorf("after restore: %s", got)
	}
	r := s.do(http.MethodPut, prefix+"restore-config-history-kv?restoreId=nope", nil)
	wantError(t, r, http.StatusNotFound, "XMinioConfigNotFoundError", "nope")
	if r := s.do(http.MethodDelete, prefix+"clear-config-history-kv?restoreId=all", nil); r.status != http.StatusOK {
		t.Errorf("clear: %d", r.status)
	}
	if entries := list(); len(entries) != 0 {
		t.Errorf("after clear: %+v", entries)
	}
}

// TestHelp compares with the exact fields that the client allows.
func TestHelp(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	tests := map[string]struct{ query, want string }{
		"all": {
			"key=&subSys=",
			`{"subSys":"","description":"","multipleTargets":false,"keysHelp":[{"key":"notify_webhook","type":"","description":"publish bucket notifications to webhook endpoints","optional":true,"multipleTargets":true}]}`,
		},
		"one key": {
			"key=queue_dir&subSys=notify_webhook",
			`{"subSys":"notify_webhook","description":"publish bucket notifications to webhook endpoints","multipleTargets":true,"keysHelp":[` +
				`{"key":"enable","type":"on|off","description":"enable notify_webhook target, default is 'off'","optional":false,"multipleTargets":false},` +
				`{"key":"queue_dir","type":"path","description":"staging dir for undelivered messages e.g. '/home/events'","optional":true,"multipleTargets":false}]}`,
		},
		"environment": {
			"key=endpoint&subSys=notify_webhook&env=",
			`{"subSys":"notify_webhook","description":"publish bucket notifications to webhook endpoints","multipleTargets":true,"keysHelp":[` +
				`{"key":"MINIO_NOTIFY_WEBHOOK_ENABLE","type":"on|off","description":"enable notify_webhook target, default is 'off'","optional":false,"multipleTargets":false},` +
				`{"key":"MINIO_NOTIFY_WEBHOOK_ENDPOINT","type":"url","description":"webhook server endpoint","optional":false,"multipleTargets":false}]}`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := s.do(http.MethodGet, prefix+"help-config-kv?"+tt.query, nil)
			if diff := cmp.Diff(tt.want, string(r.body)); diff != "" || r.status != http.StatusOK {
				t.Errorf("%d (-want +got):\n%s", r.status, diff)
			}
		})
	}
	r := s.do(http.MethodGet, prefix+"help-config-kv?subSys=notify_webhook&key=queuedir", nil)
	wantError(t, r, http.StatusBadRequest, "XMinioConfigError", "did you mean queue_dir?")
	r = s.do(http.MethodGet, prefix+"get-config-kv?key=subnet", nil)
	wantError(t, r, http.StatusBadRequest, "XMinioConfigError", "unknown sub-system")
}
