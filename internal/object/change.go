package object

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/kv"
)

const (
	// maxDecisions bounds how often one mutation is decided again because
	// something that it had read changed meanwhile. Writers of one key queue on
	// a lock, so more than a few happen only while bucket settings change.
	maxDecisions = 50
	// deletingWait is how long a mutation waits between looks at a bucket whose
	// deletion is under way: that takes one scan and one commit.
	deletingWait = 20 * time.Millisecond
	// keyStripes is the number of locks that writers of the same key share.
	keyStripes = 1024
)

// ownAppend is the index in the batch of a mutation's own journal record, for
// fills: apply appends it first and nothing else appends.
const ownAppend = 0

// tx is one attempt at a mutation of a key: what was read, and the batch in
// which the decision is written down.
type tx struct {
	bucket  *bucket
	key     string
	current *versionRecord // nil if GET would answer 404
	item    kv.Item        // of current's row
	// reader is what decisions read from: a snapshot, unless the bucket was never
	// versioned: then current is all there is to a key.
	reader kv.Reader
	batch  kv.Batch
	// grown is by how many bytes the bucket's versions grow; below 0 they shrink.
	grown int64
	// now is the server's time, by which locks are decided.
	now time.Time
	// bypass says that whoever asks may remove versions under governance.
	bypass bool
}

// decision looks at t, writes the change into t.batch and returns the event
// that tells of it. A nil record ends the mutation without a commit.
type decision func(t *tx) (*event.Record, error)

// apply carries out one mutation of a key: it reads the bucket and the key,
// lets decide write the change, and commits that together with the journal
// record and an outbox entry for each target that the bucket's rules name. All
// of it becomes durable at once or not at all; nil means durable. If something
// that was read changed before the commit, it decides again.
//
// Every mutation of an object goes through here, and this is where a PUT
// records its event.
func (s *Service) apply(ctx context.Context, bucketName, key string, decide decision) (kv.Position, error) {
	defer s.locks.lock(bucketName, key)()
	for range maxDecisions {
		t, rec, err := s.decide(ctx, bucketName, key, decide)
		if errors.Is(err, errTryAgain) {
			continue
		}
		if err != nil || rec == nil {
			return kv.Position{}, err
		}
		added, err := s.journal.Add(&t.batch, rec, t.bucket.route(rec))
		if err != nil {
			return kv.Position{}, err
		}
		settle, err := s.reserve(ctx, t)
		if errors.Is(err, errTryAgain) {
			continue
		}
		if err != nil {
			return kv.Position{}, err
		}
		positions, err := s.store.Commit(ctx, &t.batch)
		settle(err)
		if errors.Is(err, kv.ErrConflict) {
			continue
		}
		if err != nil {
			return kv.Position{}, fmt.Errorf("commit %s/%s: %w", bucketName, key, storeError(err))
		}
		s.journal.Committed(added, positions)
		return positions[added.Append], nil
	}
	return kv.Position{}, fmt.Errorf("%w: %s/%s", ErrContended, bucketName, key)
}

// decide reads what a mutation of a key depends on, and lets decide write the
// change. errTryAgain says that the bucket is being looked through.
func (s *Service) decide(ctx context.Context, bucketName, key string, decide decision) (*tx, *event.Record, error) {
	b, bucketItem, err := s.readBucket(ctx, s.store, bucketName)
	if err != nil {
		return nil, nil, err
	}
	if b.Deleting {
		return nil, nil, errors.Join(errTryAgain, sleep(ctx, deletingWait))
	}
	t := &tx{bucket: b, key: key, reader: s.store, now: s.now()}
	if b.Versioning != NeverVersioned {
		view, err := s.store.View(ctx)
		if err != nil {
			return nil, nil, storeError(err)
		}
		defer view.Close()
		t.reader = view
	}
	if t.current, t.item, err = readCurrent(ctx, t.reader, b, key); err != nil {
		return nil, nil, err
	}
	t.batch.Require(bucketKey(bucketName), bucketItem)
	t.batch.Require(currentKey(b.ID, key), t.item)
	rec, err := decide(t)
	return t, rec, err
}

// consumers names the targets that the bucket's rules send an event to.
func (b *bucket) consumers(name event.Name, key string) []string {
	ids := b.rules.Match(name, key)
	if len(ids) == 0 {
		return nil
	}
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = id.String()
	}
	return names
}

// route names the targets that the bucket's rules send a record to, and notes in
// it those that asked for it by its alias.
func (b *bucket) route(rec *event.Record) []string {
	names := b.consumers(rec.Name, rec.Key)
	alias := rec.Alias()
	if alias == 0 {
		return names
	}
	rec.AliasFor = b.consumers(alias, rec.Key)
	for _, name := range rec.AliasFor {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// record starts the event of a mutation.
func (t *tx) record(name event.Name, req event.Request) *event.Record {
	return &event.Record{
		Name: name, Bucket: t.bucket.name, BucketID: t.bucket.ID, Key: t.key, Request: req,
	}
}

// created is the event of a version that came into being.
func (t *tx) created(name event.Name, v *versionRecord, req event.Request) *event.Record {
	rec := t.record(name, req)
	rec.VersionID, rec.Size, rec.ETag = t.bucket.versionID(v), v.Size, v.ETag
	rec.ContentType, rec.UserMetadata = v.Metadata[contentType], v.told()
	rec.Post = t.bucket.state(v)
	return rec
}

// setCurrent writes the row of the key's latest version, v.
func (t *tx) setCurrent(v *versionRecord) error {
	stored, err := v.encode()
	if err != nil {
		return err
	}
	t.batch.Set(currentKey(t.bucket.ID, t.key), stored, fillStamp(ownAppend))
	if ref := v.ref(); ref != "" {
		t.batch.Set(refKey(ref, t.bucket.ID, 0, t.key), nil,
			kv.Fill{Append: ownAppend, Field: kv.Stamp, InKey: true, Offset: refStampOffset(ref)})
	}
	return nil
}

// dropContent gives up the bytes of v, unless v is locked: no version is removed
// or replaced but by way of this. Inlined bytes go with the commit; stored ones
// lose this user, and the collector looks at them an hour later. ErrLocked.
func (t *tx) dropContent(v *versionRecord) error {
	if v.lock().protects(t.now, t.bypass) {
		return fmt.Errorf("%w: %s/%s, version %s", ErrLocked, t.bucket.name, t.key, t.bucket.versionID(v))
	}
	t.grown -= v.Size
	if id, ok := v.content(); ok {
		t.batch.Delete(id.key())
	}
	if ref := v.ref(); ref != "" {
		t.batch.Delete(refKey(ref, t.bucket.ID, v.stamp, t.key))
		t.batch.Set(garbageKey(0, ref), nil,
			kv.Fill{Append: ownAppend, Field: kv.Stamp, InKey: true, Offset: garbageStampOffset})
	}
	return nil
}

// keyLocks queue the writers of one key from reading to commit, so that a hot
// key never livelocks. Different keys may share a lock; that costs waiting only.
type keyLocks struct {
	seed    maphash.Seed
	stripes [keyStripes]sync.Mutex
}

func (l *keyLocks) lock(bucket, key string) (unlock func()) {
	var h maphash.Hash
	h.SetSeed(l.seed)
	_, _ = h.WriteString(bucket) // never fails
	_ = h.WriteByte('/')
	_, _ = h.WriteString(key)
	m := &l.stripes[h.Sum64()%keyStripes]
	m.Lock()
	return m.Unlock
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
