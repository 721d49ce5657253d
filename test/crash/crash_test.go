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
	for _, m := range modes() {
		t.Run(strings.ReplaceAll(m.name, ",", ""), func(t *testing.T) {
			r := run(t, m, "")
			harness.Report(t, "crash: %s: %s", m.name, r)
			if r.faults() > 0 {
				t.Errorf("%s\n%s", r, strings.Join(r.details, "\n"))
			}
		})
	}
}

// TestTheCheckSeesLoss is the control: events that a receiver acknowledges and
// forgets must be reported as lost, one by one.
func TestTheCheckSeesLoss(t *testing.T) {
	forgetful := harness.ForgetEvery(25)
	m := mode{name: "control", receive: forgetful, finish: forgetful, quiet: 5 * time.Second}
	r := run(t, m, "")
	harness.Report(t, "crash: a receiver that forgets one event in 25: %s", r)
	if r.lostEvents == 0 {
		t.Errorf("the receiver forgot events and the check saw none missing: %s", r)
	}
}
