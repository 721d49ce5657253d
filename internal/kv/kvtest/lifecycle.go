package kvtest

import (
	"context"
	"errors"
	"testing"

	"github.com/carillon-s3/carillon/internal/kv"
)

func lifecycleCases() []contractCase {
	return []contractCase{
		{"an open store", func(t *testing.T, s kv.Store) {
			if s.Epoch() == 0 || s.Incarnation() == 0 {
				t.Errorf("epoch %d, incarnation %d", s.Epoch(), s.Incarnation())
			}
			if err := s.Admit(); err != nil {
				t.Errorf("Admit: %v", err)
			}
			if err := s.Err(); err != nil {
				t.Errorf("Err: %v", err)
			}
			select {
			case <-s.Failed():
				t.Error("it has failed")
			default:
			}
		}},
		{"a closed store", closedStore},
		{"closing finishes what was handed over", func(t *testing.T, s kv.Store) {
			var b kv.Batch
			b.Set([]byte("k"), []byte("v"))
			out := relax(t, s, &b)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			select {
			case o := <-out:
				if o.err != nil {
					t.Errorf("the relaxed commit got %v", o.err)
				}
			default:
				t.Error("Close returned before the relaxed commit was told of")
			}
		}},
	}
}

func closedStore(t *testing.T, s kv.Store) {
	ctx := context.Background()
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close again: %v", err)
	}
	var b kv.Batch
	b.Set([]byte("k"), []byte("v"))
	var scanErr error
	for _, err := range s.Scan(ctx, kv.Range{}) {
		scanErr = err
	}
	_, getErr := s.Get(ctx, []byte("k"))
	_, viewErr := s.View(ctx)
	_, commitErr := s.Commit(ctx, &b)
	_, readErr := s.ReadLog(ctx, 1, 1, 1)
	_, _, boundsErr := s.Bounds(ctx, 1)
	for name, err := range map[string]error{
		"Get": getErr, "Scan": scanErr, "View": viewErr, "Commit": commitErr, "ReadLog": readErr,
		"Bounds": boundsErr, "CommitRelaxed": s.CommitRelaxed(ctx, &b, nil), "Admit": s.Admit(),
	} {
		if !errors.Is(err, kv.ErrClosed) {
			t.Errorf("%s: %v; want ErrClosed", name, err)
		}
	}
	select {
	case <-s.Failed():
		t.Error("closing counts as a failure")
	default:
	}
	if err := s.Err(); err != nil {
		t.Errorf("Err: %v", err)
	}
}
