package crash

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/notification"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/test/harness"
)

const (
	outageBuckets = 2
	// keysPerBrokerBucket are those of one writer in one bucket.
	keysPerBrokerBucket = 10
	// writeEvery is the pace of all writers together: some hundred writes a
	// second, so that what an outage leaves is drained in seconds by the slowest
	// broker on a busy machine.
	writeEvery = 2500 * time.Microsecond
	// outageWrites must be acknowledged during each outage: none waits for the
	// broker.
	outageWrites = 100
	// deliveries between two outages show that the first is over.
	deliveries = 50
	// readEvery is how often a broker is read once nothing waits for it.
	readEvery = 500 * time.Millisecond
)

// fault is an outage of a broker.
type fault struct {
	name       string
	begin, end func(*brokertest.Process)
	// hangs: its connections stay, and nothing answers on them.
	hangs bool
	// kills: it has no time to save what it has.
	kills bool
}

func faults(b broker) []fault {
	all := []fault{
		{name: "frozen", begin: (*brokertest.Process).Freeze, end: (*brokertest.Process).Thaw, hangs: true},
		{name: "stopped", begin: (*brokertest.Process).Stop, end: (*brokertest.Process).Start},
	}
	if !b.keepsNothing {
		all = append([]fault{{name: "killed", begin: (*brokertest.Process).Kill, end: (*brokertest.Process).Start, kills: true}}, all...)
	}
	return all
}

// outageRun is a server with a target under load, and the target's broker.
type outageRun struct {
	broker broker
	server *harness.Server
	load   *running
	// witness gets the same events as a mirror, in which they do not all stay.
	witness *harness.Receiver
	random  *rand.Rand
	quiet   time.Duration
	// outages and struck are for the report: how many there were, and what the
	// broker was when the server was killed.
	outages int
	struck  string
}

// runOutages has the broker fail in every way, rounds times, while writers go
// on; in the round in the middle the server is killed during one of the outages.
// Quiet is how long a broker shows nothing new before what is missing counts as
// lost. It returns the figures beside those of the report.
func runOutages(t *testing.T, b broker, rounds int, quiet time.Duration) (*report, string) {
	t.Helper()
	seed := harness.Number(t, envSeed, rand.Uint64())
	t.Logf("%s=%d %s=%d", envSeed, seed, envRounds, rounds)
	r := &outageRun{broker: b, quiet: quiet, random: rand.New(rand.NewPCG(seed, 1<<32))}
	r.start(t)
	all := outageWriters(seed)
	client := r.server.ClientOf(t, harness.ClientOptions{Tries: harness.LibraryTries, Wrap: newLabeller})
	for _, w := range all {
		w.client = client
	}
	r.load = startPaced(t, all, writeEvery)
	r.serves(t)
	for n := range rounds {
		all, strike := faults(b), -1
		if n == rounds/2 {
			strike = r.random.IntN(len(all))
		}
		for i, f := range all {
			r.outage(t, f, i == strike, n == rounds/2 || everyFreezeTimesOut)
		}
	}
	r.load.acknowledge(t, outageWrites)
	if err := r.load.stop(); err != nil {
		t.Error(err)
	}
	return r.settle(t, historyOf(all))
}

// start starts the server, and has the events of both buckets go to the broker.
func (r *outageRun) start(t *testing.T) {
	t.Helper()
	env := append([]string{"MINIO_PROMETHEUS_AUTH_TYPE=public"}, r.broker.env...)
	// Without NoOP: a delete that is sent again finds nothing to delete.
	rules := []harness.Rule{{
		ARN:    r.broker.arn,
		Events: []notification.EventType{notification.ObjectCreatedAll, notification.ObjectRemovedDelete},
	}}
	if r.broker.mirrored != nil {
		r.witness = harness.NewReceiver(t)
		env = append(env, harness.WebhookEnv("witness", r.witness.URL())...)
		rules = append(rules, harness.Rule{ARN: harness.WebhookARN("witness"), Events: rules[0].Events})
	}
	r.server = harness.Start(t, harness.Options{Env: env})
	for n := range outageBuckets {
		harness.MakeBucket(t, r.server.Client(t), outageBucket(n), rules...)
	}
}

func outageBucket(n int) string { return fmt.Sprintf("%s-%d", bucket, n) }

// outageWriters have keys in both buckets.
func outageWriters(seed uint64) []*writer {
	all := make([]*writer, writers)
	for i := range all {
		var keys []string
		for n := range outageBuckets {
			for k := range keysPerBrokerBucket {
				keys = append(keys, fmt.Sprintf("%s/w%02d/k%d", outageBucket(n), i, k))
			}
		}
		all[i] = newWriter(seed, i, plainLoad(), keys)
	}
	return all
}

// outage is one: writes go on, the target notices, and once the broker is back
// so is delivery. If strike, the server is killed in it.
func (r *outageRun) outage(t *testing.T, f fault, strike, timesOut bool) {
	t.Helper()
	before := r.metric(t, "carillon_target_send_errors_total")
	f.begin(r.broker.process)
	if r.broker.wire != nil && !f.hangs {
		r.broker.wire.ended(f.kills)
	}
	r.load.acknowledge(t, outageWrites)
	if strike {
		r.server.Kill()
		r.server.Restart()
		before = 0 // of another process
		r.load.acknowledge(t, outageWrites)
		r.struck = f.name
	}
	if !f.hangs || timesOut {
		harness.Poll(t, "a failed attempt to send", func() error {
			if n := r.metric(t, "carillon_target_send_errors_total"); n <= before {
				return fmt.Errorf("%v failed before, %v until now", before, n)
			}
			return nil
		})
	}
	r.recover(t, f)
	r.outages++
	r.serves(t)
}

// recover ends an outage. The server is held while a consumer comes back whose
// broker keeps nothing for it: nobody would hear what it sent meanwhile.
func (r *outageRun) recover(t *testing.T, f fault) {
	t.Helper()
	if r.broker.listens == nil || f.hangs {
		f.end(r.broker.process)
		return
	}
	brokertest.Freeze(t, r.server.Pid())
	f.end(r.broker.process)
	r.broker.listens(t)
	r.server.Thaw()
}

// serves waits until events are delivered.
func (r *outageRun) serves(t *testing.T) {
	t.Helper()
	before := r.metric(t, "carillon_target_events_delivered_total")
	harness.Poll(t, "events to be delivered to "+r.broker.name, func() error {
		if n := r.metric(t, "carillon_target_events_delivered_total") - before; n < deliveries {
			return fmt.Errorf("%v were", n)
		}
		return nil
	})
}

// metric reads one of the target, which a new process shows when it has begun
// with it.
func (r *outageRun) metric(t *testing.T, name string) float64 {
	t.Helper()
	parts := strings.Split(r.broker.arn, ":")
	var v float64
	harness.Poll(t, name, func() (err error) {
		all, _ := r.server.Scrape(t, "/metrics", "")
		v, err = all.Value(name, "target_id", parts[len(parts)-2], "target_name", parts[len(parts)-1])
		return err
	})
	return v
}

// settle lets the backlog drain and checks.
func (r *outageRun) settle(t *testing.T, done history) (*report, string) {
	t.Helper()
	harness.Poll(t, "an empty backlog of "+r.broker.name, func() error {
		if n := r.metric(t, "carillon_target_backlog_events"); n != 0 {
			return fmt.Errorf("%v events wait", n)
		}
		return nil
	})
	client := r.server.Client(t)
	now := look(t, client, done)
	figures := fmt.Sprintf("%d outages, server killed while it was %s, %s", r.outages, r.struck, again(done))
	if r.broker.mirrored == nil {
		out := readUntil(r.quiet, func() (*report, int) { return r.arrived(t, done, now) })
		if r.broker.figures != nil {
			figures += ", " + r.broker.figures()
		}
		return out, figures
	}
	events := sightings(r.witness.Settle(lostAfter, func(all []harness.Delivery) bool {
		return check(done, sightings(all), now).lostEvents == 0
	}))
	keys := listed(t, client)
	out := readUntil(r.quiet, func() (*report, int) {
		rows, err := r.broker.mirrored(t)
		if err != nil {
			t.Fatalf("read %s: %v", r.broker.name, err)
		}
		out := check(done, events, now)
		out.mirror(rows, keys, now, events)
		return out, len(rows)
	})
	return out, fmt.Sprintf("%s, %d objects in the mirror", figures, len(keys))
}

// arrived checks what the broker passed on, of which n came. Where a wire was
// recorded, each event must have been acknowledged on it too, in order: what was
// not, the target dropped.
func (r *outageRun) arrived(t *testing.T, done history, now map[string]state) (out *report, n int) {
	t.Helper()
	got, err := r.broker.arrived(t)
	if err != nil {
		t.Fatalf("read %s: %v", r.broker.name, err)
	}
	if r.broker.wire == nil {
		return check(done, got, now), len(got)
	}
	acked, err := r.broker.wire.acknowledged()
	if err != nil {
		t.Fatalf("read the wire to %s: %v", r.broker.name, err)
	}
	if out := check(done, acked, now); out.faults() > 0 {
		out.detail("this is of what %s acknowledged", r.broker.name)
		return out, len(got)
	}
	return checkBut(done, got, r.broker.wire.forgotten(got), now), len(got)
}

// readUntil reads until nothing is missing, or until nothing new was there for
// the time quiet: some consumers get later what their broker has.
func readUntil(quiet time.Duration, read func() (r *report, n int)) *report {
	tick := time.NewTicker(readEvery)
	defer tick.Stop()
	last, since := -1, time.Now()
	for {
		r, n := read()
		if n != last {
			last, since = n, time.Now()
		}
		if r.lostEvents == 0 && r.staleRows == 0 || time.Since(since) > quiet {
			return r
		}
		<-tick.C
	}
}
