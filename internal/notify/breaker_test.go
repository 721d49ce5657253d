package notify

import (
	"testing"
	"time"
)

func TestBackoffStaysInItsBounds(t *testing.T) {
	t.Parallel()
	b := backoff{100 * time.Millisecond, time.Second}
	tests := map[string]struct {
		failures int
		jitter   float64
		want     time.Duration
	}{
		"first, least":        {1, 0, 50 * time.Millisecond},
		"first, most":         {1, 1, 100 * time.Millisecond},
		"none counts as one":  {0, 1, 100 * time.Millisecond},
		"third":               {3, 1, 400 * time.Millisecond},
		"limited":             {5, 1, time.Second},
		"limited, least":      {5, 0, 500 * time.Millisecond},
		"no overflow":         {100, 1, time.Second},
		"no overflow, larger": {1 << 40, 0, 500 * time.Millisecond},
	}
	for name, tt := range tests {
		if got := b.wait(tt.failures, tt.jitter); got != tt.want {
			t.Errorf("%s: wait(%d, %v) = %v, want %v", name, tt.failures, tt.jitter, got, tt.want)
		}
	}
}

// at is a time of the breaker's tests.
func at(d time.Duration) time.Time { return time.Unix(1_000_000, 0).Add(d) }

func failAt(d time.Duration, probe bool, keys ...uint64) failure {
	return failure{now: at(d), probe: probe, keys: keys, jitter: 1}
}

// opened is a breaker that opened at 0 because of several keys.
func opened(t *testing.T) *breaker {
	t.Helper()
	b := &breaker{}
	for i, want := range []bool{false, false, true} {
		if got := b.fail(failAt(0, false, uint64(i+1))); got != want {
			t.Fatalf("failure %d changed the state: %v, want %v", i+1, got, want)
		}
	}
	return b
}

func TestBreakerOpensAfterFailuresInARow(t *testing.T) {
	t.Parallel()
	b := &breaker{}
	b.fail(failAt(0, false, 1))
	b.fail(failAt(0, false, 2))
	b.succeed()
	b.fail(failAt(0, false, 3))
	b.fail(failAt(0, false, 4))
	if !b.admit(at(0), candidate{}).ok {
		t.Fatal("two failures since the last success closed the way")
	}
	b.fail(failAt(0, false, 5))
	if b.admit(at(0), candidate{key: 6}).ok {
		t.Fatal("three failures in a row left it closed")
	}
}

func TestBreakerProbes(t *testing.T) {
	t.Parallel()
	b := opened(t)
	if a := b.admit(at(199*time.Millisecond), candidate{key: 9}); a.ok || !a.at.Equal(at(200*time.Millisecond)) {
		t.Fatalf("before it is due: %+v", a)
	}
	if a := b.admit(at(200*time.Millisecond), candidate{key: 9}); !a.ok || !a.probe {
		t.Fatalf("when due: %+v", a)
	}
	if a := b.admit(at(time.Hour), candidate{key: 8}); a.ok || !a.at.IsZero() {
		t.Fatalf("a second probe beside the first: %+v", a)
	}
	if b.fail(failAt(time.Second, false, 4)) {
		t.Fatal("a late failure counted as the probe's")
	}
	if !b.fail(failAt(time.Second, true, 9)) {
		t.Fatal("the probe's failure changed nothing")
	}
	if a := b.admit(at(time.Second+399*time.Millisecond), candidate{key: 9}); a.ok {
		t.Fatal("the second wait is not longer than the first")
	}
	if a := b.admit(at(time.Second+400*time.Millisecond), candidate{key: 9}); !a.probe {
		t.Fatalf("second probe: %+v", a)
	}
	if !b.succeed() || !b.admit(at(2*time.Second), candidate{}).ok {
		t.Fatal("a success did not close it")
	}
	if b.succeed() {
		t.Fatal("another success is a change")
	}
}

func TestBreakerLetsTheLeastTriedProbeFirst(t *testing.T) {
	t.Parallel()
	b := opened(t)
	due := at(200 * time.Millisecond)
	if b.admit(due, candidate{key: 9, attempts: 3}).ok {
		t.Fatal("an event tried three times went at once")
	}
	if !b.admit(due, candidate{key: 8}).probe {
		t.Fatal("a fresh one did not")
	}
	b = opened(t)
	if !b.admit(due.Add(3*freshFirst), candidate{key: 9, attempts: 3}).probe {
		t.Fatal("with none fresher it must go after its grace")
	}
	b = opened(t)
	if !b.admit(due.Add(maxFresh*freshFirst), candidate{key: 9, attempts: 1 << 30}).probe {
		t.Fatal("the grace is not bounded")
	}
}

func TestBreakerOfOneBadKeyStopsNoOther(t *testing.T) {
	t.Parallel()
	b := &breaker{}
	for range failuresBeforeOpen {
		b.fail(failAt(0, false, 7))
	}
	if b.admit(at(0), candidate{key: 7}).ok {
		t.Fatal("the key that failed went at once")
	}
	if !b.admit(at(0), candidate{key: 8}).probe {
		t.Fatal("another key must wait")
	}
	b.fail(failAt(0, true, 8))
	if b.admit(at(0), candidate{key: 9}).ok {
		t.Fatal("two keys failed, and a third went at once")
	}
}

func TestBreakerHonoursRetryAfter(t *testing.T) {
	t.Parallel()
	b := &breaker{}
	f := failAt(0, false, 1)
	f.retryAfter = time.Minute
	if !b.fail(f) {
		t.Fatal("the wish to wait did not open it")
	}
	for _, key := range []uint64{1, 2} {
		if a := b.admit(at(59*time.Second), candidate{key: key}); a.ok {
			t.Errorf("key %d went before the time", key)
		}
	}
	if !b.admit(at(time.Minute), candidate{key: 2}).probe {
		t.Error("not admitted when the time has come")
	}
}

func TestBreakerTakesAProbeBack(t *testing.T) {
	t.Parallel()
	b := opened(t)
	b.admit(at(time.Second), candidate{key: 9})
	if b.abort(false) {
		t.Fatal("a Send that was no probe took it back")
	}
	if !b.abort(true) || !b.admit(at(time.Second), candidate{key: 9}).probe {
		t.Fatal("after an abort the next probe must go")
	}
}

// FuzzBreaker drives a breaker with random steps and checks what must always
// hold: at most one probe, no admission before a wish to wait has passed, and
// an open breaker admits again in bounded time.
func FuzzBreaker(f *testing.F) {
	f.Add([]byte{0, 0, 0, 4, 8, 4, 9, 4, 1})
	f.Add([]byte{12, 4, 250, 4, 200, 4, 9})
	f.Add([]byte{16, 16, 16, 4, 20, 4, 24})
	f.Fuzz(func(t *testing.T, steps []byte) {
		var b breaker
		now, pause := at(0), at(0)
		underWay := false
		for _, s := range steps {
			arg := uint64(s >> 2)
			now = now.Add(time.Duration(arg) * 10 * time.Millisecond)
			switch s & 3 {
			case 0:
				a := b.admit(now, candidate{key: arg, attempts: int(arg)})
				switch {
				case a.ok && a.probe && underWay:
					t.Fatal("two probes")
				case a.ok && b.state != closed && now.Before(pause):
					t.Fatal("admitted before the time that was asked for")
				case !a.ok && !underWay && a.at.IsZero():
					t.Fatal("nobody probes, and nobody is told when to")
				case !a.ok && a.at.Sub(now) > maxRetryAfter+probeWaits.limit+maxFresh*freshFirst:
					t.Fatalf("a wait of %v", a.at.Sub(now))
				}
				underWay = underWay || a.probe
			case 1:
				b.succeed()
				underWay, pause = false, now
			case 2:
				fl := failure{now: now, probe: underWay, keys: []uint64{arg}, jitter: float64(arg) / 64}
				if arg > 48 {
					fl.retryAfter = time.Duration(arg) * time.Second
					if until := now.Add(fl.retryAfter); until.After(pause) {
						pause = until
					}
				}
				b.fail(fl)
				underWay = false
			case 3:
				b.abort(underWay)
				underWay = false
			}
			if underWay && b.state != probing {
				t.Fatal("a probe is under way, and the breaker does not know")
			}
		}
	})
}
