package config

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/kv/memory"
)

// sampleRegistry has the sub-system of package field_test, and one that is
// always on.
func sampleRegistry(t testing.TB) *Registry {
	t.Helper()
	r, err := NewRegistry([]SubSystem{
		{Name: "notify_sample", Description: "a sample", Multiple: true, New: func() Settings { return new(sample) }},
		{Name: "site", AlwaysOn: true, New: func() Settings { return &listed{keys: []listedKey{{key: "region"}}} }},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func newKV(t testing.TB) *memory.Store {
	t.Helper()
	store := memory.New()
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// openStore opens a store whose directories are never made.
func openStore(t testing.TB, store KV, env ...string) *Store {
	t.Helper()
	s, err := Open(t.Context(), StoreOptions{
		Registry: sampleRegistry(t), KV: store, Env: ParseEnv(env), MakeDir: func(string) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustSet(t testing.TB, s *Store, text string) []Instance {
	t.Helper()
	changed, err := s.Set(t.Context(), text)
	if err != nil {
		t.Fatalf("set %q: %v", text, err)
	}
	return changed
}

func render(t testing.TB, s *Store, head string) string {
	t.Helper()
	text, err := s.Render(head)
	if err != nil {
		t.Fatalf("render %q: %v", head, err)
	}
	return text
}

func TestSetIsDurableAndInForce(t *testing.T) {
	t.Parallel()
	store := newKV(t)
	s := openStore(t, store)
	changed := mustSet(t, s, "notify_sample:Primary endpoint=http://h/ queue_limit=5 tls_enable=on auth_token=Bearer x")
	if len(changed) != 1 || changed[0].Name() != "notify_sample:Primary" || !changed[0].Enabled || changed[0].Err != nil {
		t.Fatalf("changed: %+v", changed)
	}
	for name, s := range map[string]*Store{"the same store": s, "opened again": openStore(t, store)} {
		i, ok := s.Find("notify_sample", "Primary")
		if !ok || i.Err != nil {
			t.Fatalf("%s: %+v", name, i)
		}
		got, ok := i.Settings.(*sample)
		if !ok || got.Endpoint != "http://h/" || got.Limit != 5 || got.Token.Reveal() != "Bearer x" || !got.TLS || got.Format != "namespace" {
			t.Errorf("%s: settings %+v", name, got)
		}
		if v := i.Values["queue_limit"]; v != (Value{Text: "5", Origin: FromStore}) {
			t.Errorf("%s: queue_limit %+v", name, v)
		}
		if v := i.Values["wait"]; v != (Value{Text: "0s", Origin: FromDefault}) {
			t.Errorf("%s: wait %+v", name, v)
		}
	}
}

func TestSetOverlaysAndEnables(t *testing.T) {
	t.Parallel()
	s := openStore(t, newKV(t))
	steps := []struct{ set, want string }{
		{"notify_sample:1 endpoint=http://h/ enable=off", "notify_sample:1 enable=off endpoint=http://h/ auth_token= brokers= format=namespace tls=off qos=0 wait=0s queue_limit=0 queue_dir= client_cert= client_key= \n"},
		{"notify_sample:1 qos=1", "notify_sample:1 endpoint=http://h/ auth_token= brokers= format=namespace tls=off qos=1 wait=0s queue_limit=0 queue_dir= client_cert= client_key= \n"},
		{"notify_sample:1 auth_token=x comment=two words extra=e host=old", "notify_sample:1 endpoint=http://h/ brokers= format=namespace tls=off qos=1 wait=0s queue_limit=0 queue_dir= client_cert= client_key= host=old extra=e comment=\"two words\" \n"},
		{"notify_sample:1 qos= enable=0", "notify_sample:1 enable=0 endpoint=http://h/ brokers= format=namespace tls=off qos=0 wait=0s queue_limit=0 queue_dir= client_cert= client_key= host=old extra=e comment=\"two words\" \n"},
	}
	for _, step := range steps {
		mustSet(t, s, step.set)
		if diff := cmp.Diff(step.want, render(t, s, "notify_sample:1")); diff != "" {
			t.Errorf("after %q (-want +got):\n%s", step.set, diff)
		}
	}
}

// TestRefusedChangesNothing: one line that is wrong refuses all of them.
func TestRefusedChangesNothing(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text string
		code Code
		want string
	}{
		"malformed":        {"notify_sample:1 endpoint=http://h/\nnotify_sample:2 bogus=1", Malformed, "line 2: bogus: unknown key"},
		"required":         {"notify_sample:1 endpoint=http://h/\nnotify_sample:2 qos=1", Malformed, "line 2: notify_sample:2: endpoint: a value is required"},
		"invalid":          {"notify_sample:1 endpoint=http://h/\nnotify_sample:2 endpoint=http://h/ qos=9", Invalid, "line 2: notify_sample:2: qos: 9 is not between 0 and 2"},
		"all of it":        {"notify_sample:1 endpoint=h qos=9\nnotify_sample:2 tls=maybe", Invalid, "notify_sample:1: endpoint: the URL must begin with http:// or https://; qos: 9 is not between 0 and 2; line 2: notify_sample:2: tls: \"maybe\" is neither on nor off"},
		"as a whole":       {"notify_sample:1 endpoint=http://h/ client_cert=/c", Invalid, "notify_sample:1: client_cert and client_key go together"},
		"invalid, but off": {"notify_sample:1 enable=off qos=9", Invalid, "notify_sample:1: qos: 9 is not between 0 and 2"},
		"enable itself":    {"notify_sample:1 enable=perhaps endpoint=http://h/", Invalid, "notify_sample:1: enable: \"perhaps\" is neither on nor off"},
		"nothing":          {"\n# comment\n", Malformed, "there is nothing to set"},
		"no key":           {"notify_sample:1 endpoint=http://h/\nnotify_sample:2", Malformed, "line 2: notify_sample:2: no key=value is given"},
		"secret kept":      {"notify_sample:1 endpoint=ftp://u:hunter2@h auth_token=hunter2", Invalid, "notify_sample:1: endpoint: unexpected scheme; the URL must begin with http:// or https://"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := newKV(t)
			s := openStore(t, store)
			stop := s.OnChange(func(changed []Instance) { t.Errorf("told of %v", changed) })
			defer stop()
			_, err := s.Set(t.Context(), tt.text)
			var refused *Error
			if !errors.As(err, &refused) || refused.Code != tt.code || refused.Error() != tt.want {
				t.Fatalf("error %v, want code %d: %s", err, tt.code, tt.want)
			}
			for entry, err := range store.Scan(t.Context(), kv.Range{}) {
				t.Errorf("stored: %q, %v", entry.Key, err)
			}
		})
	}
}

func TestReset(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		reset string
		code  Code
		want  string
		left  string
	}{
		"all of it":         {"notify_sample:1", 0, "", ""},
		"some keys":         {"notify_sample:1 comment tls_enable", 0, "", "notify_sample:1 endpoint=http://h/ auth_token= brokers= format=namespace tls=off qos=1 wait=0s queue_limit=0 queue_dir= client_cert= client_key= \n"},
		"required key":      {"notify_sample:1 endpoint", Malformed, "notify_sample:1: endpoint: a value is required", ""},
		"not there":         {"notify_sample:2", NotFound, "there is no notify_sample:2", ""},
		"environment's":     {"notify_sample:env", NotFound, "notify_sample:env is set by the environment and has no stored settings", ""},
		"unknown key":       {"notify_sample:1 qqos", NotFound, "qqos: unknown key, did you mean qos?", ""},
		"unknown sub":       {"nope", Malformed, `unknown sub-system "nope"`, ""},
		"nothing":           {" ", Malformed, "there is nothing to reset", ""},
		"default, not set":  {"notify_sample", 0, "", ""},
		"default, some key": {"notify_sample comment", 0, "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := newKV(t)
			env := []string{"MINIO_NOTIFY_SAMPLE_ENABLE_env=on", "MINIO_NOTIFY_SAMPLE_ENDPOINT_env=http://e/"}
			s := openStore(t, store, env...)
			mustSet(t, s, "notify_sample:1 endpoint=http://h/ tls=on qos=1 comment=c")
			_, err := s.Reset(t.Context(), tt.reset)
			var refused *Error
			if errors.As(err, &refused) {
				if refused.Code != tt.code || refused.Error() != tt.want {
					t.Fatalf("error %d %v", refused.Code, err)
				}
			} else if err != nil || tt.code != 0 {
				t.Fatalf("error %v", err)
			}
			again := openStore(t, store, env...)
			if diff := cmp.Diff(render(t, s, "notify_sample"), render(t, again, "notify_sample")); diff != "" {
				t.Errorf("in force and stored differ:\n%s", diff)
			}
			if tt.left != "" {
				if diff := cmp.Diff(tt.left, render(t, s, "notify_sample:1")); diff != "" {
					t.Errorf("left (-want +got):\n%s", diff)
				}
			}
			if _, ok := again.Find("notify_sample", "1"); ok != (name != "all of it") {
				t.Errorf("notify_sample:1 is there: %v", ok)
			}
			if _, ok := again.Find("notify_sample", DefaultTarget); ok {
				t.Error("the default instance came to be")
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	store := newKV(t)
	mustSet(t, openStore(t, store), "notify_sample:Both endpoint=http://stored/ qos=1 comment=stored")
	s := openStore(t, store,
		"MINIO_NOTIFY_SAMPLE_ENABLE=on", "MINIO_NOTIFY_SAMPLE_ENDPOINT=http://default/",
		"MINIO_NOTIFY_SAMPLE_ENABLE_env=on", "MINIO_NOTIFY_SAMPLE_ENDPOINT_env=http://minio/",
		"CARILLON_NOTIFY_SAMPLE_ENDPOINT_env=http://carillon/", "MINIO_NOTIFY_SAMPLE_AUTH_TOKEN_env=hunter2",
		"MINIO_NOTIFY_SAMPLE_QUALITY_env=2", "MINIO_NOTIFY_SAMPLE_TLS_ENABLE_env=on", "MINIO_NOTIFY_SAMPLE_COMMENT_env= several\nlines\n",
		"MINIO_NOTIFY_SAMPLE_ENDPOINT_Both=http://env/", "MINIO_NOTIFY_SAMPLE_COMMENT_Both=",
		"MINIO_NOTIFY_SAMPLE_ENDPOINT_orphan=http://nobody/", "MINIO_NOTIFY_SAMPLE_ENABLE_empty=",
		"CARILLON_NOTIFY_SAMPLE_ENABLE_off=off",
	)
	var names []string
	for _, i := range s.Effective("notify_sample") {
		names = append(names, i.Name())
		if i.Err != nil {
			t.Errorf("%s: %v", i.Name(), i.Err)
		}
	}
	if diff := cmp.Diff([]string{"notify_sample", "notify_sample:Both", "notify_sample:env", "notify_sample:off"}, names); diff != "" {
		t.Fatalf("instances (-want +got):\n%s", diff)
	}
	env, _ := s.Find("notify_sample", "env")
	if v := env.Values["endpoint"]; v != (Value{"http://carillon/", FromEnvironment, "CARILLON_NOTIFY_SAMPLE_ENDPOINT_env"}) {
		t.Errorf("endpoint of env: %+v", v)
	}
	got, _ := env.Settings.(*sample)
	if got.Endpoint != "http://carillon/" || got.QoS != 2 || !got.TLS || got.Token != "hunter2" {
		t.Errorf("settings of env: %+v", got)
	}
	both, _ := s.Find("notify_sample", "Both")
	if both.Values["endpoint"].Text != "http://env/" || both.Values["qos"] != (Value{"1", FromStore, ""}) || both.Values["comment"].Text != "stored" {
		t.Errorf("values of Both: %+v", both.Values)
	}
	if off, _ := s.Find("notify_sample", "off"); off.Enabled || off.Settings != nil {
		t.Errorf("off: %+v", off)
	}

	want := `# MINIO_NOTIFY_SAMPLE_ENABLE=on
# MINIO_NOTIFY_SAMPLE_ENDPOINT=http://default/
notify_sample enable=off endpoint= auth_token= brokers= format=namespace tls=off qos=0 wait=0s queue_limit=0 queue_dir= client_cert= client_key= 
# MINIO_NOTIFY_SAMPLE_ENDPOINT_Both=http://env/
notify_sample:Both endpoint=http://stored/ auth_token= brokers= format=namespace tls=off qos=1 wait=0s queue_limit=0 queue_dir= client_cert= client_key= comment=stored 
# MINIO_NOTIFY_SAMPLE_ENABLE_env=on
# CARILLON_NOTIFY_SAMPLE_ENDPOINT_env=http://carillon/
# MINIO_NOTIFY_SAMPLE_TLS_ENABLE_env=on
# MINIO_NOTIFY_SAMPLE_QUALITY_env=2
# MINIO_NOTIFY_SAMPLE_COMMENT_env=several lines
notify_sample:env 
# CARILLON_NOTIFY_SAMPLE_ENABLE_off=off
notify_sample:off 
`
	if diff := cmp.Diff(want, render(t, s, "notify_sample")); diff != "" {
		t.Errorf("get (-want +got):\n%s", diff)
	}
}

// TestMisconfiguredAlone: what one instance suffers, its siblings do not.
func TestMisconfiguredAlone(t *testing.T) {
	t.Parallel()
	store := newKV(t)
	mustSet(t, openStore(t, store), "notify_sample:good endpoint=http://h/\nnotify_sample:bad endpoint=http://h/")
	var b kv.Batch
	b.Set(instanceKey("notify_sample", "future"), []byte{99, 1, 2})
	if _, err := store.Commit(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	s := openStore(t, store,
		"MINIO_NOTIFY_SAMPLE_QOS_bad=9", "MINIO_NOTIFY_SAMPLE_ENABLE_env=on", "MINIO_NOTIFY_SAMPLE_ENABLE_odd=perhaps",
		"MINIO_NOTIFY_SAMPLE_ENDPOINT_odd=http://h/")
	want := map[string]string{
		"good": "", "bad": "qos: 9 is not between 0 and 2", "env": "endpoint: a value is required",
		"odd": `enable: "perhaps" is neither on nor off`, "future": "stored by a newer version, or damaged",
	}
	got := make(map[string]string)
	for _, i := range s.Effective("notify_sample") {
		got[i.Target] = ""
		if i.Err != nil {
			got[i.Target] = i.Err.Error()
		}
		if (i.Settings == nil) != (i.Err != nil) || !i.Enabled {
			t.Errorf("%s: enabled %v, settings %v, error %v", i.Target, i.Enabled, i.Settings, i.Err)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	mustSet(t, s, "notify_sample:bad comment=still settable under a broken environment")
	if _, err := s.Set(t.Context(), "notify_sample:future endpoint=http://h/"); err == nil || !strings.Contains(err.Error(), "must be reset first") {
		t.Errorf("set over a damaged record: %v", err)
	}
	if _, err := s.Reset(t.Context(), "notify_sample:future"); err != nil {
		t.Errorf("reset of a damaged record: %v", err)
	}
}

func TestOnChange(t *testing.T) {
	t.Parallel()
	s := openStore(t, newKV(t))
	var told []string
	stop := s.OnChange(func(changed []Instance) {
		for _, i := range changed {
			now, found := s.Find(i.SubSystem, i.Target)
			if found == i.Removed || found && now.Values["qos"] != i.Values["qos"] {
				t.Errorf("told of %s, but the store says %+v", i.Name(), now)
			}
			text := i.Name()
			if i.Removed {
				text += " removed"
			}
			told = append(told, text)
		}
	})
	mustSet(t, s, "notify_sample:1 endpoint=http://h/\nnotify_sample:2 endpoint=http://h/")
	mustSet(t, s, "notify_sample:2 qos=1")
	mustSet(t, s, "notify_sample:2 qos=1") // nothing new
	if _, err := s.Reset(t.Context(), "notify_sample:1"); err != nil {
		t.Fatal(err)
	}
	stop()
	mustSet(t, s, "notify_sample:3 endpoint=http://h/")
	want := []string{"notify_sample:1", "notify_sample:2", "notify_sample:2", "notify_sample:1 removed"}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestReloadTellsOfOtherProcesses(t *testing.T) {
	t.Parallel()
	store := newKV(t)
	here, there := openStore(t, store), openStore(t, store)
	var told []string
	defer here.OnChange(func(changed []Instance) {
		for _, i := range changed {
			told = append(told, i.Name())
		}
	})()
	mustSet(t, there, "notify_sample:1 endpoint=http://h/")
	if err := here.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"notify_sample:1"}, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	mustSet(t, here, "notify_sample:1 qos=1") // decided on what is stored, not on what was read
	mustSet(t, there, "notify_sample:1 tls=on")
	if err := here.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := render(t, here, "notify_sample:1"); !strings.Contains(got, "tls=on qos=1") {
		t.Errorf("a change was lost: %s", got)
	}
}

// conflicting fails the first commits, as if another process had been faster.
type conflicting struct {
	KV
	left int
	err  error
}

func (c *conflicting) Commit(ctx context.Context, b *kv.Batch) ([]kv.Position, error) {
	if c.left > 0 {
		c.left--
		return nil, c.err
	}
	return c.KV.Commit(ctx, b)
}

func TestConflictsAndFailures(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		left int
		err  error
		want error
	}{
		"a few conflicts":   {maxAttempts - 1, kv.ErrConflict, nil},
		"conflicts forever": {1000, kv.ErrConflict, kv.ErrConflict},
		"unknown outcome":   {1, kv.ErrUnsure, kv.ErrUnsure},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openStore(t, &conflicting{KV: newKV(t), left: tt.left, err: tt.err})
			_, err := s.Set(t.Context(), "notify_sample:1 endpoint=http://h/")
			if !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			if _, ok := s.Find("notify_sample", "1"); ok != (tt.want == nil) {
				t.Errorf("in force: %v", ok)
			}
		})
	}
}

func TestDirectories(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), StoreOptions{Registry: sampleRegistry(t), KV: newKV(t), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	spool := filepath.Join(dir, "a", "b")
	mustSet(t, s, "notify_sample:1 endpoint=http://h/ queue_dir="+spool)
	if left, err := os.ReadDir(spool); err != nil || len(left) != 0 {
		t.Errorf("the directory: %v, %v", left, err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = s.Set(t.Context(), "notify_sample:1 queue_dir="+file)
	if err == nil || !strings.Contains(err.Error(), "queue_dir: the directory cannot be used") {
		t.Errorf("a file as directory: %v", err)
	}
	mustSet(t, s, "notify_sample:1 enable=off queue_dir="+file) // nobody will open it
}

func TestHistoryIsBounded(t *testing.T) {
	t.Parallel()
	store := newKV(t)
	stopped := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s, err := Open(t.Context(), StoreOptions{Registry: sampleRegistry(t), KV: store, Now: func() time.Time { return stopped }})
	if err != nil {
		t.Fatal(err)
	}
	const more = 5
	for range maxHistory + more - 1 {
		mustSet(t, s, "notify_sample:1 endpoint=http://old/")
	}
	mustSet(t, s, "notify_sample:1 endpoint=http://new/")
	all, err := s.History(t.Context(), 0)
	if err != nil || len(all) != maxHistory {
		t.Fatalf("%d entries, %v", len(all), err)
	}
	if last := all[len(all)-1]; last.Text != "notify_sample:1 endpoint=http://new/" {
		t.Errorf("last: %+v", last)
	}
	if err := s.ClearHistory(t.Context(), all[0].ID); err != nil {
		t.Fatal(err)
	}
	two, err := s.History(t.Context(), 2)
	if err != nil || len(two) != 2 || two[1] != all[len(all)-1] || two[0] != all[len(all)-2] {
		t.Errorf("the last two: %+v, %v", two, err)
	}
	if err := s.ClearHistory(t.Context(), all[0].ID); err == nil {
		t.Error("the same entry was cleared twice")
	}
}

func TestRenderErrors(t *testing.T) {
	t.Parallel()
	s := openStore(t, newKV(t))
	for head, want := range map[string]string{
		"nope":            `unknown sub-system "nope"`,
		"notify_sample:x": `there is no "notify_sample:x"`,
		"site:x":          "site has one instance only and takes no :name",
	} {
		_, err := s.Render(head)
		var refused *Error
		if !errors.As(err, &refused) || refused.Error() != want {
			t.Errorf("Render(%q): %v", head, err)
		}
	}
	if got := render(t, s, "notify_sample:"); !strings.HasPrefix(got, "notify_sample enable=off ") {
		t.Errorf("with a colon and no name: %q", got)
	}
	if got := render(t, s, "site"); got != "site region= \n" {
		t.Errorf("site: %q", got)
	}
}

func TestRenderWhileNothingIsSet(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), StoreOptions{Registry: guideRegistry(t), KV: newKV(t)})
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range getLines {
		name, _ := cutSpace(line)
		if diff := cmp.Diff(line+"\n", render(t, s, name)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestExportIsImportable(t *testing.T) {
	t.Parallel()
	s := openStore(t, newKV(t))
	mustSet(t, s, `notify_sample:1 endpoint=http://h/ auth_token=Bearer x comment="say "hi" there" extra='a "b" c'
notify_sample:2 enable=off qos=1
site region=eu`)
	text := s.Export()
	want := `# notify_sample enable=off endpoint= auth_token= brokers= format=namespace tls=off qos=0 wait=0s queue_limit=0 queue_dir= client_cert= client_key= 
notify_sample:1 endpoint=http://h/ auth_token="Bearer x" brokers= format=namespace tls=off qos=0 wait=0s queue_limit=0 queue_dir= client_cert= client_key= extra='a "b" c' comment='say "hi" there' 
# notify_sample:2 enable=off endpoint= auth_token= brokers= format=namespace tls=off qos=1 wait=0s queue_limit=0 queue_dir= client_cert= client_key= 
site region=eu 
`
	if diff := cmp.Diff(want, text); diff != "" {
		t.Fatalf("export (-want +got):\n%s", diff)
	}
	other := openStore(t, newKV(t))
	if _, skipped, err := other.Import(t.Context(), text); err != nil || len(skipped) != 0 {
		t.Fatalf("import: %v, %v", skipped, err)
	}
	if diff := cmp.Diff(render(t, s, "notify_sample:1"), render(t, other, "notify_sample:1")); diff != "" {
		t.Errorf("imported (-want +got):\n%s", diff)
	}
}
