package object

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/carillon-s3/carillon/internal/blob"
	"github.com/carillon-s3/carillon/internal/kv"
)

// CollectAfter is shown to tests.
const CollectAfter = collectAfter

// AdvanceClock makes the Service believe that d has passed.
func (s *Service) AdvanceClock(d time.Duration) {
	now := s.now
	s.now = func() time.Time { return now().Add(d) }
}

// SetClock gives the Service another clock.
func (s *Service) SetClock(now func() time.Time) { s.now = now }

// AllowSmallParts takes away the lower bound of parts.
func (s *Service) AllowSmallParts() { s.minPart = 0 }

// CollectAtOnce makes the collector act on whatever garbage it finds, and
// ForgetAtOnce on completed uploads.
func (s *Service) CollectAtOnce() { s.collectAfter = -time.Hour }

// ForgetAtOnce see CollectAtOnce.
func (s *Service) ForgetAtOnce() { s.forgetAfter = -time.Hour }

// SkipIDs lets a second Service share a store's incarnation.
func (s *Service) SkipIDs() {
	const many = 1 << 20
	s.contents.Add(many)
	s.ids.Add(many)
	s.uploads.Add(many)
}

// ForgetAfter is shown to tests.
const ForgetAfter = forgetAfter

// PartRows counts the rows that uploads left: of parts, of uploads themselves,
// for listings and for sweeping, and of garbage.
func (s *Service) PartRows(ctx context.Context) (parts, uploads, open, done, garbage int, err error) {
	for e, err := range s.store.Scan(ctx, kv.Range{KeysOnly: true}) {
		if err != nil {
			return 0, 0, 0, 0, 0, err
		}
		switch e.Key[0] {
		case prefixUpload:
			if partNumber(e.Key) == uploadRow {
				uploads++
			} else {
				parts++
			}
		case prefixOpen:
			open++
		case prefixDone:
			done++
		case prefixGarbage:
			garbage++
		}
	}
	return parts, uploads, open, done, garbage, nil
}

// UsedParts counts the parts that a bucket's objects are made of; each once,
// however many objects share it.
func (s *Service) UsedParts(ctx context.Context, bucket string) (int, error) {
	b, _, err := s.readBucket(ctx, s.store, bucket)
	if err != nil {
		return 0, err
	}
	used := map[string]int{}
	for _, prefix := range []byte{prefixCurrent, prefixVersion} {
		start := inBucket(prefix, b.ID)
		for e, err := range s.store.Scan(ctx, kv.Range{Start: start, End: kv.PrefixEnd(start)}) {
			if err != nil {
				return 0, err
			}
			v, err := decodeVersion(e.Item.Value)
			if err != nil {
				return 0, err
			}
			if v.Parts != nil {
				used[v.Parts.ref()] = v.Parts.Count
			}
		}
	}
	n := 0
	for _, count := range used {
		n += count
	}
	return n, nil
}

// MarkDeleting leaves a bucket as a crash in the middle of its deletion does.
func (s *Service) MarkDeleting(ctx context.Context, bucket string) error {
	_, err := s.markDeleting(ctx, bucket, true)
	return err
}

// DropBytes removes the stored bytes of a key's latest version at once, as no
// collector may.
func (s *Service) DropBytes(ctx context.Context, bucket, key string) {
	b, _, err := s.readBucket(ctx, s.store, bucket)
	if err != nil {
		return
	}
	v, _, err := readCurrent(ctx, s.store, b, key)
	switch {
	case err != nil || v == nil:
	case v.Blob != "":
		_ = s.blobs.Delete(ctx, v.Blob)
	case v.Parts != nil:
		_ = (&collector{s: s}).parts(ctx, v.Parts.BucketID, v.Parts.id(), nil)
	}
}

// ForgetUsers removes the rows of the users of a key's stored bytes, as if they
// had not been part of the commits.
func (s *Service) ForgetUsers(ctx context.Context, bucket, key string) {
	b, _, err := s.readBucket(ctx, s.store, bucket)
	if err != nil {
		return
	}
	v, _, err := readCurrent(ctx, s.store, b, key)
	if err != nil || v == nil || v.ref() == "" {
		return
	}
	var batch kv.Batch
	start := refPrefix(v.ref())
	for e, err := range s.store.Scan(ctx, kv.Range{Start: start, End: kv.PrefixEnd(start), KeysOnly: true}) {
		if err != nil {
			return
		}
		batch.Delete(e.Key)
	}
	_, _ = s.store.Commit(ctx, &batch)
}

// DropUpload removes the record of an upload, as if it had not been part of the
// commits.
func (s *Service) DropUpload(ctx context.Context, in UploadInput) error {
	id, err := parseUploadID(in.UploadID)
	if err != nil {
		return err
	}
	b, _, err := s.readBucket(ctx, s.store, in.Bucket)
	if err != nil {
		return err
	}
	var batch kv.Batch
	batch.Delete(uploadKey(b.ID, id))
	_, err = s.store.Commit(ctx, &batch)
	return err
}

// SweepFault is how SweepBadly breaks a sweep.
type SweepFault int

// Each takes away what protects some bytes.
const (
	SweepWell SweepFault = iota
	IgnoreUsers
	IgnoreParts
	IgnoreGarbage
	IgnoreLiving
)

// SweepBadly is Sweep with a fault, in small steps.
func (s *Service) SweepBadly(ctx context.Context, f SweepFault) (Swept, error) {
	w := newSweeper(s)
	w.batch, w.page, w.restFor = 5, 16, 0
	switch f {
	case SweepWell:
	case IgnoreUsers:
		w.used = func(context.Context, string) (bool, error) { return false, nil }
	case IgnoreParts:
		w.spare = w.spare[1:]
	case IgnoreGarbage:
		w.spare = w.spare[:1]
	case IgnoreLiving:
		w.former = func(uint64) bool { return true }
	}
	err := w.run(ctx)
	return w.swept, err
}

// Referenced are the stored bytes that objects are made of.
func (s *Service) Referenced(ctx context.Context) (map[blob.Ref]bool, error) {
	refs := map[blob.Ref]bool{}
	for _, prefix := range []byte{prefixCurrent, prefixVersion} {
		for e, err := range s.store.Scan(ctx, kv.Range{Start: []byte{prefix}, End: []byte{prefix + 1}}) {
			if err != nil {
				return nil, err
			}
			v, err := decodeVersion(e.Item.Value)
			if err == nil {
				err = s.addReferenced(ctx, v, refs)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return refs, nil
}

func (s *Service) addReferenced(ctx context.Context, v *versionRecord, refs map[blob.Ref]bool) error {
	if v.Blob != "" {
		refs[v.Blob] = true
	}
	if v.Parts == nil {
		return nil
	}
	parts := kv.Range{Start: partKey(v.Parts.BucketID, v.Parts.id(), 1), End: partsEnd(v.Parts.BucketID, v.Parts.id())}
	for e, err := range s.store.Scan(ctx, parts) {
		if err != nil {
			return err
		}
		if part, err := decodePart(e.Item.Value); err != nil {
			return err
		} else if part.Blob != "" && v.Parts.has(partNumber(e.Key)) {
			refs[part.Blob] = true
		}
	}
	return nil
}

// CheckVersionRows says what is wrong with the rows of a bucket's versions.
func (s *Service) CheckVersionRows(ctx context.Context, bucket string) error {
	b, _, err := s.readBucket(ctx, s.store, bucket)
	if err != nil {
		return err
	}
	latest, found := map[string]uint64{}, map[string]uint64{}
	rows := func(prefix byte, visit func(kv.Entry) error) error {
		start := inBucket(prefix, b.ID)
		for e, err := range s.store.Scan(ctx, kv.Range{Start: start, End: kv.PrefixEnd(start)}) {
			if err == nil {
				err = visit(e)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	if err := rows(prefixCurrent, func(e kv.Entry) error {
		v, err := decodeVersion(e.Item.Value)
		if err == nil && v.Marker {
			err = fmt.Errorf("marker in row c of %s", e.Key[9:])
		}
		latest[string(e.Key[9:])] = v.stamp
		return err
	}); err != nil {
		return err
	}
	if err := rows(prefixVersion, func(e kv.Entry) error {
		key, stamp, _ := parseVersionKey(e.Key)
		v, err := decodeVersion(e.Item.Value)
		if err != nil {
			return err
		}
		found[string(idKey(b.ID, key, v.VersionID))] = stamp
		newest, ok := latest[key]
		switch {
		case v.stamp != stamp:
			return fmt.Errorf("%s: row v of %x is of %x", key, stamp, v.stamp)
		case !ok && !v.Marker:
			return fmt.Errorf("%s: its latest version has no row c", key)
		case ok && stamp >= newest:
			return fmt.Errorf("%s: row v of %x beside a latest version of %x", key, stamp, newest)
		}
		latest[key] = stamp // the next is older
		return nil
	}); err != nil {
		return err
	}
	n := 0
	if err := rows(prefixID, func(e kv.Entry) error {
		if n++; found[string(e.Key)] != binary.BigEndian.Uint64(e.Item.Value) {
			return fmt.Errorf("row i %q leads nowhere", e.Key)
		}
		return nil
	}); err != nil {
		return err
	}
	if n != len(found) {
		return fmt.Errorf("%d rows i for %d rows v", n, len(found))
	}
	return nil
}

// ForgetOlder removes the rows of the newest version of a key that is not its
// latest, as if they had not been part of the commit that made it an older one.
func (s *Service) ForgetOlder(ctx context.Context, bucket, key string) {
	b, _, err := s.readBucket(ctx, s.store, bucket)
	if err != nil {
		return
	}
	v, err := b.newestOlder(ctx, s.store, key, nil)
	if err != nil || v.versionRecord == nil || v.Marker {
		return
	}
	var batch kv.Batch
	batch.Delete(v.row)
	batch.Delete(idKey(b.ID, key, v.VersionID))
	_, _ = s.store.Commit(ctx, &batch)
}
