// Package consumers runs the programs of docs/examples, which readers of events
// start from, against a real server and the real broker between the two.
package consumers

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/carillon-s3/carillon/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

const (
	bucket = "photos"
	odd    = "a b+ü.txt" // a key that events hold escaped
)

// firstEvents is how many events the target gets as they happen, and allEvents
// how many there are: one is older than the rule.
const (
	firstEvents = 4
	allEvents   = 5
)

// start starts a server with one target of a kind, given as its settings.
func start(t *testing.T, kind string, settings ...string) *harness.Server {
	t.Helper()
	prefix := "CARILLON_NOTIFY_" + strings.ToUpper(kind) + "_"
	env := []string{prefix + "ENABLE_1=on"}
	for _, s := range settings {
		key, value, _ := strings.Cut(s, "=")
		env = append(env, prefix+strings.ToUpper(key)+"_1="+value)
	}
	return harness.Start(t, harness.Options{Env: env})
}

// happen makes the events. The first is of before the rule, so that the target
// gets it with the replay only, behind the removal of its key.
func happen(t *testing.T, server *harness.Server, arnType string) {
	t.Helper()
	c := server.Client(t)
	harness.MakeBucket(t, c, bucket)
	harness.Put(t, c, bucket, "cat.jpg", []byte("old"))
	harness.SetRules(t, c, bucket, harness.Rule{ARN: "arn:minio:sqs::1:" + arnType, Events: harness.AllChanges()})
	remove(t, c, "cat.jpg")
	harness.Put(t, c, bucket, "dog.jpg", []byte("dog"))
	remove(t, c, "dog.jpg")
	harness.Put(t, c, bucket, odd, []byte("odd"))
}

func remove(t *testing.T, c *minio.Client, key string) {
	t.Helper()
	ctx, cancel := harness.Bounded(t)
	defer cancel()
	if err := c.RemoveObject(ctx, bucket, key, minio.RemoveObjectOptions{}); err != nil {
		t.Fatal(err)
	}
}

// cli runs `carillon events …`.
func cli(t *testing.T, server *harness.Server, args ...string) string {
	t.Helper()
	r := harness.Command(t, []string{
		"CARILLON_URL=" + server.URL(), "CARILLON_ROOT_USER=" + harness.RootUser, "CARILLON_ROOT_PASSWORD=" + harness.RootPassword,
	}, append([]string{"events"}, args...)...)
	if r.Code != 0 {
		t.Fatalf("events %v: exit %d\n%s", args, r.Code, r.Output())
	}
	return r.Stdout
}

// waitDelivered waits until no event waits for the target: a replay does not
// send again what is still under way.
func waitDelivered(t *testing.T, server *harness.Server) {
	t.Helper()
	harness.Poll(t, "an empty backlog", func() error {
		var target struct{ Backlog int64 }
		if err := json.Unmarshal([]byte(cli(t, server, "ls", "--json")), &target); err != nil {
			t.Fatal(err)
		}
		if target.Backlog != 0 {
			return fmt.Errorf("%d events wait", target.Backlog)
		}
		return nil
	})
}

// replay has the server send every event again, the one of before the rule too.
func replay(t *testing.T, server *harness.Server, arnType string) {
	t.Helper()
	cli(t, server, "replay", "1:"+arnType, "--from", "1h")
}

// example is the path of one.
func example(t *testing.T, name string) string {
	t.Helper()
	return harness.ModulePath(t, "docs", "examples", name)
}

// run runs a command to its end and returns what it printed.
func run(t *testing.T, env []string, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := harness.Bounded(t)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(harness.PlainEnv(), env...)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}
