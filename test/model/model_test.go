package model

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/notification"

	"github.com/carillon-s3/carillon/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

const (
	envRounds = "CARILLON_MODEL_ROUNDS"
	envSeed   = "CARILLON_MODEL_SEED"
	// The server is killed after so many answers of a round.
	minAnswers, maxAnswers = 100, 600
	// jitter is how long after the last of them at most.
	jitter = 20 * time.Millisecond
)

// TestClientsAgreeWithTheModel lets sixteen clients at few keys, kills the
// server, and compares. Some rounds end without a kill.
func TestClientsAgreeWithTheModel(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*shared{
		"never versioned": newShared("never", never, false),
		"versioned":       newShared("enabled", enabled, false),
		"suspended":       newShared("suspended", suspended, false),
		"locked":          newShared("locked", enabled, true),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed, rounds := harness.Number(t, envSeed, rand.Uint64()), harness.Number(t, envRounds, defaultRounds)
			t.Logf("%s=%d %s=%d", envSeed, seed, envRounds, rounds)
			r := newRun(t, s, seed)
			for n := range rounds {
				r.round(n%3 != 2)
			}
			r.missesNothing()
			harness.Report(t, "model: %s: %d rounds, %d operations of %d clients on %d keys, %d events, %d versions left",
				name, rounds, len(s.ops), clients, keys, len(r.events), r.versions)
		})
	}
}

// run is a server, its receiver and the clients of one bucket.
type run struct {
	*shared
	t        *testing.T
	random   *rand.Rand
	server   *harness.Server
	receiver *harness.Receiver
	clients  []*client
	// events are those of the last look, versions those that were then left.
	events   []told
	versions int
}

func newRun(t *testing.T, s *shared, seed uint64) *run {
	t.Helper()
	r := &run{shared: s, t: t, random: rand.New(rand.NewPCG(seed, 1<<32)), receiver: harness.NewReceiver(t)}
	r.server = harness.Start(t, harness.Options{Env: harness.WebhookEnv("1", r.receiver.URL())})
	c := r.server.Client(t)
	ctx, cancel := harness.Bounded(t)
	defer cancel()
	err := c.MakeBucket(ctx, s.bucket, minio.MakeBucketOptions{ObjectLocking: s.locks})
	if s.state == enabled && !s.locks {
		err = errors.Join(err, c.EnableVersioning(ctx, s.bucket))
	}
	if s.state == suspended {
		err = errors.Join(err, c.EnableVersioning(ctx, s.bucket), c.SuspendVersioning(ctx, s.bucket))
	}
	if err != nil {
		t.Fatal(err)
	}
	// Without NoOP, which changes nothing and has no place in the order.
	harness.SetRules(t, c, s.bucket, harness.Rule{ARN: harness.WebhookARN("1"), Events: []notification.EventType{
		notification.ObjectCreatedAll, notification.ObjectRemovedDelete, notification.ObjectRemovedDeleteMarkerCreated,
	}})
	for i := range clients {
		r.clients = append(r.clients, &client{
			shared: s, random: rand.New(rand.NewPCG(seed, uint64(i))), name: fmt.Sprintf("c%02d", i),
		})
	}
	return r
}

// round lets the clients at the server, kills it or not, and compares.
func (r *run) round(kill bool) {
	r.t.Helper()
	c := r.server.ClientOf(r.t, harness.ClientOptions{Wrap: harness.UserAgents})
	for _, one := range r.clients {
		one.core = minio.Core{Client: c}
	}
	step := func(ctx context.Context, i int) error { return r.clients[i].step(ctx) }
	early := harness.Burst(r.t.Context(), clients, minAnswers+r.random.Int64N(maxAnswers-minAnswers), step, func() {
		if kill {
			time.Sleep(time.Duration(r.random.Int64N(int64(jitter)))) // chooses the instant; nothing is awaited
			r.server.Kill()
		}
	})
	if kill {
		r.server.Restart()
	}
	if err := errors.Join(early, r.takeWrong()); err != nil {
		r.t.Fatal(err)
	}
	r.compare()
}

// compare waits until the events that arrived account for what the server has.
func (r *run) compare() {
	r.t.Helper()
	c := r.server.Client(r.t)
	harness.Poll(r.t, "the model to agree with the server", func() error {
		ctx, cancel := harness.Bounded(r.t)
		defer cancel()
		r.events = eventsOf(r.receiver.Deliveries())
		m := replayed(r.state, r.ops, r.contents, r.events)
		if err := m.agrees(ctx, r.shared, c); err != nil {
			return fmt.Errorf("%w\n%s", err, m)
		}
		if len(m.faults) > 0 {
			return errors.New(m.String())
		}
		r.versions = 0
		for _, versions := range m.keys {
			r.versions += len(versions)
		}
		return nil
	})
}

// missesNothing is the control: an event of an answered operation that is taken
// out of the history must be missed.
func (r *run) missesNothing() {
	r.t.Helper()
	answered := map[opKey]bool{}
	for _, o := range r.ops {
		answered[opKey{o.key, o.label}] = o.acked && (r.state != never || o.kind != deletes && o.kind != fewGoes && o.kind != removes)
	}
	for range 20 {
		i := r.random.IntN(len(r.events))
		e := r.events[i]
		if !answered[opKey{e.key, e.label}] || e.id() == nullVersion && strings.HasSuffix(e.name, ":Delete") {
			continue
		}
		if m := replayed(r.state, r.ops, r.contents, slices.Delete(slices.Clone(r.events), i, i+1)); len(m.faults) == 0 {
			r.t.Errorf("nothing is missed without %s", e)
		}
	}
}

// eventsOf are the distinct events that were delivered.
func eventsOf(all []harness.Delivery) []told {
	var out []told
	seen := map[string]bool{}
	for _, d := range all {
		if seen[d.ID] || len(d.Records) != 1 {
			continue
		}
		seen[d.ID] = true
		record := d.Records[0]
		o := record.S3.Object
		_, key, _ := strings.Cut(d.Key, "/")
		out = append(out, told{
			key: key, name: "s3:" + strings.TrimPrefix(record.EventName, "s3:"), label: record.Source.UserAgent, version: o.VersionID,
			etag: o.ETag, size: o.Size, sequencer: o.Sequencer,
		})
	}
	return out
}
