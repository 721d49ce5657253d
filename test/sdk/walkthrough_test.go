package sdk

import (
	"context"
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carillon-s3/carillon/test/harness"
)

// walkthroughLimit bounds a program, which takes less than a minute on two cores.
const walkthroughLimit = 15 * time.Minute

// endpoint is a server with a webhook target, and what clients need to reach it.
type endpoint struct {
	*harness.Server
	receiver *harness.Receiver
	// authority is a file with the certificate to trust; empty without TLS.
	authority string
	// user and secret are of a user who may read and write, and asks for temporary
	// credentials; empty with TLS.
	user, secret string
}

// region is the server's, which clients sign for.
const region = "us-east-1"

// startEndpoint starts a server.
func startEndpoint(t *testing.T, secure bool) endpoint {
	t.Helper()
	e := endpoint{receiver: harness.NewReceiver(t)}
	key := base64.StdEncoding.EncodeToString([]byte("a key of thirty-two bytes, fixed"))
	o := harness.Options{Env: append(harness.WebhookEnv("1", e.receiver.URL()), "MINIO_KMS_SECRET_KEY=test-key:"+key)}
	if secure {
		o.Authority = harness.NewAuthority(t)
		certs := t.TempDir()
		o.Authority.Issue(certs, "127.0.0.1")
		o.Args = []string{"--certs-dir", certs}
		e.authority = filepath.Join(t.TempDir(), "authority.pem")
		if err := os.WriteFile(e.authority, o.Authority.PEM, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	e.Server = harness.Start(t, o)
	if !secure {
		e.user, e.secret = "walker", "walker-secret-42"
		mc := harness.NewMC(t).Alias("s", e.Server)
		mc.OK("admin", "user", "add", "s", e.user, e.secret)
		mc.OK("admin", "policy", "attach", "s", "readwrite", "--user", e.user)
	}
	return e
}

// environ is the environment of a client's program: what the AWS clients read,
// and the names of our own that the walkthroughs read.
func (e endpoint) environ(home string) []string {
	env := append(harness.PlainEnv(),
		"HOME="+home, "ENDPOINT="+e.URL(), "TARGET_ARN="+harness.WebhookARN("1"), "STS_USER="+e.user, "STS_SECRET="+e.secret,
		"AWS_ACCESS_KEY_ID="+harness.RootUser, "AWS_SECRET_ACCESS_KEY="+harness.RootPassword, "AWS_REGION="+region,
		"AWS_DEFAULT_REGION="+region, "AWS_EC2_METADATA_DISABLED=true")
	if e.authority != "" {
		env = append(env, "AWS_CA_BUNDLE="+e.authority, "SSL_CERT_FILE="+e.authority)
	}
	return env
}

// program is a client's walkthrough. It reads the steps to go through in STEPS,
// and fails at the first that does not go as S3 has it.
type program struct {
	command []string
	dir     string
	env     []string
	// prepare, if not nil, returns variables that depend on the server.
	prepare func(*testing.T, endpoint) []string
	// lacks are the steps that the client has no calls for.
	lacks []string
	// plainOnly are those that it goes through without TLS alone, for time.
	plainOnly []string
}

// walkThrough runs it against a server without TLS and against one with it, and
// sees the events arrive that it has sent to the webhook.
func (p program) walkThrough(t *testing.T) {
	t.Helper()
	t.Run("http", func(t *testing.T) {
		t.Parallel()
		e := startEndpoint(t, false)
		p.run(t, e, plainSteps())
		e.waitEvents(t)
	})
	t.Run("https", func(t *testing.T) {
		t.Parallel()
		steps := slices.DeleteFunc(secureSteps(), func(s string) bool { return slices.Contains(p.plainOnly, s) })
		p.run(t, startEndpoint(t, true), steps)
	})
}

func (p program) run(t *testing.T, e endpoint, steps []string) {
	t.Helper()
	steps = slices.DeleteFunc(steps, func(s string) bool { return slices.Contains(p.lacks, s) })
	ctx, cancel := context.WithTimeout(t.Context(), walkthroughLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.command[0], p.command[1:]...)
	home := t.TempDir()
	cmd.Env = append(append(e.environ(home), "STEPS="+strings.Join(steps, " ")), p.env...)
	if p.prepare != nil {
		cmd.Env = append(cmd.Env, p.prepare(t, e)...)
	}
	if cmd.Dir = p.dir; cmd.Dir == "" {
		cmd.Dir = home
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(p.command, " "), err, out)
	}
}

// observed is the key, in the bucket events, whose upload and removal each
// client has sent to the webhook.
const observed = "seen a+ü"

// waitEvents waits for them.
func (e endpoint) waitEvents(t *testing.T) {
	t.Helper()
	var names []string
	e.receiver.Wait(t, "the events of what the client put and removed", func(all []harness.Delivery) bool {
		names = nil
		for _, d := range all {
			if d.Key == "events/"+observed && d.Accepted() {
				names = append(names, d.EventName)
			}
		}
		return len(names) >= 2
	})
	if want := []string{"s3:ObjectCreated:Put", "s3:ObjectRemoved:Delete"}; !slices.Equal(names, want) {
		t.Errorf("the webhook saw %q of %s, want %q", names, observed, want)
	}
}
