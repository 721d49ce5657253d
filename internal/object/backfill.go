package object

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/kv"
)

// backfillBatch is how many records one commit of a backfill holds: enough that
// its sync costs little beside them, few enough that some hundred KiB are read
// and written at a time.
const backfillBatch = 128

// BackfillInput asks for events of objects that are there already.
type BackfillInput struct {
	Bucket, Prefix string
	// BucketID, if not 0, is the id that the bucket must have: that of the page
	// before.
	BucketID uint64
	// Target alone gets the events, whatever the bucket's rules say.
	Target event.TargetID
	// After excludes it and all keys before it.
	After string
	// Max bounds the objects of this call.
	Max int
	// Rate bounds the records committed in a second; 0 means no bound.
	Rate int
	// Request is the operator's; the events name it as theirs.
	Request event.Request
}

// BackfillPage is what a call of Backfill did.
type BackfillPage struct {
	BucketID uint64
	// Recorded counts the events.
	Recorded int
	// After is where the next page begins; Done says that there is none.
	After string
	Done  bool
	// Crowded says that the page ended early, since the target's outbox is half
	// full: what happens goes first.
	Crowded bool
}

// Backfill records, durably, an event for each of a page of a bucket's objects
// as they are now, in order of their keys, for one target: s3:ObjectCreated:Put,
// or CompleteMultipartUpload where the object was made so, marked as backfill.
//
// Each record is appended to the journal in a commit that requires the object
// to be what the record tells. So it stands, in the order of its key's events,
// behind the mutation that made the object and before the next one. An object
// that is overwritten meanwhile is told of as it is then; one that is deleted
// is left out.
//
// A page that was repeated, after a crash or a lost answer, gives its objects
// second events, with ids of their own. On error the page tells what was done
// before it. ErrNoSuchBucket, ErrNoSpace.
func (s *Service) Backfill(ctx context.Context, in BackfillInput) (BackfillPage, error) {
	f := &backfill{service: s, in: in, limit: backfillBatch, page: BackfillPage{BucketID: in.BucketID, After: in.After}}
	begun, looked := time.Now(), 0
	for looked < in.Max && !f.page.Done {
		room := s.journal.Room(in.Target.String())
		if f.page.Crowded = room == 0; f.page.Crowded {
			break
		}
		n, err := f.step(ctx, min(in.Max-looked, int(min(room, backfillBatch))))
		if errors.Is(err, journal.ErrBacklogFull) {
			f.page.Crowded = true
			break
		}
		if err != nil {
			return f.page, fmt.Errorf("backfill %s: %w", in.Bucket, err)
		}
		looked += n
		if in.Rate > 0 {
			due := begun.Add(time.Duration(f.page.Recorded) * time.Second / time.Duration(in.Rate))
			if err := sleep(ctx, time.Until(due)); err != nil {
				return f.page, err
			}
		}
	}
	return f.page, nil
}

// backfill is one call of Backfill.
type backfill struct {
	service *Service
	in      BackfillInput
	page    BackfillPage
	// limit is how many records the next commit may hold. Each of them can be
	// overwritten before the commit: it is halved then, and grows again.
	limit int
}

// errTryAgain says that something that a step requires has changed.
var errTryAgain = errors.New("object: decide again")

// step commits the records of some objects, and returns how many it looked at.
func (f *backfill) step(ctx context.Context, most int) (int, error) {
	for range maxDecisions {
		n, err := f.attempt(ctx, min(f.limit, most))
		switch {
		case errors.Is(err, errTryAgain):
			f.limit = max(f.limit/2, 1)
			continue
		case err == nil:
			f.limit = min(2*f.limit, backfillBatch)
		}
		return n, err
	}
	return 0, fmt.Errorf("%w: %s", ErrContended, f.in.Bucket)
}

func (f *backfill) attempt(ctx context.Context, limit int) (int, error) {
	s := f.service
	if err := s.Admit(); err != nil {
		return 0, err
	}
	b, bucketItem, err := s.readBucket(ctx, s.store, f.in.Bucket)
	if err != nil {
		return 0, err
	}
	if f.page.BucketID == 0 {
		f.page.BucketID = b.ID
	}
	if b.ID != f.page.BucketID {
		return 0, fmt.Errorf("%w: %s was deleted, and made again", ErrNoSuchBucket, f.in.Bucket)
	}
	if b.Deleting {
		if err := sleep(ctx, deletingWait); err != nil {
			return 0, err
		}
		return 0, errTryAgain
	}
	rows, more, err := f.scan(ctx, b, limit)
	if err != nil || len(rows) == 0 {
		f.page.Done = err == nil
		return 0, err
	}
	base := len(inBucket(prefixCurrent, b.ID))
	if limit == 1 {
		// A hot key: its writers wait while it is read and recorded.
		key := string(rows[0].Key[base:])
		defer s.locks.lock(f.in.Bucket, key)()
		if rows[0].Item, err = s.store.Get(ctx, rows[0].Key); err != nil {
			return 0, storeError(err)
		}
	}
	var batch kv.Batch
	batch.Require(bucketKey(f.in.Bucket), bucketItem)
	var added []journal.Added
	for _, row := range rows {
		if !row.Item.Exists() {
			continue // deleted, which has an event of its own
		}
		a, err := f.add(&batch, b, row, string(row.Key[base:]))
		if err != nil {
			return 0, err
		}
		added = append(added, a)
	}
	if err := f.commit(ctx, &batch, added); err != nil {
		return 0, err
	}
	f.page.Recorded += len(added)
	f.page.After = string(rows[len(rows)-1].Key[base:])
	f.page.Done = !more
	return len(rows), nil
}

// commit makes the records durable and tells delivery of them.
func (f *backfill) commit(ctx context.Context, batch *kv.Batch, added []journal.Added) error {
	if len(added) == 0 {
		return nil
	}
	positions, err := f.service.store.Commit(ctx, batch)
	if errors.Is(err, kv.ErrConflict) {
		return errTryAgain
	}
	if err != nil {
		return storeError(err)
	}
	for _, a := range added {
		f.service.journal.Committed(a, positions)
	}
	return nil
}

// scan reads the rows of the next objects, limit at most.
func (f *backfill) scan(ctx context.Context, b *bucket, limit int) (rows []kv.Entry, more bool, err error) {
	for e, err := range f.service.store.Scan(ctx, listRange(b.ID, ListInput{Prefix: f.in.Prefix, After: f.page.After})) {
		if err != nil {
			return nil, false, storeError(err)
		}
		if len(rows) == limit {
			return rows, true, nil
		}
		rows = append(rows, e)
	}
	return rows, false, nil
}

// add writes the event of one object into the batch.
func (f *backfill) add(batch *kv.Batch, b *bucket, row kv.Entry, key string) (journal.Added, error) {
	v, err := decodeVersion(row.Item.Value)
	if err != nil {
		return journal.Added{}, fmt.Errorf("%s/%s: %w", b.name, key, err)
	}
	batch.Require(row.Key, row.Item)
	name := event.ObjectCreatedPut
	if v.Parts != nil {
		name = event.ObjectCreatedCompleteMultipartUpload
	}
	t := &tx{bucket: b, key: key}
	rec := t.created(name, v, f.in.Request)
	rec.Backfill = true
	return f.service.journal.Add(batch, rec, []string{f.in.Target.String()})
}
