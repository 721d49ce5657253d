// Package switching changes targets while events flow: off and on, to another
// address, to another format, to settings that are wrong. Nothing is lost by it,
// the order of each key holds, and the server is not restarted.
package switching

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/carillon-s3/carillon/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

const bucket = "switching"

// site is a server, with the clients that drive it.
type site struct {
	t      *testing.T
	server *harness.Server
	mc     *harness.MC
	client *minio.Client
}

func start(t *testing.T, env ...string) *site {
	t.Helper()
	s := &site{t: t, server: harness.Start(t, harness.Options{Env: env})}
	s.mc = harness.NewMC(t).Alias("myminio", s.server)
	s.client = s.server.Client(t)
	pid := s.server.Pid()
	t.Cleanup(func() {
		if n := s.server.Stdout.Count("API: "); n != 1 || s.server.Pid() != pid {
			t.Errorf("the server was started %d times", n)
		}
	})
	return s
}

// set types `mc admin config set`, which must not ask for a restart.
func (s *site) set(args ...string) {
	s.t.Helper()
	out := s.mc.OK(append([]string{"admin", "config", "set", "myminio"}, args...)...)
	if strings.Contains(strings.ToLower(out), "restart") {
		s.t.Errorf("set %v asks for a restart:\n%s", args[0], out)
	}
}

// events runs `carillon events`, which must succeed.
func (s *site) events(args ...string) string {
	s.t.Helper()
	env := []string{"CARILLON_URL=" + s.server.URL(), "CARILLON_ROOT_USER=" + harness.RootUser, "CARILLON_ROOT_PASSWORD=" + harness.RootPassword}
	r := harness.Command(s.t, env, append([]string{"events"}, args...)...)
	if r.Code != 0 {
		s.t.Fatalf("events %s: exit code %d\n%s", strings.Join(args, " "), r.Code, r.Output())
	}
	return r.Stdout
}

// rule sends all changes to a target of this name, such as 1:webhook.
func rule(target string) harness.Rule {
	return harness.Rule{ARN: "arn:minio:sqs::" + target, Events: harness.AllChanges()}
}

// info is the state of a target, such as 1:webhook.
func (s *site) info(target string) harness.TargetInfo {
	s.t.Helper()
	id, kind, _ := strings.Cut(target, ":")
	return s.server.TargetInfo(s.t, kind, id)
}

// await waits until a target is in a state.
func (s *site) await(target, state string) {
	s.t.Helper()
	harness.Poll(s.t, target+" to be "+state, func() error {
		if got := s.info(target).State; got != state {
			return fmt.Errorf("it is %s", got)
		}
		return nil
	})
}

// drained waits until all events of these targets are acknowledged.
func (s *site) drained(targets ...string) {
	s.t.Helper()
	for _, target := range targets {
		harness.Poll(s.t, "the backlog of "+target+" to drain", func() error {
			if i := s.info(target); i.Backlog != 0 {
				return fmt.Errorf("%d events wait; it is %s", i.Backlog, i.State)
			}
			return nil
		})
	}
}
