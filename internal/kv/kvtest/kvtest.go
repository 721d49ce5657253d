// Package kvtest is the suite that every engine of kv passes; what it checks is
// the contract. Run checks an engine's behaviour, RunPersistent what outlives a
// closing, and RunCrash what outlives a power cut.
package kvtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/kv"
)

// Open opens an empty store for one test, and closes it when the test ends.
type Open func(t *testing.T) kv.Store

// contractCase is one sentence of the contract, or a few that belong together.
type contractCase struct {
	name string
	run  func(t *testing.T, s kv.Store)
}

// Run runs the conformance suite.
func Run(t *testing.T, open Open) {
	t.Helper()
	var cases []contractCase
	cases = append(cases, readCases()...)
	cases = append(cases, scanCases()...)
	cases = append(cases, requireCases()...)
	cases = append(cases, batchCases()...)
	cases = append(cases, logCases()...)
	cases = append(cases, relaxedCases()...)
	cases = append(cases, watchCases()...)
	cases = append(cases, concurrentCases()...)
	cases = append(cases, lifecycleCases()...)
	cases = append(cases,
		contractCase{"random operations agree with the model", againstModel},
		contractCase{"bursts of relaxed commits agree with the model", burstsAgainstModel})
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, open(t))
		})
	}
}

// seedVariable replays a run: every test that uses randomness prints its seed.
const seedVariable = "CARILLON_KV_SEED"

func seed(t testing.TB) uint64 {
	t.Helper()
	n := rand.Uint64()
	if v := os.Getenv(seedVariable); v != "" {
		var err error
		if n, err = strconv.ParseUint(v, 10, 64); err != nil {
			t.Fatalf("%s: %v", seedVariable, err)
		}
	}
	t.Logf("replay with %s=%d", seedVariable, n)
	return n
}

func mustCommit(t testing.TB, s kv.Store, b *kv.Batch) []kv.Position {
	t.Helper()
	p, err := s.Commit(context.Background(), b)
	if err != nil {
		t.Fatalf("Commit: %v", err)
	}
	return p
}

func set(t testing.TB, s kv.Store, pairs ...string) {
	t.Helper()
	var b kv.Batch
	for i := 0; i < len(pairs); i += 2 {
		b.Set([]byte(pairs[i]), []byte(pairs[i+1]))
	}
	mustCommit(t, s, &b)
}

func remove(t testing.TB, s kv.Store, keys ...string) {
	t.Helper()
	var b kv.Batch
	for _, k := range keys {
		b.Delete([]byte(k))
	}
	mustCommit(t, s, &b)
}

func appendTo(t testing.TB, s kv.Store, log kv.LogID, values ...string) []kv.Position {
	t.Helper()
	var b kv.Batch
	for _, v := range values {
		b.Append(log, []byte(v))
	}
	return mustCommit(t, s, &b)
}

func get(t testing.TB, r kv.Reader, key string) kv.Item {
	t.Helper()
	it, err := r.Get(context.Background(), []byte(key))
	if err != nil {
		t.Fatalf("Get(%q): %v", key, err)
	}
	if it.ReadAt == 0 {
		t.Fatalf("Get(%q): the item has no ReadAt", key)
	}
	return it
}

func wantValue(t testing.TB, r kv.Reader, key, want string) {
	t.Helper()
	if it := get(t, r, key); !it.Exists() || string(it.Value) != want {
		t.Errorf("Get(%q) = %q, revision %d; want %q", key, it.Value, it.Revision, want)
	}
}

func wantAbsent(t testing.TB, r kv.Reader, key string) {
	t.Helper()
	if it := get(t, r, key); it.Exists() || len(it.Value) > 0 {
		t.Errorf("Get(%q) = %q, revision %d; want it absent", key, it.Value, it.Revision)
	}
}

// show writes a scan as one line: key=value, or <group>, quoted.
func show(t testing.TB, r kv.Reader, rng kv.Range) string {
	t.Helper()
	var out []string
	for e, err := range r.Scan(context.Background(), rng) {
		if err != nil {
			t.Fatalf("Scan: %v", err)
		}
		out = append(out, showEntry(e))
	}
	return strings.Join(out, " ")
}

func showEntry(e kv.Entry) string {
	if e.Group {
		return fmt.Sprintf("<%s>", quote(e.Key))
	}
	return fmt.Sprintf("%s=%s", quote(e.Key), quote(e.Item.Value))
}

func quote(b []byte) string {
	q := strconv.Quote(string(b))
	return q[1 : len(q)-1]
}

func logValues(t testing.TB, s kv.Store, log kv.LogID, from uint64, most int) string {
	t.Helper()
	records, err := s.ReadLog(context.Background(), log, from, most)
	if err != nil {
		t.Fatalf("ReadLog: %v", err)
	}
	var out []string
	for _, r := range records {
		if r.Log != log {
			t.Errorf("a record of log %d says log %d", log, r.Log)
		}
		out = append(out, fmt.Sprintf("%d:%s", r.Sequence, r.Value))
	}
	return strings.Join(out, " ")
}

func wantBounds(t testing.TB, s kv.Store, log kv.LogID, first, last uint64) {
	t.Helper()
	f, head, err := s.Bounds(context.Background(), log)
	if err != nil {
		t.Fatalf("Bounds: %v", err)
	}
	if f != first || head.Sequence != last || head.Log != log {
		t.Errorf("Bounds(%d) = %d, %+v; want %d to %d", log, f, head, first, last)
	}
}
