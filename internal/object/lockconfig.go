package object

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/carillon-s3/carillon/internal/event"
)

const (
	// maxDefaultDays and maxDefaultYears are the longest default retention
	// ("Object Lock", limits).
	maxDefaultDays  = 36_500
	maxDefaultYears = 100
)

// ErrRetentionPeriod says that a default retention has no period, one that is too
// long, or one in days and years.
var ErrRetentionPeriod = errors.New("object: invalid default retention period")

// LockConfig says that a bucket has object lock. It is never taken away.
type LockConfig struct {
	Default DefaultRetention `cbor:"1,keyasint"`
}

// DefaultRetention is what new versions get that come without one. Its zero value
// is none.
type DefaultRetention struct {
	Mode LockMode `cbor:"1,keyasint,omitempty"`
	// One of Days and Years is not 0.
	Days  int `cbor:"2,keyasint,omitempty"`
	Years int `cbor:"3,keyasint,omitempty"`
}

// validate returns nil or ErrRetentionPeriod.
func (d DefaultRetention) validate() error {
	if d == (DefaultRetention{}) {
		return nil
	}
	days, years := d.Years == 0 && d.Days >= 1 && d.Days <= maxDefaultDays, d.Days == 0 && d.Years >= 1 && d.Years <= maxDefaultYears
	if d.Mode == 0 || !days && !years {
		return fmt.Errorf("%w: %d days, %d years", ErrRetentionPeriod, d.Days, d.Years)
	}
	return nil
}

// retention is that of a version that is made now.
func (d DefaultRetention) retention(now time.Time) Retention {
	if d.Mode == 0 {
		return Retention{}
	}
	return Retention{Mode: d.Mode, Until: now.UTC().AddDate(d.Years, 0, d.Days)}
}

// CreateLockedBucket is CreateBucket of a bucket with versioning and object lock.
func (s *Service) CreateLockedBucket(ctx context.Context, req event.Request, name, region string) error {
	return s.createBucket(ctx, req, name, bucketRecord{Region: region, Versioning: VersioningEnabled, Lock: &LockConfig{}})
}

// LockConfig tells the object lock of a bucket, nil if it has none.
// ErrNoSuchBucket.
func (s *Service) LockConfig(ctx context.Context, bucketName string) (*LockConfig, error) {
	b, _, err := s.readBucket(ctx, s.store, bucketName)
	if err != nil {
		return nil, err
	}
	return b.Lock, nil
}

// SetLockConfig gives a bucket whose versioning is enabled object lock, if it has
// none, and replaces its default retention (S3, PutObjectLockConfiguration). It
// returns once that is durable: versions that are made later get the new default,
// the others keep what they have. From then on versioning cannot be suspended.
// ErrRetentionPeriod, ErrLockUnversioned, ErrNoSuchBucket.
func (s *Service) SetLockConfig(ctx context.Context, bucketName string, config LockConfig) error {
	if err := config.Default.validate(); err != nil {
		return err
	}
	_, err := s.updateBucket(ctx, bucketName, func(r *bucketRecord) error {
		if r.Versioning != VersioningEnabled {
			return fmt.Errorf("%w: %s", ErrLockUnversioned, bucketName)
		}
		r.Lock = &config
		return nil
	})
	return err
}
