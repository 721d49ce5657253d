//go:build long

package postgres_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/kv/postgres"
)

const (
	freezeWriters = 3
	freezeLogs    = 64
	freezeStart   = 20 * time.Second
	freezeLength  = 10 * time.Second
	freezeRest    = 30 * time.Second
)

// freezeWriter is a process of TestFrozenWriter.
type freezeWriter struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	stdout *bufio.Reader
}

// TestFrozenWriter measures three processes that write to one database, one of
// them frozen for ten seconds in the middle, and prints what the others did. It
// fails for a gap in a log, a deadlock or a lost commit, not for a speed.
// CARILLON_PG_CLIENTS says how many clients each process has.
func TestFrozenWriter(t *testing.T) { //nolint:paralleltest // it measures
	server := brokertest.StartPostgres(t, "shared_buffers=512MB", "max_wal_size=4GB", "wal_compression=on")
	s := open(t, postgres.Options{URL: server.URL()})
	var b kv.Batch
	b.Set([]byte("bucket"), []byte("its configuration"))
	persist(t, s, &b)

	writers := make([]*freezeWriter, freezeWriters)
	for i := range writers {
		writers[i] = startFreezeWriter(t, server.URL(), i)
	}
	for _, w := range writers {
		w.line(t, nil) // it is open
	}
	frozen := writers[len(writers)-1]
	start := time.Now()
	time.Sleep(freezeStart)
	signal(t, frozen, syscall.SIGSTOP)
	frozenAt := time.Since(start)
	time.Sleep(freezeLength)
	thawedAt := time.Since(start)
	signal(t, frozen, syscall.SIGCONT)
	time.Sleep(freezeRest)

	total, unsure := 0, 0
	for i, w := range writers {
		if err := w.stdin.Close(); err != nil {
			t.Fatal(err)
		}
		var r freezeReport
		w.line(t, &r)
		if err := w.cmd.Wait(); err != nil {
			t.Errorf("writer %d: %v", i, err)
		}
		total += r.Commits
		unsure += r.Unsure
		before, during, after := r.rate(0, frozenAt), r.rate(frozenAt, thawedAt), r.rate(thawedAt, time.Since(start))
		t.Logf("writer %d: %d commits, %d unsure, %d refused; a second: %.0f before, %.0f during, %.0f after; p50 %s, p99 %s, longest wait %s (while frozen: %s)",
			i, r.Commits, r.Unsure, r.Refused, before, during, after, r.P50, r.P99, r.Longest, r.longest(frozenAt, thawedAt))
	}
	records := 0
	for log := range kv.LogID(freezeLogs) {
		records += len(wholeLog(t, s, log))
	}
	if records < total || records > total+unsure {
		t.Errorf("%d records for %d commits and %d unsure ones", records, total, unsure)
	}
	conn, err := pgx.Connect(t.Context(), server.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	var deadlocks, rollbacks int
	err = conn.QueryRow(t.Context(), `SELECT deadlocks, xact_rollback FROM pg_stat_database WHERE datname = current_database()`).
		Scan(&deadlocks, &rollbacks)
	if err != nil || deadlocks > 0 {
		t.Errorf("%d deadlocks, %v", deadlocks, err)
	}
	t.Logf("%d records in %d logs without a gap, %d deadlocks, %d rollbacks", records, freezeLogs, deadlocks, rollbacks)
}

func signal(t *testing.T, w *freezeWriter, s syscall.Signal) {
	t.Helper()
	if err := w.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func startFreezeWriter(t *testing.T, url string, n int) *freezeWriter {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+url, "CARILLON_PG_WRITER="+strconv.Itoa(n))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // it has ended if all went well
	return &freezeWriter{cmd, stdin, bufio.NewReader(stdout)}
}

// line reads a line of JSON.
func (w *freezeWriter) line(t *testing.T, into any) {
	t.Helper()
	text, err := w.stdout.ReadBytes('\n')
	if err != nil {
		t.Fatalf("a writer has ended: %v", err)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

// freezeReport is what a writer has seen. Slots are tenths of a second.
type freezeReport struct {
	Commits, Unsure, Refused int
	Slots                    []int
	Waits                    []time.Duration // the longest that ended in a slot
	P50, P99, Longest        time.Duration
}

const slot = 100 * time.Millisecond

func (r *freezeReport) rate(from, to time.Duration) float64 {
	n := 0
	for i := int(from / slot); i < min(int(to/slot), len(r.Slots)); i++ {
		n += r.Slots[i]
	}
	return float64(n) / (to - from).Seconds()
}

func (r *freezeReport) longest(from, to time.Duration) time.Duration {
	a, b := min(int(from/slot), len(r.Waits)), min(int(to/slot), len(r.Waits))
	if a == b {
		return 0
	}
	return slices.Max(r.Waits[a:b]).Round(time.Millisecond)
}

func (r *freezeReport) summary(waits []time.Duration) {
	slices.Sort(waits)
	if n := len(waits); n > 0 {
		r.P50, r.P99, r.Longest = waits[n/2].Round(time.Microsecond*100), waits[n*99/100].Round(time.Microsecond*100), waits[n-1].Round(time.Millisecond)
	}
	fmt.Println(string(must(json.Marshal(r))))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
