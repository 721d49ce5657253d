package object

import (
	"context"
	"fmt"
)

// Versioning is whether a bucket keeps the older versions of its keys.
type Versioning uint8

// States of versioning. The numbers are stored.
const (
	// NeverVersioned: a key has one version, the null version.
	NeverVersioned Versioning = iota
	// VersioningEnabled: every write makes a version with an id of its own, and
	// a delete without a version makes a delete marker.
	VersioningEnabled
	// VersioningSuspended: writes and delete markers take the place of the null
	// version; the other versions stay.
	VersioningSuspended
)

// Versioning tells the state of a bucket. ErrNoSuchBucket.
func (s *Service) Versioning(ctx context.Context, bucketName string) (Versioning, error) {
	b, _, err := s.readBucket(ctx, s.store, bucketName)
	if err != nil {
		return NeverVersioned, err
	}
	return b.Versioning, nil
}

// SetVersioning enables or suspends versioning, durably: what commits later goes
// by the new state, what committed before by the old. No way leads back to
// NeverVersioned. ErrLockedBucket, ErrNoSuchBucket; ErrReplicates where versioning would end in a
// bucket with a replication configuration.
func (s *Service) SetVersioning(ctx context.Context, bucketName string, state Versioning) error {
	_, err := s.updateBucket(ctx, bucketName, func(r *bucketRecord) error {
		if r.Lock != nil && state != VersioningEnabled {
			return fmt.Errorf("%w: %s", ErrLockedBucket, bucketName)
		}
		if state != VersioningEnabled {
			// Who puts the document changes the bucket's record too.
			item, err := s.store.Get(ctx, documentKey(r.ID, ReplicationDocument))
			if err != nil {
				return storeError(err)
			}
			if item.Exists() {
				return fmt.Errorf("%w: %s", ErrReplicates, bucketName)
			}
		}
		r.Versioning = state
		return nil
	})
	return err
}

// versionID is what clients call v.
func (b *bucket) versionID(v *versionRecord) string {
	if v.VersionID == nullID && b.Versioning != NeverVersioned {
		return NullVersion
	}
	return v.VersionID
}
