package blobtest

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/carillon-s3/carillon/internal/blob"
)

// testConcurrent lets writers hand references to readers, who share them, and
// has every reference deleted while others may still be reading it.
func testConcurrent(t *testing.T, s blob.Store) {
	const (
		writers = 4
		each    = 40
		readers = 4
	)
	type committed struct {
		ref  blob.Ref
		want []byte
	}
	refs := make(chan committed, writers*each)
	var writing, reading errgroup.Group
	for n := range writers {
		writing.Go(func() error {
			for i := range each {
				want := contents(uint64(n*each+i), (n*each+i)*1777)
				ref, err := write(t.Context(), s, want, 50_000)
				if err != nil {
					return err
				}
				for range 2 { // two readers of the same
					refs <- committed{ref, want}
				}
			}
			return nil
		})
	}
	for range readers {
		reading.Go(func() error {
			for c := range refs {
				got, err := get(t, s, c.ref, 0, int64(len(c.want)))
				switch {
				case errors.Is(err, blob.ErrNotFound): // the other reader has deleted it
				case err != nil || !bytes.Equal(got, c.want):
					return fmt.Errorf("reading %s: got %d bytes, %w; want those written", c.ref, len(got), err)
				}
				if err := s.Delete(t.Context(), c.ref); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := writing.Wait(); err != nil {
		t.Error(err)
	}
	close(refs)
	if err := reading.Wait(); err != nil {
		t.Error(err)
	}
	wantWalk(t, s, nil)
}
