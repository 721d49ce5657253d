package notify

import "time"

// backoff is an exponential series of waits.
type backoff struct {
	base, limit time.Duration
}

var (
	// probeWaits are the waits between probes of a target in trouble: short at
	// first, since most trouble is a restart; half a minute at most, so that a
	// target that is back is found soon.
	probeWaits = backoff{200 * time.Millisecond, 30 * time.Second}
	// keyWaits are the waits between attempts on one event that fails on its
	// own. Five minutes at most, so that many blocked keys stay a light load.
	keyWaits = backoff{500 * time.Millisecond, 5 * time.Minute}
)

// wait is the wait after the given number of failures, at least 1, spread by
// jitter (0 to 1) over the upper half of the step, so that what failed together
// does not come back together.
func (b backoff) wait(failures int, jitter float64) time.Duration {
	step := b.limit
	// 30 doublings exceed every limit here; the test also keeps the shift from
	// overflowing.
	if n := max(failures, 1) - 1; n < 30 {
		step = min(b.base<<n, b.limit)
	}
	return step/2 + time.Duration(float64(step/2)*jitter)
}
