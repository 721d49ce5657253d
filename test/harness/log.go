package harness

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"
)

// Log collects what a process writes. It is safe for concurrent use.
type Log struct {
	mu      sync.Mutex
	buf     bytes.Buffer
	changed chan struct{} // closed and replaced at each Write
}

func newLog() *Log { return &Log{changed: make(chan struct{})} }

// Write appends p.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.changed)
	l.changed = make(chan struct{})
	return l.buf.Write(p)
}

// String returns all that was written so far.
func (l *Log) String() string {
	text, _ := l.snapshot()
	return text
}

// Lines returns the complete and incomplete lines written so far.
func (l *Log) Lines() []string {
	return strings.Split(strings.TrimRight(l.String(), "\n"), "\n")
}

// Count returns how often substr was written.
func (l *Log) Count(substr string) int { return strings.Count(l.String(), substr) }

func (l *Log) snapshot() (string, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String(), l.changed
}

// Wait waits until done says that the text is complete; what names it in the
// failure.
func (l *Log) Wait(t testing.TB, what string, done func(text string) bool) string {
	t.Helper()
	deadline := time.NewTimer(Patience)
	defer deadline.Stop()
	for {
		text, changed := l.snapshot()
		if done(text) {
			return text
		}
		select {
		case <-changed:
		case <-deadline.C:
			t.Fatalf("waited %s in vain for %s in the output:\n%s", Patience, what, tail(text))
		}
	}
}

// WaitFor waits until the text holds substr.
func (l *Log) WaitFor(t testing.TB, substr string) string {
	t.Helper()
	return l.Wait(t, "\""+substr+"\"", func(text string) bool { return strings.Contains(text, substr) })
}

// tail is the end of a long text, for failure messages.
func tail(text string) string {
	const enough = 8 << 10
	if len(text) <= enough {
		return text
	}
	return "…" + text[len(text)-enough:]
}
