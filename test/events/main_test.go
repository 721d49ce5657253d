// Package events drives what operators do about events: `carillon events`
// against a running server with a real receiver behind it.
package events

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/carillon-s3/carillon/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

const (
	bucket = "events"
	target = "1:webhook"
)

// rule sends every change to the webhook.
func rule() harness.Rule {
	return harness.Rule{ARN: harness.WebhookARN("1"), Events: harness.AllChanges()}
}

// start starts a server with a receiver as its target.
func start(t *testing.T, more ...string) (*harness.Server, *harness.Receiver) {
	t.Helper()
	receiver := harness.NewReceiver(t)
	server := harness.Start(t, harness.Options{Env: harness.WebhookEnv("1", receiver.URL(), more...)})
	return server, receiver
}

func environment(s *harness.Server) []string {
	return []string{"CARILLON_URL=" + s.URL(), "CARILLON_ROOT_USER=" + harness.RootUser, "CARILLON_ROOT_PASSWORD=" + harness.RootPassword}
}

// cli runs `carillon events …` to its end.
func cli(t *testing.T, s *harness.Server, args ...string) harness.Result {
	t.Helper()
	return harness.Command(t, environment(s), append([]string{"events"}, args...)...)
}

// ok wants it to succeed, and returns what it printed.
func ok(t *testing.T, s *harness.Server, args ...string) string {
	t.Helper()
	r := cli(t, s, args...)
	if r.Code != 0 {
		t.Fatalf("events %s: exit code %d\n%s", strings.Join(args, " "), r.Code, r.Output())
	}
	return r.Stdout
}

// listed is what tests read of a JSON line of a list or an answer.
type listed struct {
	ID, Key, Reason, State     string
	Count, Waiting, Gaps, Gone int64
	Backlog, Parked            int64
	Record                     harness.Record
}

// lines runs a command with --json and returns what it printed.
func lines(t *testing.T, s *harness.Server, args ...string) []listed {
	t.Helper()
	var out []listed
	for line := range strings.Lines(ok(t, s, append(args, "--json")...)) {
		var l listed
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		out = append(out, l)
	}
	return out
}

// running is a command that goes on.
type running struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout *bufio.Reader
	stderr bytes.Buffer
	ended  chan struct{}
}

// begin starts `carillon events …`.
func begin(t *testing.T, s *harness.Server, args ...string) *running {
	t.Helper()
	r := &running{t: t, ended: make(chan struct{})}
	r.cmd = exec.Command(os.Getenv(harness.EnvBinary), append([]string{"events"}, args...)...)
	r.cmd.Env = append(harness.PlainEnv(), environment(s)...)
	read, write := io.Pipe()
	r.cmd.Stdout, r.cmd.Stderr, r.stdout = write, &r.stderr, bufio.NewReader(read)
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = r.cmd.Wait() // the exit code is read from ProcessState
		_ = write.Close()
		close(r.ended)
	}()
	t.Cleanup(func() {
		_ = r.cmd.Process.Kill() // unless it has ended
		_ = read.Close()
		<-r.ended
	})
	return r
}

// wait waits for its end and returns exit code and error output.
func (r *running) wait() (int, string) {
	r.t.Helper()
	go func() { _, _ = io.Copy(io.Discard, r.stdout) }()
	select {
	case <-r.ended:
	case <-time.After(harness.Patience):
		r.t.Fatalf("%v goes on", r.cmd.Args)
	}
	return r.cmd.ProcessState.ExitCode(), r.stderr.String()
}

// stop asks it to end, and waits.
func (r *running) stop() {
	r.t.Helper()
	_ = r.cmd.Process.Signal(syscall.SIGTERM)
	if code, text := r.wait(); code != 0 {
		r.t.Errorf("%v: exit code %d\n%s", r.cmd.Args, code, text)
	}
}

// goOn reads from the error output how to go on.
func goOn(t *testing.T, text string) []string {
	t.Helper()
	_, how, found := strings.Cut(text, "To go on, add:")
	if !found {
		t.Fatalf("it does not say how to go on:\n%s", text)
	}
	how, _, _ = strings.Cut(how, "\n")
	return strings.Fields(how)
}

func sequencer(d harness.Delivery) string {
	if len(d.Records) != 1 {
		return ""
	}
	return d.Records[0].S3.Object.Sequencer
}

// firstOfEach returns the accepted deliveries without those whose id came
// before.
func firstOfEach(all []harness.Delivery) []harness.Delivery {
	var out []harness.Delivery
	seen := make(map[string]bool)
	for _, d := range all {
		if d.Accepted() && !seen[d.ID] {
			seen[d.ID] = true
			out = append(out, d)
		}
	}
	return out
}

// inOrder wants the sequencers of each key to rise.
func inOrder(t *testing.T, deliveries []harness.Delivery) {
	t.Helper()
	last := make(map[string]string)
	for _, d := range deliveries {
		if s := sequencer(d); s <= last[d.Key] {
			t.Errorf("%s: %s came after %s", d.Key, s, last[d.Key])
		} else {
			last[d.Key] = s
		}
	}
}

func marked(d harness.Delivery, mark string) bool {
	return bytes.Contains(d.Body, fmt.Appendf(nil, `"x-carillon-%s":"true"`, mark))
}
