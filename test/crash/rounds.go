//go:build !long

package crash

// How often each mode strikes, how often the server is restarted, and how often
// a broker fails in every way (those that take long to start: once), for every
// day. A freeze outlasts the target's timeout in the round in the middle.
const (
	defaultRounds       = 4
	defaultRestarts     = 4
	defaultOutages      = 1
	heavyOutages        = 1
	everyFreezeTimesOut = false
)
