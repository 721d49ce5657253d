//go:build long

package crash

// How often each mode strikes, and how often the server is restarted, before
// something is called done.
const (
	defaultRounds   = 100
	defaultRestarts = 20
)
