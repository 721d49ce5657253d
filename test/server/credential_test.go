package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/carillon-s3/carillon/test/harness"
)

// lets says whether a credential may list buckets.
func lets(t *testing.T, s *harness.Server, user, password string) bool {
	t.Helper()
	c, err := minio.New(s.Address, &minio.Options{
		Creds: credentials.NewStaticV4(user, password, ""), Region: "us-east-1", MaxRetries: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := harness.Bounded(t)
	defer cancel()
	_, err = c.ListBuckets(ctx)
	return err == nil
}

func TestDefaultCredential(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Options{BareEnv: true})
	if !lets(t, s, "minioadmin", "minioadmin") {
		t.Error("the default credential is refused")
	}
	if got := s.Stdout.String(); !strings.Contains(got, "RootUser: minioadmin") || !strings.Contains(got, "RootPass: minioadmin") {
		t.Errorf("the default credential is not printed:\n%s", got)
	}
	s.Output.WaitFor(t, "default")
	if !strings.Contains(s.Stderr.String(), "WARN") {
		t.Errorf("no warning of the default credential:\n%s", s.Stderr)
	}
}

func secretFile(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestCredentialSources: a credential is taken from wherever users put it, and
// is not printed where it could be read later.
func TestCredentialSources(t *testing.T) {
	t.Parallel()
	const user, password = "somebody", "a-secret-of-theirs"
	tests := map[string]struct {
		env  []string
		warn string
	}{
		"MINIO variables":    {[]string{"MINIO_ROOT_USER=" + user, "MINIO_ROOT_PASSWORD=" + password}, ""},
		"CARILLON variables": {[]string{"CARILLON_ROOT_USER=" + user, "CARILLON_ROOT_PASSWORD=" + password}, ""},
		"files": {[]string{
			"MINIO_ROOT_USER_FILE=" + secretFile(t, user+"\n"), "MINIO_ROOT_PASSWORD_FILE=" + secretFile(t, password+"\n"),
		}, ""},
		"file of variables": {[]string{
			"MINIO_CONFIG_ENV_FILE=" + secretFile(t, "# comment\nexport MINIO_ROOT_USER=\""+user+"\"\nMINIO_ROOT_PASSWORD="+password+"\n"),
		}, ""},
		"old names": {[]string{"MINIO_ACCESS_KEY=" + user, "MINIO_SECRET_KEY=" + password}, "MINIO_ACCESS_KEY"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := harness.Start(t, harness.Options{Env: tt.env, BareEnv: true})
			if !lets(t, s, user, password) {
				t.Error("the credential is refused")
			}
			if lets(t, s, "minioadmin", "minioadmin") || lets(t, s, user, password+"x") {
				t.Error("another credential is accepted")
			}
			if tt.warn != "" {
				s.Output.WaitFor(t, tt.warn)
			}
			if got := s.Output.String(); strings.Contains(got, password) {
				t.Errorf("the secret is printed:\n%s", got)
			}
		})
	}
}

func TestCredentialOnATerminal(t *testing.T) {
	t.Parallel()
	got := harness.OnTerminal(t, []string{"MINIO_ROOT_USER=somebody", "MINIO_ROOT_PASSWORD=a-secret-of-theirs"},
		"RootPass: a-secret-of-theirs", "server", "--address", harness.FreeAddress(t), t.TempDir())
	if !strings.Contains(got, "RootUser: somebody") {
		t.Errorf("a person at a terminal is shown:\n%s", got)
	}
}

func TestBadCredentialIsRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		env  []string
		want string
	}{
		"short password": {[]string{"MINIO_ROOT_USER=somebody", "MINIO_ROOT_PASSWORD=s3cret7"}, "ROOT_PASSWORD"},
		"short user":     {[]string{"MINIO_ROOT_USER=me", "MINIO_ROOT_PASSWORD=s3cret7-s3cret7"}, "ROOT_USER"},
		"no password":    {[]string{"MINIO_ROOT_USER=somebody"}, "ROOT_PASSWORD"},
		"no user":        {[]string{"MINIO_ROOT_PASSWORD=s3cret7-s3cret7"}, "ROOT_USER"},
		"missing file":   {[]string{"MINIO_ROOT_USER=somebody", "MINIO_ROOT_PASSWORD_FILE=/nonexistent/file"}, "/nonexistent/file"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := refuse(t, tt.env, t.TempDir())
			if !strings.Contains(got, tt.want) || strings.Contains(got, "s3cret7") {
				t.Errorf("the refusal says: %s", got)
			}
		})
	}
}
