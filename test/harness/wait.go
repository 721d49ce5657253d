package harness

import (
	"testing"
	"time"
)

// pollEvery is how often Poll asks.
const pollEvery = 50 * time.Millisecond

// Poll asks until the answer is nil, for what only answers when asked. It fails
// the test, with the last answer, when Patience is over.
func Poll(t testing.TB, what string, ask func() error) {
	t.Helper()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	deadline := time.Now().Add(Patience)
	for {
		err := ask()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited %s in vain for %s: %v", Patience, what, err)
		}
		<-tick.C
	}
}
