package targettest

import (
	"bytes"
	"log/slog"
	"maps"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// secret is what values hold that no error and no log may show.
const secret = "s3cret"

// Settings is what a kind's settings are to be, without any destination.
type Settings struct {
	Kind target.Kind
	// Line is what `config get` prints while nothing is set: the keys in their
	// order, with their defaults.
	Line string
	// Hidden are the keys, in order, that are printed once they have a value.
	Hidden string
	// Variables are the names in the environment that are not the key's.
	Variables map[string]string
	// Valid are settings that do; the cases are changes of them.
	Valid map[string]string
	// Values are taken, or refused for this reason.
	Values map[string]Case
	// Files are valid, but what they name keeps a target from being opened.
	Files map[string]Case
	// Dials are valid and lead to this machine: with an allow-list that it is not
	// on, nothing connects.
	Dials map[string]map[string]string
	// Warnings are what is logged when a target is opened; empty: nothing.
	Warnings map[string]Case
}

// Case is a change of valid settings, and what comes of it. With makes one.
type Case struct {
	values map[string]string
	want   string
}

// With is the case of valid settings with these changes. want is part of the
// error or the log; empty: there is none.
func With(changes map[string]string, want string) Case { return Case{changes, want} }

// changed are valid settings with some changes.
func (s Settings) changed(values map[string]string) map[string]string {
	all := maps.Clone(s.Valid)
	if all == nil {
		all = make(map[string]string)
	}
	maps.Copy(all, values)
	return all
}

// Run tests them. What holds for the settings of every kind is tested without
// being asked for: see everyKind.
func (s Settings) Run(t *testing.T) {
	t.Parallel()
	fields := s.fields()
	t.Run("keys", func(t *testing.T) { s.testKeys(t, fields) })
	values := s.everyKind(fields)
	maps.Copy(values, s.Values)
	for name, c := range values {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, config.Decode(s.Kind.New(), s.changed(c.values)), c.want)
		})
	}
	for name, c := range s.Files {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := s.open(t, c.values, target.Env{})
			check(t, err, c.want)
		})
	}
	for name, values := range s.Dials {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.testDial(t, values)
		})
	}
	for name, c := range s.Warnings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			_, err := s.open(t, c.values, target.Env{Logger: slog.New(slog.NewTextHandler(&log, nil))})
			check(t, err, "")
			if got := log.String(); (got == "") != (c.want == "") || !strings.Contains(got, c.want) || strings.Contains(got, secret) {
				t.Errorf("the log has %q, want %q", got, c.want)
			}
		})
	}
}

func (s Settings) fields() []config.Field {
	var set config.FieldSet
	s.Kind.New().Fields(&set)
	return set.List()
}

func (s Settings) testKeys(t *testing.T, fields []config.Field) {
	var line, hidden []string
	variables := make(map[string]string)
	for _, f := range fields {
		if f.HiddenIfEmpty {
			hidden = append(hidden, f.Key)
		} else {
			line = append(line, f.Key+"="+f.Default)
		}
		if f.EnvKey != strings.ToUpper(f.Key) {
			variables[f.Key] = f.EnvKey
		}
	}
	if diff := cmp.Diff(strings.Fields(s.Line), line); diff != "" {
		t.Errorf("keys and defaults (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(strings.Fields(s.Hidden), hidden); diff != "" {
		t.Errorf("hidden while empty (-want +got):\n%s", diff)
	}
	want := s.Variables
	if want == nil {
		want = map[string]string{}
	}
	if diff := cmp.Diff(want, variables); diff != "" {
		t.Errorf("variables of another name (-want +got):\n%s", diff)
	}
}

// everyKind are the cases of all kinds: nothing but the valid settings, required
// keys that are missing, texts for what is none, and the keys of the backlog.
func (s Settings) everyKind(fields []config.Field) map[string]Case {
	cases := map[string]Case{
		"valid":             {},
		"relative dir":      {map[string]string{"queue_dir": "events"}, "queue_dir: the path should be absolute"},
		"negative limit":    {map[string]string{"queue_limit": "-5"}, "queue_limit: "},
		"limit of bytes":    {map[string]string{"queue_bytes": "10GiB", "queue_full": "Refuse"}, ""},
		"full in other way": {map[string]string{"queue_full": "forget"}, "queue_full: "},
		"unknown key":       {map[string]string{"queue_dri": secret}, "queue_dri: unknown key, did you mean queue_dir?"},
	}
	s.payloads(cases)
	for _, f := range fields {
		if f.Required && f.Default == "" {
			cases["no "+f.Key] = Case{map[string]string{f.Key: ""}, f.Key + ": a value is required"}
		}
		switch f.Type {
		case "on|off", "number", "duration":
			cases[f.Key+" of words"] = Case{map[string]string{f.Key: "maybe"}, f.Key + ": "}
		}
	}
	return cases
}

// payloads adds cases of the form of events: a copy of the bucket's keys takes
// MinIO's alone.
func (s Settings) payloads(cases map[string]Case) {
	settings := s.Kind.New()
	if err := config.Decode(settings, s.changed(nil)); err != nil {
		return // a case of its own
	}
	refusal := ""
	if s.Kind.Traits(settings).Mirror {
		refusal = "payload: with format=namespace only minio"
	}
	for _, value := range []string{"aws", "EventBridge", "cloudevents"} {
		cases["payload "+value] = Case{map[string]string{"payload": value}, refusal}
	}
	cases["payload minio"] = Case{map[string]string{"payload": "minio"}, ""}
	cases["payload of another"] = Case{map[string]string{"payload": "pubsub"}, "payload: "}
}

// testDial wants that neither an event nor a check goes past the allow-list.
func (s Settings) testDial(t *testing.T, values map[string]string) {
	tgt, err := s.open(t, values, target.Env{Allow: target.AllowOnly([]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")})})
	if err != nil {
		t.Fatal(err)
	}
	const refused = "not among the allowed networks"
	t.Run("send", func(t *testing.T) {
		check(t, tgt.Send(t.Context(), []target.Message{new(session).message("key", 0)}), refused)
	})
	if c, ok := tgt.(target.Checker); ok {
		t.Run("check", func(t *testing.T) { check(t, c.Check(t.Context()), refused) })
	}
}

// open opens a target, which is closed with the test.
func (s Settings) open(t *testing.T, values map[string]string, env target.Env) (target.Target, error) {
	t.Helper()
	settings := s.Kind.New()
	if err := config.Decode(settings, s.changed(values)); err != nil {
		t.Fatalf("settings: %v", err)
	}
	tgt, err := s.Kind.Open(settings, env)
	if err == nil {
		t.Cleanup(func() {
			if err := tgt.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
	return tgt, err
}

// check wants an error that says want, or none if that is empty.
func check(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("refused: %v", err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("error %v, want %q in it", err, want)
	case err != nil && strings.Contains(err.Error(), secret):
		t.Errorf("the error shows a secret: %v", err)
	}
}
