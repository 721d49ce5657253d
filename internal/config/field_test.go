package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sample has a field of every type.
type sample struct {
	Queue
	Endpoint string
	Token    Secret
	Brokers  []string
	Format   string
	TLS      bool
	QoS      int
	Wait     time.Duration
	Cert     string
	Key      string
	Old      string
	Extra    string
}

func (s *sample) Fields(f *FieldSet) {
	f.URL(&s.Endpoint, "endpoint", "where to", Required(), Schemes("http", "https"))
	f.Secret(&s.Token, "auth_token", "token", FreeText())
	f.CSV(&s.Brokers, "brokers", "brokers")
	f.String(&s.Format, "format", "namespace*|access", "format", Default("namespace"), OneOf("namespace", "access"))
	f.Bool(&s.TLS, "tls", "encrypt", Alias("tls_enable"))
	f.Int(&s.QoS, "qos", "quality", Default("0"), Range(0, 2), EnvName("QUALITY"))
	f.Duration(&s.Wait, "wait", "wait", Default("0s"))
	s.Queue.LimitField(f)
	s.Queue.DirField(f)
	f.Path(&s.Cert, "client_cert", "certificate")
	f.Path(&s.Key, "client_key", "key")
	f.String(&s.Old, "host", "string", "old", Deprecated("endpoint"))
	f.String(&s.Extra, "extra", "string", "extra", Extension())
}

func (s *sample) Validate() error {
	if (s.Cert == "") != (s.Key == "") {
		return fmt.Errorf("client_cert and client_key go together")
	}
	return nil
}

func TestDecode(t *testing.T) {
	t.Parallel()
	var got sample
	err := Decode(&got, map[string]string{
		"endpoint": "https://example.com/hook?a=b", "auth_token": "Bearer x", "brokers": "a:1, b:2,",
		"format": "ACCESS", "tls_enable": "Yes", "qos": "2", "wait": "90", "queue_dir": "/spool", "queue_limit": "7",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := sample{
		Queue: Queue{Dir: "/spool", Limit: 7}, Endpoint: "https://example.com/hook?a=b", Token: "Bearer x",
		Brokers: []string{"a:1", "b:2"}, Format: "access", TLS: true, QoS: 2, Wait: 90 * time.Second,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	if q := (interface{ QueueSettings() Queue })(&got).QueueSettings(); q.Dir != "/spool" {
		t.Errorf("QueueSettings() = %+v", q)
	}
}

func TestDecodeReportsEverything(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		values map[string]string
		want   []string
	}{
		"all at once": {
			map[string]string{"formt": "x", "qos": "3", "tls": "perhaps", "queue_dir": "spool", "queue_limit": "-5", "wait": "soon"},
			[]string{
				"formt: unknown key, did you mean format?", "endpoint: a value is required",
				`tls: "perhaps" is neither on nor off`, "qos: 3 is not between 0 and 2",
				`wait: "soon" is not a duration such as 30s or 5m`, `queue_limit: "-5" is not a number of 0 or more`,
				"queue_dir: the path should be absolute",
			},
		},
		"scheme": {
			map[string]string{"endpoint": "ftp://h/"},
			[]string{"endpoint: unexpected scheme; the URL must begin with http:// or https://"},
		},
		"no scheme": {
			map[string]string{"endpoint": "h:80/"},
			[]string{"endpoint: the URL must begin with http:// or https://"},
		},
		"space in a URL": {
			map[string]string{"endpoint": "http://h/x topic"},
			[]string{"endpoint: a URL has no white space in it"},
		},
		"what one field cannot tell": {
			map[string]string{"endpoint": "http://h/", "client_cert": "/c"},
			[]string{"client_cert and client_key go together"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := Decode(new(sample), tt.values)
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(strings.Join(tt.want, "\n"), err.Error()); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
		})
	}
}

func TestURLErrorsKeepThePassword(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"http://u:hunter2@h:port/", "http://u:hunter2@h /", "ftp://u:hunter2@h", "hunter2"} {
		err := Decode(new(sample), map[string]string{"endpoint": text})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: error %v", text, err)
		}
	}
}

func TestSecretIsNeverShown(t *testing.T) {
	t.Parallel()
	s := struct{ Token Secret }{"hunter2"}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "token", s.Token, "all", s)
	shown := fmt.Sprintf("%v %+v %#v %s %q %x %d", s, s, s, s.Token, s.Token, s.Token, s.Token) + string(text) + log.String()
	if strings.Contains(shown, "hunter2") || strings.Contains(shown, fmt.Sprintf("%x", "hunter2")) {
		t.Errorf("shown in %s", shown)
	}
	if !strings.Contains(string(text), `"***"`) {
		t.Errorf("JSON %s", text)
	}
	if got := s.Token.Reveal(); got != "hunter2" {
		t.Errorf("Reveal() = %q", got)
	}
	if got := fmt.Sprint(Secret("")); got != "" {
		t.Errorf("empty secret prints %q", got)
	}
}

func TestParseDuration(t *testing.T) {
	t.Parallel()
	tests := map[string]time.Duration{"": 0, "0": 0, "0s": 0, "15": 15 * time.Second, "1m30s": 90 * time.Second, "2d": 48 * time.Hour}
	for text, want := range tests {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"x", "-1s", "99999999d", "d", "1y"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("ParseDuration(%q) = %v, no error", text, got)
		}
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"endpoint", "auth_token", "queue_dir", "queue_limit"}
	tests := map[string]string{
		"endpiont": "endpoint", "ENDPOINT": "endpoint", "queuedir": "queue_dir", "token": "", "x": "", "auth_tokens": "auth_token",
	}
	for word, want := range tests {
		if got := nearest(word, known); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
}
