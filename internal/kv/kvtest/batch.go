package kvtest

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/carillon-s3/carillon/internal/kv"
)

func batchCases() []contractCase {
	return []contractCase{
		{"an empty batch does nothing", func(t *testing.T, s kv.Store) {
			if p := mustCommit(t, s, &kv.Batch{}); len(p) != 0 {
				t.Errorf("positions %v", p)
			}
		}},
		{"of several writes to a key the last wins", func(t *testing.T, s kv.Store) {
			var b kv.Batch
			b.Set([]byte("a"), []byte("1"))
			b.Set([]byte("a"), []byte("2"))
			b.Set([]byte("b"), []byte("1"))
			b.Delete([]byte("b"))
			b.Delete([]byte("c"))
			b.Set([]byte("c"), []byte("3"))
			mustCommit(t, s, &b)
			if got := show(t, s, kv.Range{}); got != "a=2 c=3" {
				t.Errorf("got %s", got)
			}
		}},
		{"fills in keys and values", fills},
		{"a batch's slices are the caller's again", func(t *testing.T, s kv.Store) {
			key, value, record := []byte("k"), []byte("v"), []byte("r")
			var b kv.Batch
			b.Set(key, value)
			b.Append(1, record)
			mustCommit(t, s, &b)
			key[0], value[0], record[0] = 'x', 'x', 'x'
			wantValue(t, s, "k", "v")
			if got := logValues(t, s, 1, 1, 1); got != "1:r" {
				t.Errorf("the log holds %s", got)
			}
		}},
		{"a batch can be committed again", func(t *testing.T, s kv.Store) {
			var b kv.Batch
			b.Append(1, []byte("r"))
			b.Set([]byte("n00000000"), []byte("v"), kv.Fill{Field: kv.Sequence, InKey: true, Offset: 1})
			mustCommit(t, s, &b)
			mustCommit(t, s, &b)
			want := `n\x00\x00\x00\x00\x00\x00\x00\x01=v n\x00\x00\x00\x00\x00\x00\x00\x02=v`
			if got := show(t, s, kv.Range{}); got != want {
				t.Errorf("got %s", got)
			}
		}},
		{"the largest batch is taken, a larger one refused", largest},
		{"malformed batches are refused", malformed},
	}
}

func fills(t *testing.T, s kv.Store) {
	appendTo(t, s, 7, "earlier")
	key := append([]byte("key/"), make([]byte, 16)...)
	value := []byte("value/00000000/11111111/22222222")
	var b kv.Batch
	first := b.Append(7, []byte("one"))
	second := b.Append(9, []byte("two"))
	b.Set(key, value,
		kv.Fill{Append: first, Field: kv.Sequence, InKey: true, Offset: 4},
		kv.Fill{Append: first, Field: kv.InvertedStamp, InKey: true, Offset: 12},
		kv.Fill{Append: second, Field: kv.Sequence, Offset: 6},
		kv.Fill{Append: first, Field: kv.Stamp, Offset: 15},
		kv.Fill{Append: second, Field: kv.Stamp, Offset: 24})
	p := mustCommit(t, s, &b)
	if len(p) != 2 || p[0].Log != 7 || p[0].Sequence != 2 || p[1].Log != 9 || p[1].Sequence != 1 {
		t.Fatalf("positions %+v", p)
	}
	be := binary.BigEndian
	wantKey := be.AppendUint64(be.AppendUint64([]byte("key/"), 2), ^p[0].Stamp)
	want := be.AppendUint64([]byte("value/"), 1)
	want = be.AppendUint64(append(want, '/'), p[0].Stamp)
	want = be.AppendUint64(append(want, '/'), p[1].Stamp)
	wantValue(t, s, string(wantKey), string(want))
	if string(value) != "value/00000000/11111111/22222222" {
		t.Error("the caller's value was written to")
	}
}

func largest(t *testing.T, s kv.Store) {
	var b kv.Batch
	b.Set([]byte("k"), make([]byte, kv.MaxBatchBytes-2))
	b.Append(1, []byte("r"))
	mustCommit(t, s, &b)
	if it := get(t, s, "k"); len(it.Value) != kv.MaxBatchBytes-2 {
		t.Errorf("the value came back with %d bytes", len(it.Value))
	}
	b.Append(1, []byte("r"))
	if _, err := s.Commit(context.Background(), &b); !errors.Is(err, kv.ErrTooLarge) {
		t.Errorf("Commit: %v; want ErrTooLarge", err)
	}
	wantBounds(t, s, 1, 1, 1)
}

func malformed(t *testing.T, s kv.Store) {
	bad := map[string]func(*kv.Batch){
		"no key":            func(b *kv.Batch) { b.Set(nil, []byte("v")) },
		"long key":          func(b *kv.Batch) { b.Set(make([]byte, kv.MaxKeyBytes+1), nil) },
		"made-up item":      func(b *kv.Batch) { b.Require([]byte("k"), kv.Item{}) },
		"fill of no append": func(b *kv.Batch) { b.Set([]byte("k"), make([]byte, 8), kv.Fill{Field: kv.Sequence}) },
		"fill beyond the value": func(b *kv.Batch) {
			b.Append(1, nil)
			b.Set([]byte("k"), make([]byte, 8), kv.Fill{Field: kv.Sequence, Offset: 1})
		},
		"unknown field": func(b *kv.Batch) {
			b.Append(1, nil)
			b.Set([]byte("k"), make([]byte, 8), kv.Fill{Field: 99})
		},
	}
	for name, add := range bad {
		var b kv.Batch
		add(&b)
		if _, err := s.Commit(context.Background(), &b); !errors.Is(err, kv.ErrInvalid) {
			t.Errorf("%s: %v; want ErrInvalid", name, err)
		}
	}
	set(t, s, string(make([]byte, kv.MaxKeyBytes)), "the longest key")
	wantValue(t, s, string(make([]byte, kv.MaxKeyBytes)), "the longest key")
}
