package journal

import (
	"context"
	"fmt"
	"time"

	"github.com/carillon-s3/carillon/internal/kv"
)

// extentSample is how many of a partition's newest records estimate the size of
// one.
const extentSample = 4

// Extent is what the journal keeps, of all partitions together.
type Extent struct {
	Records int64
	// Bytes is estimated from the newest records of each partition.
	Bytes int64
	// Oldest is when the oldest record was committed; zero if there is none.
	Oldest time.Time
}

// Extent measures the journal by reading a few records of each partition: some
// milliseconds.
func (j *Journal) Extent(ctx context.Context) (Extent, error) {
	var out Extent
	for p := range kv.LogID(Partitions) {
		if err := j.addExtent(ctx, p, &out); err != nil {
			return Extent{}, fmt.Errorf("measure partition %d: %w", p, err)
		}
	}
	return out, nil
}

func (j *Journal) addExtent(ctx context.Context, p kv.LogID, sum *Extent) error {
	first, head, err := j.store.Bounds(ctx, p)
	if err != nil || head.Sequence < first {
		return err
	}
	records := head.Sequence - first + 1
	oldest, err := j.store.ReadLog(ctx, p, first, 1)
	if err != nil {
		return err
	}
	newest, err := j.store.ReadLog(ctx, p, head.Sequence-min(records, extentSample)+1, extentSample)
	if err != nil || len(oldest) == 0 || len(newest) == 0 {
		return err
	}
	bytes := 0
	for _, r := range newest {
		bytes += len(r.Value)
	}
	sum.Records += int64(records)                          //nolint:gosec // a count
	sum.Bytes += int64(records) * int64(bytes/len(newest)) //nolint:gosec // a count
	if at := stampTime(oldest[0].Stamp); sum.Oldest.IsZero() || at.Before(sum.Oldest) {
		sum.Oldest = at
	}
	return nil
}
