package crash

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/carillon-s3/carillon/test/harness"
)

// mode is one way to stop the server and one state of the receiver.
type mode struct {
	name string
	// receive is how the receiver behaves during the load; nil: it is down.
	receive harness.Behaviour
	// term stops politely; otherwise it is kill -9.
	term bool
	// queueDir configures a queue_dir.
	queueDir bool
	// finish is how the receiver behaves afterwards; nil is Accept.
	finish harness.Behaviour
	// quiet is how long nothing arrives before what is missing counts as lost;
	// 0 is lostAfter.
	quiet time.Duration
}

// slowReceiver is how long a slow receiver takes for an event.
const slowReceiver = 20 * time.Millisecond

func modes() []mode {
	slow := harness.Slow(slowReceiver)
	return []mode{
		{name: "kill, receiver up", receive: harness.Accept},
		{name: "kill, receiver down"},
		{name: "kill, receiver slow", receive: slow},
		{name: "kill, receiver up, queue_dir", receive: harness.Accept, queueDir: true},
		{name: "kill, receiver down, queue_dir", queueDir: true},
		{name: "term, receiver up", receive: harness.Accept, term: true},
		{name: "term, receiver down", term: true},
		{name: "term, receiver slow", receive: slow, term: true},
	}
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

func number(t *testing.T, variable string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

// run strikes the server rounds times in one mode and checks all of it. binary
// is empty for the server under test.
func run(t *testing.T, m mode, binary string) *report {
	t.Helper()
	rounds := number(t, envRounds, defaultRounds)
	seed := number(t, envSeed, rand.Uint64())
	t.Logf("%s=%d %s=%d", envSeed, seed, envRounds, rounds)
	random := rand.New(rand.NewPCG(seed, 1<<32))

	receiver := harness.NewReceiver(t)
	if m.receive == nil {
		receiver.Down()
	} else {
		receiver.Behave(m.receive)
	}
	var more []string
	if m.queueDir {
		more = []string{"QUEUE_DIR", t.TempDir()}
	}
	server := harness.Start(t, harness.Options{
		Binary: binary,
		Env:    harness.WebhookEnv("1", receiver.URL(), more...),
	})
	harness.MakeBucket(t, server.Client(t), bucket,
		harness.Rule{ARN: harness.WebhookARN("1"), Events: harness.AllChanges()})

	all := newWriters(seed)
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
	client := server.Client(t)
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

// sightings are the deliveries that the receiver has; the server may not have
// seen all of their answers.
func sightings(all []harness.Delivery) []seen {
	out := make([]seen, 0, len(all))
	for _, d := range all {
		s := seen{key: d.Key, name: d.EventName, id: d.ID}
		if len(d.Records) == 1 {
			o := d.Records[0].S3.Object
			s.etag, s.size, s.sequencer = strings.Trim(o.ETag, `"`), o.Size, o.Sequencer
		}
		out = append(out, s)
	}
	return out
}
