package postgres_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/kv/postgres"
)

// killRounds is how often each test kills.
const killRounds = 3

// underLoad runs commits of two stores on a server of its own while kill is
// called, once a round, and holds the outcome against what was acknowledged.
// Between two kills every writer has succeeded again.
func underLoad(t *testing.T, kill func(*brokertest.Postgres) error) {
	server := brokertest.StartPostgres(t)
	stores := []*postgres.Store{open(t, postgres.Options{URL: server.URL()}), open(t, postgres.Options{URL: server.URL()})}
	const writers = 4
	var all ledger
	var ended atomic.Bool
	var wg sync.WaitGroup
	progress := newProgress(len(stores) * writers)
	for i, s := range stores {
		for w := range writers {
			wg.Go(func() {
				rnd := rand.New(rand.NewPCG(uint64(i), uint64(w)))
				for n := 0; !ended.Load(); n++ {
					all.commit(t, s, fmt.Sprintf("%d/%d/%d", i, w, n), kv.LogID(rnd.IntN(6)), kv.LogID(6+rnd.IntN(2)))
					progress.step(i*writers + w)
				}
			})
		}
	}
	for range killRounds {
		progress.await(10)
		if err := kill(server); err != nil {
			t.Error(err)
			break
		}
	}
	progress.await(10)
	ended.Store(true)
	wg.Wait()
	if t.Failed() {
		return
	}
	for _, s := range stores {
		persist(t, s, entryWithoutRecord("recovered"))
	}
	all.verify(t, stores[0])
	unsure := 0
	for _, e := range all.entries {
		if e.unsure {
			unsure++
		}
	}
	t.Logf("%d commits, %d acknowledged, %d unsure", len(all.entries), all.sure, unsure)
}

func entryWithoutRecord(key string) *kv.Batch {
	var b kv.Batch
	b.Set([]byte(key), nil)
	return &b
}

// progress counts what each of some goroutines has done.
type progress struct {
	mu      sync.Mutex
	changed *sync.Cond
	steps   []int
}

func newProgress(n int) *progress {
	p := &progress{steps: make([]int, n)}
	p.changed = sync.NewCond(&p.mu)
	return p
}

func (p *progress) step(i int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.steps[i]++
	p.changed.Broadcast()
}

// await waits until each has done n steps more.
func (p *progress) await(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	from := slices.Clone(p.steps)
	for i := range from {
		for p.steps[i] < from[i]+n {
			p.changed.Wait()
		}
	}
}

// TestKillBackend kills a server process that commits, with SIGKILL. PostgreSQL
// then ends all sessions and recovers from its log.
func TestKillBackend(t *testing.T) {
	t.Parallel()
	underLoad(t, func(server *brokertest.Postgres) error {
		ctx := context.Background()
		conn, err := pgx.Connect(ctx, server.URL())
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(ctx) }()
		var pid int
		err = conn.QueryRow(ctx, `SELECT pid FROM pg_stat_activity
			WHERE application_name = $1 ORDER BY random() LIMIT 1`, postgres.CommitsName).Scan(&pid)
		if err != nil {
			return err
		}
		return syscall.Kill(pid, syscall.SIGKILL)
	})
}

// TestKillServer kills all of the server's processes with SIGKILL, and starts it
// again.
func TestKillServer(t *testing.T) {
	t.Parallel()
	underLoad(t, func(server *brokertest.Postgres) error {
		server.Kill()
		server.Start()
		return nil
	})
}
