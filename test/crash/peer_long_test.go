//go:build long

package crash

import (
	"os"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

// envPeer names the program of another server that takes the same commands.
const envPeer = "CARILLON_PEER"

// TestPeer runs the same load against another server, for the figures, and
// shows that the check sees real loss: without a queue_dir that server keeps
// events in memory alone.
func TestPeer(t *testing.T) {
	peer := os.Getenv(envPeer)
	if peer == "" {
		t.Fatalf("set %s to the program of the server to compare with", envPeer)
	}
	for _, m := range modes() {
		t.Run(strings.ReplaceAll(m.name, ",", ""), func(t *testing.T) {
			r := run(t, m, peer)
			harness.Report(t, "peer: %s: %s", m.name, r)
			if m.receive == nil && !m.queueDir && r.lostEvents == 0 {
				t.Error("the check saw no loss where events are known to be lost")
			}
		})
	}
}
