package crash

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/carillon-s3/carillon/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

// TestNothingAcknowledgedIsLost is the promise of the product, from outside.
func TestNothingAcknowledgedIsLost(t *testing.T) {
	t.Parallel()
	for _, m := range modes() {
		t.Run(strings.ReplaceAll(m.name, ",", ""), func(t *testing.T) {
			t.Parallel()
			r := run(t, m, "")
			harness.Report(t, "crash: %s: %s", m.name, r)
			if r.faults() > 0 {
				t.Errorf("%s\n%s", r, strings.Join(r.details, "\n"))
			}
		})
	}
}

// forgetEvery is small enough for the rarest kind to lose some.
const forgetEvery = 10

// forget acknowledges everything and forgets one in n of the events of every
// kind of operation.
func forget(n int) harness.Behaviour {
	arrived := make(map[kind]int) // the receiver asks for one reply at a time
	return func(d harness.Delivery) harness.Reply {
		k := kindOf(sighting(d).label)
		arrived[k]++
		return harness.Reply{Forget: arrived[k]%n == n-1}
	}
}

// TestTheCheckSeesLoss is the control: events that a receiver acknowledges and
// forgets must be reported as lost, those of every kind of operation.
func TestTheCheckSeesLoss(t *testing.T) {
	t.Parallel()
	forgetful := forget(forgetEvery)
	m := mode{name: "control", load: fullLoad(), receive: forgetful, finish: forgetful, quiet: 5 * time.Second}
	r := run(t, m, "")
	harness.Report(t, "crash: a receiver that forgets one event in %d: %s; %s", forgetEvery, r, r.byKind())
	for _, k := range kinds() {
		if r.kinds[k].lostEvents == 0 {
			t.Errorf("the receiver forgot events of %s, and the check saw none missing: %s", k, r.byKind())
		}
	}
	if r.lostObjects+r.orderViolations+r.phantoms+r.disagreements > 0 {
		t.Errorf("nothing but events was lost: %s\n%s", r, strings.Join(r.details, "\n"))
	}
}
