//go:build !long

package crash

// How often each mode strikes, and how often the server is restarted, for every
// day.
const (
	defaultRounds   = 4
	defaultRestarts = 4
)
