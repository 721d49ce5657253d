package outage

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

// TestEventsOfAnOutageArrive: a receiver that is away, in any way, loses
// nothing, without queue_dir.
func TestEventsOfAnOutageArrive(t *testing.T) {
	t.Parallel()
	const puts = 100
	tests := map[string]struct {
		begin, end func(*testing.T, *harness.Receiver)
	}{
		"refuses connections": {
			func(_ *testing.T, r *harness.Receiver) { r.Down() },
			func(t *testing.T, r *harness.Receiver) { r.Up(t) },
		},
		"answers 500": {
			func(_ *testing.T, r *harness.Receiver) { r.Behave(harness.Status(http.StatusInternalServerError)) },
			func(_ *testing.T, r *harness.Receiver) { r.Behave(harness.Accept) },
		},
		"answers 403": {
			func(_ *testing.T, r *harness.Receiver) { r.Behave(harness.Status(http.StatusForbidden)) },
			func(_ *testing.T, r *harness.Receiver) { r.Behave(harness.Accept) },
		},
		"answers 503 with Retry-After": {
			func(_ *testing.T, r *harness.Receiver) {
				r.Behave(func(harness.Delivery) harness.Reply {
					return harness.Reply{Status: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {"1"}}}
				})
			},
			func(_ *testing.T, r *harness.Receiver) { r.Behave(harness.Accept) },
		},
		"redirects": {
			func(_ *testing.T, r *harness.Receiver) {
				r.Behave(func(harness.Delivery) harness.Reply {
					return harness.Reply{Status: http.StatusFound, Header: http.Header{"Location": {r.URL() + "/elsewhere"}}}
				})
			},
			func(_ *testing.T, r *harness.Receiver) { r.Behave(harness.Accept) },
		},
		"closes every connection": {
			func(_ *testing.T, r *harness.Receiver) { r.Behave(harness.Hang); r.Down() },
			func(t *testing.T, r *harness.Receiver) { r.Behave(harness.Accept); r.Up(t) },
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			receiver := harness.NewReceiver(t)
			server := harness.Start(t, harness.Options{Env: harness.WebhookEnv("1", receiver.URL())})
			client := server.Client(t)
			harness.MakeBucket(t, client, bucket, all("1"))
			harness.Put(t, client, bucket, "before", []byte("x"))
			receiver.WaitKey(t, bucket+"/before")

			tt.begin(t, receiver)
			keys := harness.PutMany(t, client, bucket, "during", puts)
			if n := len(harness.Missing(receiver.Deliveries(), keys)); n != puts {
				t.Fatalf("%d events arrived during the outage: it was none", puts-n)
			}
			tt.end(t, receiver)
			got := receiver.WaitKeys(t, keys)
			harness.Report(t, "outage: receiver %s for %d PUTs: %d delivered", name, puts, puts-len(harness.Missing(got, keys)))
		})
	}
}

// TestBacklogOutlivesStops: the same, with the server stopped in the middle.
func TestBacklogOutlivesStops(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*harness.Server){
		"SIGTERM": func(s *harness.Server) { s.Terminate() },
		"kill -9": (*harness.Server).Kill,
	}
	for name, stop := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			receiver := harness.NewReceiver(t)
			receiver.Down()
			server := harness.Start(t, harness.Options{Env: harness.WebhookEnv("1", receiver.URL())})
			client := server.Client(t)
			harness.MakeBucket(t, client, bucket, all("1"))
			keys := harness.PutMany(t, client, bucket, "first", 50)
			stop(server)
			server.Restart() // the receiver is still down: it must start all the same
			keys = append(keys, harness.PutMany(t, server.Client(t), bucket, "second", 50)...)
			receiver.Up(t)
			receiver.WaitKeys(t, keys)
		})
	}
}

// TestStartWithDeadTargets: targets that refuse, hang or do not resolve neither
// delay nor prevent the start, and rules on them are accepted.
func TestStartWithDeadTargets(t *testing.T) {
	t.Parallel()
	hung, down := harness.NewReceiver(t), harness.NewReceiver(t)
	hung.Behave(harness.Hang)
	down.Down()
	env := append(harness.WebhookEnv("HUNG", hung.URL()), harness.WebhookEnv("DOWN", down.URL())...)
	env = append(env, harness.WebhookEnv("NOWHERE", "http://nowhere.invalid/events")...)
	server := harness.Start(t, harness.Options{Env: env})
	client := server.Client(t)
	harness.MakeBucket(t, client, bucket, all("HUNG"), all("DOWN"), all("NOWHERE"))
	keys := harness.PutMany(t, client, bucket, "k", 20)
	down.Up(t)
	down.WaitKeys(t, keys)
	hung.Behave(harness.Accept)
	hung.Down() // ends the connections that hang
	hung.Up(t)
	hung.WaitKeys(t, keys)
}

// TestOrderThroughTrouble: first acknowledgements of a key come in the order of
// its writes, whatever the receiver refuses in between.
func TestOrderThroughTrouble(t *testing.T) {
	t.Parallel()
	const writes = 120
	receiver := harness.NewReceiver(t)
	receiver.Behave(func(d harness.Delivery) harness.Reply {
		if d.Number%4 == 1 {
			return harness.Reply{Status: http.StatusServiceUnavailable}
		}
		return harness.Reply{}
	})
	server := harness.Start(t, harness.Options{Env: harness.WebhookEnv("1", receiver.URL())})
	client := server.Client(t)
	harness.MakeBucket(t, client, bucket, all("1"))
	for i := range writes {
		harness.Put(t, client, bucket, "one", fmt.Appendf(nil, "version %d", i))
		harness.Put(t, client, bucket, fmt.Sprintf("other-%d", i%7), fmt.Appendf(nil, "version %d", i))
	}
	key := bucket + "/one"
	got := receiver.Wait(t, "all events of one key", func(all []harness.Delivery) bool {
		return len(firstAccepted(all, key)) == writes
	})
	for _, k := range []string{key, bucket + "/other-0", bucket + "/other-6"} {
		if !inOrder(firstAccepted(got, k)) {
			t.Errorf("the events of %s were acknowledged out of order", k)
		}
	}
}
