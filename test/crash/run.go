package crash

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/carillon-s3/carillon/test/harness"
)

// mode is one way to stop the server, one state of the receiver and one load.
type mode struct {
	name string
	load load
	// receive is how the receiver behaves during the load; nil: it is down.
	receive harness.Behaviour
	// term stops politely; otherwise it is kill -9.
	term bool
	// queueDir configures a queue_dir, and a journal that keeps records so
	// shortly that only the queue_dir has those of undelivered events.
	queueDir bool
	// finish is how the receiver behaves afterwards; nil is Accept.
	finish harness.Behaviour
	// quiet is how long nothing arrives before what is missing counts as lost;
	// 0 is lostAfter.
	quiet time.Duration
}

// shortWindow is the shortest window of the journal that the server takes.
const shortWindow = "1s"

// slowReceiver is how long a slow receiver takes for an event.
const slowReceiver = 20 * time.Millisecond

// modes are every way to stop with every state of the receiver and every load,
// and some of them with a queue_dir.
func modes() []mode {
	receivers := []mode{
		{name: "receiver up", receive: harness.Accept},
		{name: "receiver down"},
		{name: "receiver slow", receive: harness.Slow(slowReceiver)},
	}
	var all []mode
	for _, l := range []load{plainLoad(), fullLoad()} {
		for _, term := range []bool{false, true} {
			for _, m := range receivers {
				m.load, m.term = l, term
				m.name = fmt.Sprintf("%s, %s, %s", l.name, m.stop(), m.name)
				all = append(all, m)
			}
		}
	}
	for _, m := range all {
		if m.load.name == fullLoad().name {
			m.name, m.queueDir = m.name+", queue_dir", true
			all = append(all, m)
		}
	}
	return all
}

// stop is how the server is stopped.
func (m mode) stop() string {
	if m.term {
		return "term"
	}
	return "kill"
}

// Variables of a run.
const (
	envRounds = "CARILLON_CRASH_ROUNDS"
	envSeed   = "CARILLON_CRASH_SEED"
)

const (
	// Each strike comes after so many acknowledged writes.
	minWrites, maxWrites = 80, 500
	// lostAfter is above the longest pause of any retry.
	lostAfter = 45 * time.Second
)

// run strikes the server rounds times in one mode and checks all of it. binary
// is empty for the server under test.
func run(t *testing.T, m mode, binary string) *report {
	t.Helper()
	rounds := harness.Number(t, envRounds, defaultRounds)
	seed := harness.Number(t, envSeed, rand.Uint64())
	t.Logf("%s=%d %s=%d", envSeed, seed, envRounds, rounds)
	random := rand.New(rand.NewPCG(seed, 1<<32))

	receiver := harness.NewReceiver(t)
	if m.receive == nil {
		receiver.Down()
	} else {
		receiver.Behave(m.receive)
	}
	env := harness.WebhookEnv("1", receiver.URL())
	if m.queueDir {
		env = append(harness.WebhookEnv("1", receiver.URL(), "QUEUE_DIR", t.TempDir()), "CARILLON_JOURNAL_AGE="+shortWindow)
	}
	server := harness.Start(t, harness.Options{Binary: binary, Env: env})
	harness.MakeBucket(t, server.Client(t), bucket,
		harness.Rule{ARN: harness.WebhookARN("1"), Events: harness.AllChanges()})

	all := newWriters(seed, m.load)
	for range rounds {
		err := strikeOnce(t, m, server, all, random)
		switch {
		case err != nil && binary == "":
			t.Error(err)
		case err != nil:
			t.Log(err) // of another server it is a figure
		}
	}
	return settle(t, m, server, receiver, historyOf(all))
}

// strikeOnce is one round: load, strike, restart, look.
func strikeOnce(t *testing.T, m mode, server *harness.Server, all []*writer, random *rand.Rand) error {
	t.Helper()
	client := server.ClientOf(t, harness.ClientOptions{Wrap: newLabeller})
	for _, w := range all {
		w.client = client
	}
	enough := minWrites + random.Int64N(maxWrites-minWrites)
	wait := time.Duration(random.Int64N(int64(jitter)))
	code := 0
	err := burst(t.Context(), all, enough, func() {
		time.Sleep(wait) // chooses the instant; nothing is awaited
		if m.term {
			code = server.Terminate()
		} else {
			server.Kill()
		}
	})
	if code != 0 {
		err = errors.Join(err, fmt.Errorf("exit code %d after SIGTERM", code))
	}
	server.Restart()
	done, r := historyOf(all), &report{}
	for key, s := range look(t, server.Client(t), done) {
		r.object(key, done[key], s)
	}
	if r.lostObjects > 0 {
		err = errors.Join(err, fmt.Errorf("after a restart %d objects were lost:\n%s", r.lostObjects, strings.Join(r.details, "\n")))
	}
	return err
}

// settle lets the backlog drain and checks.
func settle(t *testing.T, m mode, server *harness.Server, receiver *harness.Receiver, done history) *report {
	t.Helper()
	if m.finish == nil {
		m.finish = harness.Accept
	}
	receiver.Behave(m.finish)
	receiver.Up(t)
	now := look(t, server.Client(t), done)
	drained := receiver.Settle(cmp.Or(m.quiet, lostAfter), func(all []harness.Delivery) bool {
		return check(done, sightings(all), now).lostEvents == 0
	})
	return check(done, sightings(drained), now)
}
