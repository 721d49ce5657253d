package sdk

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carillon-s3/carillon/test/harness"
)

// envFunctional names the program made of minio-go's functional tests.
const envFunctional = "CARILLON_FUNCTIONAL"

// functionalLimit bounds the run, which takes less than a minute on two cores.
const functionalLimit = 15 * time.Minute

// outcome is what the program prints of a test, a line of JSON each. Some tests
// print several.
type outcome struct {
	Name, Function, Status, Alert, Message, Error string
}

// test is the name under which an outcome counts.
func (o *outcome) test() string { return strings.TrimPrefix(o.Name, "minio-go: ") }

// masterKey is for encryption by the server's own key.
const masterKey = "MINIO_KMS_SECRET_KEY=sdk-key:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

// TestFunctional runs minio-go's functional tests. What laterTests lists does not
// pass yet, and must not pass unnoticed; everything else passes.
func TestFunctional(t *testing.T) {
	t.Parallel()
	program := harness.Tool(t, envFunctional, "functional/*/functional")
	t.Run("http", func(t *testing.T) {
		t.Parallel()
		server := harness.Start(t, harness.Options{Env: []string{masterKey}})
		runFunctional(t, program, server, "ENABLE_HTTPS=0")
	})
	// Customers' keys travel over TLS only.
	t.Run("https", func(t *testing.T) {
		t.Parallel()
		authority, certs := harness.NewAuthority(t), t.TempDir()
		authority.Issue(certs, "127.0.0.1")
		trusted := filepath.Join(t.TempDir(), "authority.pem")
		if err := os.WriteFile(trusted, authority.PEM, 0o600); err != nil {
			t.Fatal(err)
		}
		server := harness.Start(t, harness.Options{Args: []string{"--certs-dir", certs}, Authority: authority, Env: []string{masterKey}})
		runFunctional(t, program, server, "ENABLE_HTTPS=1", "SSL_CERT_FILE="+trusted)
	})
}

// runFunctional runs the program against a server.
func runFunctional(t *testing.T, program string, server *harness.Server, env ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), functionalLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, program)
	cmd.Dir = t.TempDir()
	cmd.Env = append(harness.PlainEnv(), "SERVER_ENDPOINT="+server.Address, "ACCESS_KEY="+harness.RootUser,
		"SECRET_KEY="+harness.RootPassword, "MINT_MODE=full", "RUN_ON_FAIL=1")
	cmd.Env = append(cmd.Env, env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &errs)
	}
	compareOutcomes(t, readOutcomes(t, &out))
}

func readOutcomes(t *testing.T, out *bytes.Buffer) map[string][]outcome {
	t.Helper()
	of := map[string][]outcome{}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var o outcome
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			t.Fatalf("%v in %s", err, lines.Bytes())
		}
		of[o.test()] = append(of[o.test()], o)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return of
}

func compareOutcomes(t *testing.T, of map[string][]outcome) {
	t.Helper()
	later := laterTests()
	var passed, listed []string
	failed := 0
	for name, outcomes := range of {
		bad := slices.IndexFunc(outcomes, func(o outcome) bool { return o.Status != "PASS" })
		reason, isLater := later[name]
		delete(later, name)
		switch {
		case bad < 0 && isLater:
			t.Errorf("%s passes: take it off the list", name)
		case bad < 0:
			passed = append(passed, name)
		case isLater:
			listed = append(listed, name+": "+reason)
		default:
			failed++
			o := outcomes[bad]
			t.Errorf("%s: %s of %s: %s %s %s", name, o.Status, o.Function, o.Alert, o.Message, o.Error)
		}
	}
	for name := range later {
		t.Errorf("%s is on the list and did not run", name)
	}
	slices.Sort(listed)
	harness.Report(t, "minio-go functional tests: %d pass, %d listed for later, %d fail", len(passed), len(listed), failed)
	if os.Getenv(harness.EnvReport) != "" {
		harness.Report(t, "listed:\n  %s", strings.Join(listed, "\n  "))
	}
}
