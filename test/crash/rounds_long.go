//go:build long

package crash

// How often each mode strikes, how often the server is restarted, and how often
// a broker fails in every way, before something is called done.
const (
	defaultRounds       = 100
	defaultRestarts     = 20
	defaultOutages      = 10
	heavyOutages        = 3
	everyFreezeTimesOut = true
)
