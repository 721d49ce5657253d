package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/carillon-s3/carillon/test/harness"
)

const otherPassword = "the-password-after-it"

// sealedSite is a server with a target whose token was set, stored and stopped.
type sealedSite struct {
	*harness.Server
	receiver *harness.Receiver
	mc       *harness.MC
	puts     int
}

func newSealedSite(t *testing.T) *sealedSite {
	t.Helper()
	s := &sealedSite{Server: harness.Start(t, harness.Options{}), receiver: harness.NewReceiver(t), mc: harness.NewMC(t)}
	s.mc.Alias("myminio", s.Server)
	s.mc.OK("admin", "config", "set", "myminio", "notify_webhook:1", "endpoint="+s.receiver.URL(), "auth_token=sesame")
	harness.MakeBucket(t, s.Client(t), "box", harness.Rule{ARN: harness.WebhookARN("1"), Events: harness.AllChanges()})
	s.Terminate()
	return s
}

// restartWith starts the stopped server with a root password.
func (s *sealedSite) restartWith(password string) {
	s.Restart("MINIO_ROOT_USER="+harness.RootUser, "MINIO_ROOT_PASSWORD="+password)
	s.mc.OK("alias", "set", "myminio", s.URL(), harness.RootUser, password)
}

// put stores an object and returns its bucket/key.
func (s *sealedSite) put(t *testing.T, password string) string {
	t.Helper()
	c, err := minio.New(s.Address, &minio.Options{
		Creds: credentials.NewStaticV4(harness.RootUser, password, ""), Region: "us-east-1", MaxRetries: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.puts++
	key := fmt.Sprint("k", s.puts)
	harness.Put(t, c, "box", key, []byte("hello"))
	return "box/" + key
}

// wantToken waits for the event of a key and looks at what it was sent with.
func (s *sealedSite) wantToken(t *testing.T, key, token string) {
	t.Helper()
	if d := s.receiver.WaitKey(t, key); d.Header.Get("Authorization") != "Bearer "+token {
		t.Errorf("%s came with %q, want the token %q", key, d.Header.Get("Authorization"), token)
	}
}

func (s *sealedSite) keyFile() string { return filepath.Join(s.Dir, "sealing.key") }

// TestSecretsOutliveARootPassword: what opens the stored secrets is the root
// password that sealed them, or the key file; and whichever is lost is made
// again from the other.
func TestSecretsOutliveARootPassword(t *testing.T) {
	t.Parallel()
	type step struct {
		password    string
		loseKeyFile bool
	}
	tests := map[string][]step{
		"another password":           {{otherPassword, false}},
		"the key file lost":          {{harness.RootPassword, true}},
		"one after the other":        {{otherPassword, false}, {otherPassword, true}, {harness.RootPassword, false}},
		"file lost, then a password": {{harness.RootPassword, true}, {otherPassword, false}},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSealedSite(t)
			for i, step := range steps {
				if i > 0 {
					s.Terminate()
				}
				if step.loseKeyFile {
					if err := os.Remove(s.keyFile()); err != nil {
						t.Fatal(err)
					}
				}
				s.restartWith(step.password)
				s.wantToken(t, s.put(t, step.password), "sesame")
				if info, err := os.Stat(s.keyFile()); err != nil || info.Mode().Perm() != 0o600 {
					t.Errorf("the key file: %v, %v", info, err)
				}
			}
			if out := s.Output.String(); strings.Contains(out, "sesame") || strings.Contains(out, otherPassword) {
				t.Errorf("a secret is printed:\n%s", out)
			}
		})
	}
}

// TestSecretsThatAreLost: with another password and no key file that target is
// misconfigured and its events wait; nothing else suffers, and nothing is thrown
// away: the former password, or setting the secret again, brings it back.
func TestSecretsThatAreLost(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		mend  func(s *sealedSite) (password string)
		token string
	}{
		"the former password": {func(s *sealedSite) string {
			s.Terminate()
			s.restartWith(harness.RootPassword)
			return harness.RootPassword
		}, "sesame"},
		"set again": {func(s *sealedSite) string {
			s.mc.OK("admin", "config", "set", "myminio", "notify_webhook:1", "auth_token=open-up")
			return otherPassword
		}, "open-up"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSealedSite(t)
			if err := os.Remove(s.keyFile()); err != nil {
				t.Fatal(err)
			}
			s.restartWith(otherPassword)
			s.Output.WaitFor(t, "stored secrets cannot be opened")
			first := s.put(t, otherPassword)
			harness.Poll(t, "the target to be misconfigured with one event waiting", func() error {
				return s.target(t, "misconfigured", 1)
			})
			password := tt.mend(s)
			s.wantToken(t, first, tt.token)
			s.wantToken(t, s.put(t, password), tt.token)
			harness.Poll(t, "the target to be online", func() error { return s.target(t, "online", 0) })
			for _, d := range s.receiver.Deliveries() {
				if d.Header.Get("Authorization") != "Bearer "+tt.token {
					t.Errorf("%s was sent with %q", d.Key, d.Header.Get("Authorization"))
				}
			}
		})
	}
}

// target says how the target differs from what is wanted, as admin info has it.
func (s *sealedSite) target(t *testing.T, state string, backlog int) error {
	t.Helper()
	if text := s.mc.OK("--json", "admin", "info", "myminio"); (state == "online") != strings.Contains(text, `"1":{"status":"online"`) {
		return fmt.Errorf("admin info: %s", text)
	}
	token := generated(t, s.mc)
	got, _ := s.Scrape(t, "/metrics", token)
	is, err := got.Value("carillon_target_state", "state", state, "target_id", "1")
	waiting, err2 := got.Value("carillon_target_backlog_events", "target_id", "1")
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	if is != 1 || waiting != float64(backlog) {
		return fmt.Errorf("%s: %v, with %v events", state, is, waiting)
	}
	return nil
}

// generated is a token for metrics, made by mc.
func generated(t *testing.T, mc *harness.MC) string {
	t.Helper()
	_, rest, _ := strings.Cut(mc.OK("admin", "prometheus", "generate", "myminio"), "bearer_token: ")
	token, _, ok := strings.Cut(rest, "\n")
	if !ok {
		t.Fatalf("mc generated %q", rest)
	}
	return token
}

// TestUsersOutliveARootPassword: users and their keys sign as before after root
// has another name and password.
func TestUsersOutliveARootPassword(t *testing.T) {
	t.Parallel()
	server := harness.Start(t, harness.Options{})
	mc := harness.NewMC(t).Alias("myminio", server)
	mc.OK("mb", "myminio/box")
	mc.OK("admin", "user", "add", "myminio", "bob", "bobs-secret-key")
	mc.OK("admin", "policy", "attach", "myminio", "readwrite", "--user", "bob")
	mc.OK("admin", "accesskey", "create", "myminio/", "bob", "--access-key", "bobs-key", "--secret-key", "secret-of-the-key")
	server.Kill()
	server.Restart("MINIO_ROOT_USER=another-root", "MINIO_ROOT_PASSWORD="+otherPassword)
	for access, secret := range map[string]string{"bob": "bobs-secret-key", "bobs-key": "secret-of-the-key", "another-root": otherPassword} {
		mc.OK("alias", "set", "as", server.URL(), access, secret)
		mc.OK("ls", "as/box")
	}
	if r := mc.Run("alias", "set", "as", server.URL(), harness.RootUser, harness.RootPassword); r.Code == 0 {
		t.Error("the former root gets in")
	}
	if out := server.Output.String(); strings.Contains(out, "bobs-secret-key") || strings.Contains(out, "secret-of-the-key") {
		t.Errorf("a secret is printed:\n%s", out)
	}
}
