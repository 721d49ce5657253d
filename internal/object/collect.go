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
	// forgetAfter is how long a completed upload can be completed again, with the
	// same answer: longer than any client retries.
	forgetAfter = 24 * time.Hour
	// collectPage is how many rows one pass reads before it writes.
	collectPage = 256
)

// Collect removes the bytes that lost their last user more than an hour ago,
// and returns how many contents it removed. It decides on durable state alone:
// a row of garbage that is not yet durable, or a use that is, keeps the bytes.
// It also forgets uploads that were completed more than a day ago.
func (s *Service) Collect(ctx context.Context) (int, error) {
	c := &collector{s: s}
	before := func(prefix byte, age time.Duration) []byte {
		limit := uint64(s.now().Add(-age).UnixNano()) //nolint:gosec // after 1970
		return binary.BigEndian.AppendUint64([]byte{prefix}, limit)
	}
	end := before(prefixGarbage, s.collectAfter)
	if err := c.each(ctx, kv.Range{Start: []byte{prefixGarbage}, End: end}, c.garbage); err != nil {
		return c.removed, err
	}
	end = before(prefixDone, s.forgetAfter)
	err := c.each(ctx, kv.Range{Start: []byte{prefixDone}, End: end}, c.sweepDone)
	return c.removed, err
}

// collector is one run of Collect.
type collector struct {
	s       *Service
	removed int
}

// each calls visit with the keys of a range, a page at a time, so that no
// snapshot is held for long, and deletes the rows that visit is done with.
func (c *collector) each(ctx context.Context, r kv.Range, visit func(ctx context.Context, row []byte) (done bool, err error)) error {
	r.KeysOnly = true
	for {
		rows, err := c.page(ctx, r)
		if err != nil || len(rows) == 0 {
			return err
		}
		var b kv.Batch
		for _, row := range rows {
			done, err := visit(ctx, row)
			if err != nil {
				return err
			}
			if done {
				b.Delete(row)
			}
		}
		if err := c.commit(ctx, &b); err != nil {
			return err
		}
		r.Start = append(rows[len(rows)-1], 0)
	}
}

func (c *collector) page(ctx context.Context, r kv.Range) ([][]byte, error) {
	var rows [][]byte
	for e, err := range c.s.store.Scan(ctx, r) {
		if err != nil {
			return nil, storeError(err)
		}
		if rows = append(rows, e.Key); len(rows) == collectPage {
			break
		}
	}
	return rows, nil
}

func (c *collector) commit(ctx context.Context, b *kv.Batch) error {
	if b.Empty() {
		return nil
	}
	_, err := c.s.store.Commit(ctx, b)
	return storeError(err)
}

// garbage removes what a row g names, if nobody uses it.
func (c *collector) garbage(ctx context.Context, row []byte) (bool, error) {
	ref := garbageRef(row)
	if bucketID, ok := parseBucketRef(ref); ok {
		return true, c.bucketUploads(ctx, bucketID)
	}
	used, err := c.s.inUse(ctx, ref)
	if err != nil || used {
		return err == nil, err
	}
	if bucketID, id, ok := parseUploadRef(ref); ok {
		if c.s.pins.has(ref) {
			return false, nil // a reader is not through yet
		}
		return true, c.parts(ctx, bucketID, id, nil)
	}
	return true, c.remove(ctx, blob.Ref(ref))
}

func (c *collector) remove(ctx context.Context, ref blob.Ref) error {
	if err := c.s.blobs.Delete(ctx, ref); err != nil {
		return fmt.Errorf("remove unused bytes: %w", err)
	}
	c.removed++
	return nil
}

// parts removes the parts of an upload but those that keep names. No part can
// come to them meanwhile: the upload was aborted or completed before the rows
// that sent the collector here, or in their commit, and parts require it to be
// under way. And no object can: the one that completion made has lost its last
// user, see copySource, or has no other parts than those in keep.
func (c *collector) parts(ctx context.Context, bucketID uint64, id uploadID, keep *partMap) error {
	r := kv.Range{Start: partKey(bucketID, id, 1), End: partsEnd(bucketID, id)}
	for {
		var b kv.Batch
		n := 0
		for e, err := range c.s.store.Scan(ctx, r) {
			if err != nil {
				return storeError(err)
			}
			r.Start = append(e.Key, 0)
			if keep == nil || !keep.has(partNumber(e.Key)) {
				part, err := decodePart(e.Item.Value)
				if err != nil {
					return err
				}
				if part.Blob != "" {
					if err := c.remove(ctx, part.Blob); err != nil {
						return err
					}
				}
				b.Delete(e.Key)
			}
			if n++; n == collectPage {
				break
			}
		}
		if err := c.commit(ctx, &b); err != nil || n < collectPage {
			return err
		}
	}
}

// bucketUploads aborts the uploads that were under way in a bucket when it was
// deleted. Nothing can be done with them any more, since all that needs the
// bucket; and none can have been added.
func (c *collector) bucketUploads(ctx context.Context, bucketID uint64) error {
	start := inBucket(prefixOpen, bucketID)
	return c.each(ctx, kv.Range{Start: start, End: kv.PrefixEnd(start)}, func(ctx context.Context, row []byte) (bool, error) {
		_, id, ok := parseOpenKey(row)
		if !ok {
			return false, fmt.Errorf("%w: row of an upload", errStored)
		}
		if err := c.parts(ctx, bucketID, id, nil); err != nil {
			return false, err
		}
		var b kv.Batch
		b.Delete(uploadKey(bucketID, id))
		return true, c.commit(ctx, &b)
	})
}

// sweepDone forgets a completed upload, and removes the parts that were uploaded
// and left out of the object.
func (c *collector) sweepDone(ctx context.Context, row []byte) (bool, error) {
	bucketID, id, ok := parseDoneKey(row)
	if !ok {
		return false, fmt.Errorf("%w: row of a completed upload", errStored)
	}
	item, err := c.s.store.Get(ctx, uploadKey(bucketID, id))
	if err != nil || !item.Exists() {
		return err == nil, storeError(err)
	}
	upload, err := decodeUpload(item.Value)
	if err != nil {
		return false, err
	}
	if upload.Done == nil {
		return false, fmt.Errorf("%w: upload %v is under way and completed", errStored, id)
	}
	if err := c.parts(ctx, bucketID, id, &upload.Done.Parts); err != nil {
		return false, err
	}
	var b kv.Batch
	b.Delete(uploadKey(bucketID, id))
	return true, c.commit(ctx, &b)
}

// inUse reports whether any version uses stored bytes. Once at zero it stays
// there: a copy that shares bytes requires its source version to stand.
func (s *Service) inUse(ctx context.Context, ref string) (bool, error) {
	start := refPrefix(ref)
	for _, err := range s.store.Scan(ctx, kv.Range{Start: start, End: kv.PrefixEnd(start), KeysOnly: true}) {
		return err == nil, storeError(err)
	}
	return false, nil
}
