package postgres_test

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/kv/kvtest"
	"github.com/carillon-s3/carillon/internal/kv/postgres"
)

// entryWithRecord sets key to the sequence of a record that it appends to log 1.
func entryWithRecord(key string) *kv.Batch {
	var b kv.Batch
	n := b.Append(1, []byte(key))
	b.Set([]byte(key), make([]byte, 8), kv.Fill{Append: n, Field: kv.Sequence})
	return &b
}

// persist commits b, again for as long as the store is unavailable.
func persist(t testing.TB, s kv.Store, b *kv.Batch) []kv.Position {
	t.Helper()
	for {
		p, err := s.Commit(context.Background(), b)
		if errors.Is(err, kv.ErrUnavailable) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
}

// sequenceUnder is the number that entryWithRecord has left, 0 if it has not.
func sequenceUnder(t testing.TB, s kv.Reader, key string) uint64 {
	t.Helper()
	item, err := s.Get(context.Background(), []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	if !item.Exists() {
		return 0
	}
	return binary.BigEndian.Uint64(item.Value)
}

func TestUnsureCommit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		do   fault
		done bool
	}{
		{"cut before the server gets it", lose, false},
		{"cut in the middle", tear, false},
		{"cut before the answer", swallow, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := fresh(t)
			p := newProxy(t, shared.Address)
			o.URL = p.through(o.URL)
			s := open(t, o)
			persist(t, s, entryWithRecord("before"))

			p.arm(c.do)
			if _, err := s.Commit(t.Context(), entryWithRecord("cut")); !errors.Is(err, kv.ErrUnsure) {
				t.Fatalf("Commit: %v; want ErrUnsure", err)
			}
			after := persist(t, s, entryWithRecord("after"))
			want := map[bool][2]uint64{false: {0, 2}, true: {2, 3}}[c.done]
			if got := sequenceUnder(t, s, "cut"); got != want[0] {
				t.Errorf("the unsure commit has left %d, want %d", got, want[0])
			}
			if after[0].Sequence != want[1] || sequenceUnder(t, s, "after") != want[1] {
				t.Errorf("the next commit got %+v, want sequence %d", after, want[1])
			}
			records, err := s.ReadLog(t.Context(), 1, 1, 9)
			if err != nil || uint64(len(records)) != want[1] {
				t.Errorf("%d records, %v; want %d", len(records), err, want[1])
			}
			if err := s.Admit(); err != nil {
				t.Errorf("Admit: %v", err)
			}
			if err := s.Err(); err != nil {
				t.Errorf("Err: %v", err)
			}
		})
	}
}

// TestUnsureRelaxedCommit wants done to hear that the outcome is unknown.
func TestUnsureRelaxedCommit(t *testing.T) {
	t.Parallel()
	o := fresh(t)
	p := newProxy(t, shared.Address)
	o.URL = p.through(o.URL)
	s := open(t, o)
	p.arm(lose)
	outcome := make(chan error, 1)
	err := s.CommitRelaxed(t.Context(), entryWithRecord("cut"), func(_ []kv.Position, err error) { outcome <- err })
	if err != nil {
		t.Fatal(err)
	}
	if err := <-outcome; !errors.Is(err, kv.ErrUnsure) {
		t.Errorf("outcome %v; want ErrUnsure", err)
	}
	persist(t, s, entryWithRecord("after"))
}

// TestLateCommitIsFenced lets the bytes of an unsure commit reach the server
// after a later commit.
func TestLateCommitIsFenced(t *testing.T) {
	t.Parallel()
	o := fresh(t)
	p := newProxy(t, shared.Address)
	o.URL = p.through(o.URL)
	s := open(t, o)
	persist(t, s, entryWithRecord("before"))
	p.arm(delay)
	if _, err := s.Commit(t.Context(), entryWithRecord("late")); !errors.Is(err, kv.ErrUnsure) {
		t.Fatalf("Commit: %v; want ErrUnsure", err)
	}
	if got := persist(t, s, entryWithRecord("after")); got[0].Sequence != 2 {
		t.Errorf("the next commit got %+v", got)
	}
	close(p.release)
	<-p.delivered
	if got := sequenceUnder(t, s, "late"); got != 0 {
		t.Errorf("the late commit has taken effect: sequence %d", got)
	}
	if got := persist(t, s, entryWithRecord("last")); got[0].Sequence != 3 {
		t.Errorf("the last commit got %+v", got)
	}
}

// TestContractAfterUnsureCommits runs the suite on stores that have just gone
// through both outcomes.
func TestContractAfterUnsureCommits(t *testing.T) {
	t.Parallel()
	kvtest.Run(t, func(t *testing.T) kv.Store {
		o := fresh(t)
		p := newProxy(t, shared.Address)
		o.URL = p.through(o.URL)
		s := open(t, o)
		for _, f := range []fault{lose, swallow} {
			p.arm(f)
			var b kv.Batch
			b.Delete([]byte("missing"))
			if _, err := s.Commit(context.Background(), &b); !errors.Is(err, kv.ErrUnsure) {
				t.Fatalf("Commit: %v; want ErrUnsure", err)
			}
			persist(t, s, &b)
		}
		return s
	})
}

// TestUnreachable wants clear errors while there is no server, and a store that
// comes back.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	server := brokertest.StartPostgres(t)
	s := open(t, postgres.Options{URL: server.URL()})
	persist(t, s, entryWithRecord("before"))
	server.Stop()
	_, err := s.Commit(t.Context(), entryWithRecord("first"))
	if !errors.Is(err, kv.ErrUnsure) && !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("Commit: %v", err)
	}
	if _, err := s.Commit(t.Context(), entryWithRecord("second")); !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("Commit: %v; want ErrUnavailable", err)
	}
	if err := s.Admit(); !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("Admit: %v; want ErrUnavailable", err)
	}
	if _, err := s.Get(t.Context(), []byte("before")); !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("Get: %v; want ErrUnavailable", err)
	}
	if _, err := s.View(t.Context()); !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("View: %v; want ErrUnavailable", err)
	}
	server.Start()
	persist(t, s, entryWithRecord("after"))
	if got := sequenceUnder(t, s, "before"); got != 1 {
		t.Errorf("what was committed before has become %d", got)
	}
	if err := s.Admit(); err != nil {
		t.Errorf("Admit: %v", err)
	}
}

// TestRestoredDatabase wants a store to fail for good when the database is no
// longer the one that it opened.
func TestRestoredDatabase(t *testing.T) {
	t.Parallel()
	o := fresh(t)
	p := newProxy(t, shared.Address)
	o.URL = p.through(o.URL)
	s := open(t, o)
	execute(t, shared.URL(), `UPDATE `+o.Schema+`.store SET epoch = epoch + 1`)
	p.cut()
	if _, err := s.Commit(t.Context(), entryWithRecord("k")); !errors.Is(err, kv.ErrUnsure) && !errors.Is(err, kv.ErrFailed) {
		t.Errorf("Commit: %v", err)
	}
	<-s.Failed()
	if _, err := s.Commit(t.Context(), entryWithRecord("k")); !errors.Is(err, kv.ErrFailed) {
		t.Errorf("Commit: %v; want ErrFailed", err)
	}
	if err := s.Err(); !errors.Is(err, kv.ErrFailed) {
		t.Errorf("Err: %v; want ErrFailed", err)
	}
}
