package crash

import (
	"strings"
	"testing"
	"time"

	"github.com/carillon-s3/carillon/test/harness"
)

// TestBrokerOutages kills, freezes and stops the broker of every kind of target
// under load, and kills the server in one of the outages: no event may be lost,
// out of order or of nothing, and a mirror must show what GET shows.
//
// The kinds go one after the other, those that are heavy beside those that are
// not, so that two brokers run at once at most.
func TestBrokerOutages(t *testing.T) {
	t.Parallel()
	testOutages(t, false, defaultOutages)
}

// TestHeavyBrokerOutages is TestBrokerOutages for those that take long to start.
func TestHeavyBrokerOutages(t *testing.T) {
	t.Parallel()
	testOutages(t, true, heavyOutages)
}

func testOutages(t *testing.T, heavy bool, rounds uint64) {
	rounds = harness.Number(t, envRounds, rounds)
	for _, kind := range brokers() {
		if kind.heavy != heavy {
			continue
		}
		t.Run(strings.ReplaceAll(kind.name, ",", ""), func(t *testing.T) {
			r, figures := runOutages(t, kind.start(t), int(rounds), lostAfter)
			harness.Report(t, "broker: %s: %s: %s", kind.name, figures, r)
			if r.faults() > 0 {
				t.Errorf("%s\n%s", r, strings.Join(r.details, "\n"))
			}
		})
	}
}

// TestTheOutageCheckSeesLoss is the control: what a consumer forgets is lost.
func TestTheOutageCheckSeesLoss(t *testing.T) {
	t.Parallel()
	t.Run("events", func(t *testing.T) {
		b := redisAccess(t)
		all := b.arrived
		b.arrived = func(t testing.TB) ([]seen, error) {
			got, err := all(t)
			kept := got[:0]
			for i, s := range got {
				if i%forgetEvery != 0 {
					kept = append(kept, s)
				}
			}
			return kept, err
		}
		r, _ := runOutages(t, b, 0, time.Second)
		harness.Report(t, "broker: a consumer that forgets one event in %d: %s", forgetEvery, r)
		if r.lostEvents < r.acknowledged/forgetEvery/2 || r.lostObjects+r.orderViolations+r.phantoms > 0 {
			t.Errorf("one event in %d was forgotten, and nothing else: %s\n%s", forgetEvery, r, strings.Join(r.details, "\n"))
		}
	})
	t.Run("rows", func(t *testing.T) {
		b := redisNamespace(t)
		all := b.mirrored
		b.mirrored = func(t testing.TB) (map[string][]byte, error) {
			rows, err := all(t)
			for key := range rows {
				delete(rows, key)
				break
			}
			return rows, err
		}
		r, _ := runOutages(t, b, 0, time.Second)
		if r.staleRows != 1 || r.faults() != 1 {
			t.Errorf("one row was forgotten, and nothing else: %s\n%s", r, strings.Join(r.details, "\n"))
		}
	})
	t.Run("a message without PUBACK", func(t *testing.T) {
		b := mqtt(t)
		b.wire.swallow = deliveries / 2
		r, _ := runOutages(t, b, 0, time.Second)
		harness.Report(t, "broker: a publisher of MQTT that drops one message: %s", r)
		if r.lostEvents != 1 || r.faults() != 1 {
			t.Errorf("one message was dropped, and nothing else: %s\n%s", r, strings.Join(r.details, "\n"))
		}
	})
}
