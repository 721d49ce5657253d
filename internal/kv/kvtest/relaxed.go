package kvtest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/carillon-s3/carillon/internal/kv"
)

type relaxedOutcome struct {
	positions []kv.Position
	err       error
}

// relax hands b over and returns a channel with its outcome.
func relax(t testing.TB, s kv.Store, b *kv.Batch) <-chan relaxedOutcome {
	t.Helper()
	out := make(chan relaxedOutcome, 2) // room for a second call, which is a fault
	err := s.CommitRelaxed(context.Background(), b, func(p []kv.Position, err error) { out <- relaxedOutcome{p, err} })
	if err != nil {
		t.Fatalf("CommitRelaxed: %v", err)
	}
	return out
}

func relaxedCases() []contractCase {
	return []contractCase{
		{"a relaxed commit comes by itself, and is told of once", func(t *testing.T, s kv.Store) {
			var b kv.Batch
			b.Set([]byte("k"), []byte("v"))
			b.Append(1, []byte("r"))
			out := relax(t, s, &b)
			o := <-out
			if o.err != nil || len(o.positions) != 1 || o.positions[0].Sequence != 1 {
				t.Errorf("outcome %+v", o)
			}
			wantValue(t, s, "k", "v")
			set(t, s, "other", "1")
			if len(out) > 0 {
				t.Error("done was called again")
			}
		}},
		{"relaxed commits keep their order", func(t *testing.T, s kv.Store) {
			var last <-chan relaxedOutcome
			for i := range 500 {
				var b kv.Batch
				b.Append(1, fmt.Append(nil, i))
				b.Set([]byte("k"), fmt.Append(nil, i))
				last = relax(t, s, &b)
			}
			if o := <-last; o.err != nil || o.positions[0].Sequence != 500 {
				t.Fatalf("outcome %+v", o)
			}
			wantValue(t, s, "k", "499")
			records, err := s.ReadLog(context.Background(), 1, 1, 1000)
			if err != nil || len(records) != 500 {
				t.Fatalf("%d records, %v", len(records), err)
			}
			for i, r := range records {
				if string(r.Value) != fmt.Sprint(i) {
					t.Fatalf("record %d holds %s", i, r.Value)
				}
			}
		}},
		{"a later commit includes an earlier relaxed one", func(t *testing.T, s kv.Store) {
			var b kv.Batch
			b.Set([]byte("k"), []byte("v"))
			relax(t, s, &b)
			set(t, s, "other", "1")
			wantValue(t, s, "k", "v")
		}},
		{"nobody has to ask for the outcome", func(t *testing.T, s kv.Store) {
			var b kv.Batch
			b.Set([]byte("k"), []byte("v"))
			if err := s.CommitRelaxed(context.Background(), &b, nil); err != nil {
				t.Fatal(err)
			}
			set(t, s, "other", "1")
			wantValue(t, s, "k", "v")
		}},
		{"a relaxed batch takes no requirements and has the same bounds", func(t *testing.T, s kv.Store) {
			var b kv.Batch
			b.Require([]byte("k"), get(t, s, "k"))
			if err := s.CommitRelaxed(context.Background(), &b, nil); !errors.Is(err, kv.ErrInvalid) {
				t.Errorf("requirements: %v; want ErrInvalid", err)
			}
			b = kv.Batch{}
			b.Set([]byte("k"), make([]byte, kv.MaxBatchBytes))
			if err := s.CommitRelaxed(context.Background(), &b, nil); !errors.Is(err, kv.ErrTooLarge) {
				t.Errorf("large: %v; want ErrTooLarge", err)
			}
		}},
	}
}
