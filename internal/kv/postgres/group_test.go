package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/kv/postgres"
)

// TestRefusedMemberFailsAlone has the server refuse one batch of a group.
func TestRefusedMemberFailsAlone(t *testing.T) {
	t.Parallel()
	o := fresh(t)
	s := open(t, o)
	execute(t, o.URL, `ALTER TABLE `+o.Schema+`.entry ADD CHECK (key <> 'bad')`)
	const batches = 20
	outcomes := make(chan error, batches)
	for i := range batches {
		key := fmt.Sprint("k", i)
		if i == batches/2 {
			key = "bad"
		}
		// Relaxed ones wait for each other, and so become one group.
		err := s.CommitRelaxed(t.Context(), entryWithRecord(key), func(_ []kv.Position, err error) { outcomes <- err })
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range batches {
		err := <-outcomes
		if bad := i == batches/2; bad != (err != nil) || bad && !errors.Is(err, kv.ErrUnavailable) {
			t.Errorf("batch %d: %v", i, err)
		}
	}
	if len(wholeLog(t, s, 1)) != batches-1 {
		t.Error("not every other batch is there")
	}
}

// TestDeadlockIsRepeated makes the server end a commit as the victim of a
// deadlock with a session of its own making.
func TestDeadlockIsRepeated(t *testing.T) {
	t.Parallel()
	server := brokertest.StartPostgres(t, "deadlock_timeout=4s") // leaves time to make one
	s := open(t, postgres.Options{URL: server.URL()})
	persist(t, s, entryWithRecord("k"))
	seen, err := s.Get(t.Context(), []byte("k"))
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	conn, err := pgx.Connect(ctx, server.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	// The other session never finds the deadlock; the commit does, when it has
	// waited so long. It may be quicker than the other again, and do so twice.
	for _, sql := range []string{
		`SET search_path = carillon`, `SET deadlock_timeout = '1h'`, `BEGIN`,
		`SELECT 1 FROM log_head WHERE log = 1 FOR UPDATE`,
	} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	outcome := make(chan error, 1)
	go func() {
		b := entryWithRecord("k")
		b.Require([]byte("k"), seen)
		_, err := s.Commit(context.Background(), b)
		outcome <- err
	}()
	awaitRow(t, server, `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = '`+postgres.CommitsName+`'`)
	if _, err := conn.Exec(ctx, `SELECT 1 FROM entry WHERE key = 'k' FOR UPDATE; COMMIT`); err != nil {
		t.Fatal(err)
	}
	if err := <-outcome; err != nil {
		t.Errorf("Commit: %v", err)
	}
	if got := sequenceUnder(t, s, "k"); got != 2 {
		t.Errorf("sequence %d, want 2", got)
	}
	awaitRow(t, server, `SELECT 1 FROM pg_stat_database WHERE datname = current_database() AND deadlocks > 0`)
}
