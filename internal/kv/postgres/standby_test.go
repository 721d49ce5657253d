package postgres_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/kv/postgres"
)

// withoutStandby makes the server wait for a standby that is not there: commits
// are on its disk, and neither acknowledged nor visible.
func withoutStandby(t *testing.T, server *brokertest.Postgres) {
	t.Helper()
	execute(t, server.URL(), `ALTER SYSTEM SET synchronous_standby_names = 'missing'`)
	execute(t, server.URL(), `SELECT pg_reload_conf()`)
	// It does so some time after it was told.
	for waits := false; !waits; {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			conn, err := pgx.Connect(ctx, server.URL())
			if err != nil {
				return
			}
			defer func() { _ = conn.Close(t.Context()) }()
			_, _ = conn.Exec(ctx, `CREATE TABLE probe (); DROP TABLE probe`) // cancelled if it waits
		}()
		for running := true; running && !waits; {
			select {
			case <-ended:
				running = false
			default:
				waits = hasRow(t, server, `SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'`)
			}
		}
		cancel()
		<-ended
	}
}

func withStandby(t *testing.T, server *brokertest.Postgres) {
	t.Helper()
	execute(t, server.URL(), `ALTER SYSTEM RESET synchronous_standby_names`)
	execute(t, server.URL(), `SELECT pg_reload_conf()`)
}

// awaitRow asks until the query, each time on a new connection, gives a row.
func awaitRow(t *testing.T, server *brokertest.Postgres, sql string) {
	t.Helper()
	for !hasRow(t, server, sql) {
	}
}

func hasRow(t *testing.T, server *brokertest.Postgres, sql string) bool {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), server.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	var n int
	err = conn.QueryRow(t.Context(), sql).Scan(&n)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		t.Fatal(err)
	}
	return err == nil
}

const waitsForStandby = `SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = '` + postgres.CommitsName + `'`

// TestCommitThatOutlastsItsTimeout wants a commit that waits for a standby to be
// unsure, and to stay invisible until the standby has it.
func TestCommitThatOutlastsItsTimeout(t *testing.T) {
	t.Parallel()
	server := brokertest.StartPostgres(t, "wal_level=replica", "max_wal_senders=5")
	s := open(t, postgres.Options{URL: server.URL(), CommitTimeout: 3 * time.Second})
	other := open(t, postgres.Options{URL: server.URL()})
	withoutStandby(t, server)
	if _, err := s.Commit(t.Context(), entryWithRecord("k")); !errors.Is(err, kv.ErrUnsure) {
		t.Errorf("Commit: %v; want ErrUnsure", err)
	}
	// The server's session waits on: nobody has cancelled it.
	awaitRow(t, server, waitsForStandby)
	if got := sequenceUnder(t, other, "k"); got != 0 {
		t.Errorf("what no standby has confirmed is visible: %d", got)
	}
	withStandby(t, server)
	if got := persist(t, s, entryWithRecord("after")); got[0].Sequence != 2 {
		t.Errorf("the next commit got %+v", got)
	}
	if got := sequenceUnder(t, other, "k"); got != 1 {
		t.Errorf("the unsure commit has left %d", got)
	}
}

// TestCancelledWaitIsNotAcknowledged lets an administrator cancel the wait for a
// standby, which PostgreSQL answers with success and a warning.
func TestCancelledWaitIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	server := brokertest.StartPostgres(t, "wal_level=replica", "max_wal_senders=5")
	s := open(t, postgres.Options{URL: server.URL()})
	withoutStandby(t, server)
	outcome := make(chan error, 1)
	go func() {
		_, err := s.Commit(t.Context(), entryWithRecord("k"))
		outcome <- err
	}()
	awaitRow(t, server, waitsForStandby)
	execute(t, server.URL(), `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`)
	if err := <-outcome; !errors.Is(err, kv.ErrUnsure) {
		t.Errorf("Commit: %v; want ErrUnsure", err)
	}
	withStandby(t, server)
	persist(t, s, entryWithRecord("after"))
}
