package memory

import (
	"context"
	"iter"

	"github.com/carillon-s3/carillon/internal/kv"
)

// view is a snapshot: the slice as it stood, which the store copies before it
// writes again.
type view struct {
	store   *Store
	data    sorted
	version kv.Version
}

func (v *view) check(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return v.store.ended()
}

// Get implements kv.Reader.
func (v *view) Get(ctx context.Context, key []byte) (kv.Item, error) {
	if err := v.check(ctx); err != nil {
		return kv.Item{}, err
	}
	return v.data.get(key, v.version), nil
}

// Scan implements kv.Reader.
func (v *view) Scan(ctx context.Context, r kv.Range) iter.Seq2[kv.Entry, error] {
	return func(yield func(kv.Entry, error) bool) {
		if err := v.check(ctx); err != nil {
			yield(kv.Entry{}, err)
			return
		}
		v.data.scan(r, v.version, func(e kv.Entry) bool {
			if err := v.check(ctx); err != nil {
				yield(kv.Entry{}, err)
				return false
			}
			return yield(e, nil)
		})
	}
}

// Close implements kv.View.
func (v *view) Close() { v.data = nil }
