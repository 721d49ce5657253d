package object

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/carillon-s3/carillon/internal/blob"
	"github.com/carillon-s3/carillon/internal/kv"
)

const (
	// collectEvery is how often the collector looks.
	collectEvery = time.Minute
	// collectAfter is how long bytes stay after their last use: longer than any
	// request takes from reading an object's record to opening its bytes.
	collectAfter = time.Hour
	// collectPage is how many rows one pass reads before it writes.
	collectPage = 256
)

// Collect removes the bytes that lost their last user more than an hour ago,
// and returns how many contents it removed. It decides on durable state alone:
// a row of garbage that is not yet durable, or a use that is, keeps the bytes.
func (s *Service) Collect(ctx context.Context) (int, error) {
	limit := uint64(s.now().Add(-collectAfter).UnixNano()) //nolint:gosec // after 1970
	removed := 0
	for {
		rows, err := s.garbage(ctx, limit)
		if err != nil || len(rows) == 0 {
			return removed, err
		}
		var b kv.Batch
		for _, row := range rows {
			used, err := s.inUse(ctx, garbageRef(row))
			if err != nil {
				return removed, err
			}
			if !used {
				if err := s.blobs.Delete(ctx, blob.Ref(garbageRef(row))); err != nil {
					return removed, fmt.Errorf("remove unused bytes: %w", err)
				}
				removed++
			}
			b.Delete(row)
		}
		if _, err := s.store.Commit(ctx, &b); err != nil {
			return removed, storeError(err)
		}
	}
}

// garbage reads a page of rows older than limit.
func (s *Service) garbage(ctx context.Context, limit uint64) ([][]byte, error) {
	var rows [][]byte
	end := binary.BigEndian.AppendUint64([]byte{prefixGarbage}, limit)
	for e, err := range s.store.Scan(ctx, kv.Range{Start: []byte{prefixGarbage}, End: end, KeysOnly: true}) {
		if err != nil {
			return nil, storeError(err)
		}
		if rows = append(rows, e.Key); len(rows) == collectPage {
			break
		}
	}
	return rows, nil
}

// inUse reports whether any version uses stored bytes. Once at zero it stays
// there: a copy that shares bytes requires its source version to stand.
func (s *Service) inUse(ctx context.Context, ref string) (bool, error) {
	start := refPrefix(ref)
	for _, err := range s.store.Scan(ctx, kv.Range{Start: start, End: rangeEnd(start), KeysOnly: true}) {
		return err == nil, storeError(err)
	}
	return false, nil
}
