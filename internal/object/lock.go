package object

import (
	"errors"
	"fmt"
	"maps"
	"time"
)

// Object lock: a version that is retained, or under a legal hold, cannot be
// removed ("Locking objects with Object Lock", Amazon S3 user guide). What a lock
// allows is decided in here, by the server's clock; dropContent in change.go is
// what asks, in the commit that would remove a version.

// Errors of locks. They arrive wrapped; use errors.Is.
var (
	ErrLocked          = errors.New("object: version is locked")
	ErrNoLock          = errors.New("object: bucket has no object lock")
	ErrLockUnversioned = errors.New("object: object lock needs versioning")
	ErrLockedBucket    = errors.New("object: bucket has object lock, so that its versioning stays enabled")
	ErrRetentionPassed = errors.New("object: retention ends in the past")
)

// LockMode is how firmly a version is retained. The numbers are stored.
type LockMode uint8

// Modes of retention; the zero LockMode is none.
const (
	// Governance can be bypassed by who has that right and asks for it.
	Governance LockMode = 1
	// Compliance can be lengthened, and nothing else.
	Compliance LockMode = 2
)

// String is the mode as S3 names it.
func (m LockMode) String() string {
	switch m {
	case Governance:
		return "GOVERNANCE"
	case Compliance:
		return "COMPLIANCE"
	}
	return ""
}

// ParseLockMode reads what String gives.
func ParseLockMode(name string) (LockMode, bool) {
	for _, m := range [...]LockMode{Governance, Compliance} {
		if name == m.String() {
			return m, true
		}
	}
	return 0, false
}

// LegalHold protects a version until it is taken away. The numbers are stored.
type LegalHold uint8

// States of a legal hold; the zero LegalHold was never put on or off.
const (
	LegalHoldOff LegalHold = 1
	LegalHoldOn  LegalHold = 2
)

// String is the state as S3 names it.
func (h LegalHold) String() string {
	switch h {
	case LegalHoldOff:
		return "OFF"
	case LegalHoldOn:
		return "ON"
	}
	return ""
}

// ParseLegalHold reads what String gives.
func ParseLegalHold(name string) (LegalHold, bool) {
	for _, h := range [...]LegalHold{LegalHoldOff, LegalHoldOn} {
		if name == h.String() {
			return h, true
		}
	}
	return 0, false
}

// Retention is until when a version is kept. Its zero value is none.
type Retention struct {
	Mode LockMode
	// Until is kept to the millisecond.
	Until time.Time
}

// lockTimeLayout is ISO 8601 with milliseconds, in UTC.
const lockTimeLayout = "2006-01-02T15:04:05.000Z"

// UntilText is Until as S3 writes it.
func (r Retention) UntilText() string { return r.Until.UTC().Format(lockTimeLayout) }

// active reports whether the version is still kept.
func (r Retention) active(now time.Time) bool { return r.Mode != 0 && now.Before(r.Until) }

// mayBecome reports whether a retention may be replaced by another: once it is
// over always, while it lasts by one of the same mode that ends no earlier, and a
// governance one by whatever its bypasser wants.
func (r Retention) mayBecome(next Retention, now time.Time, bypass bool) bool {
	if !r.active(now) || r.Mode == Governance && bypass {
		return true
	}
	return next.Mode == r.Mode && !next.Until.Before(r.Until)
}

// Lock is what protects a version. Its zero value is nothing.
type Lock struct {
	Retention Retention
	LegalHold LegalHold
}

// protects reports whether the version may not be removed now.
func (l Lock) protects(now time.Time, bypass bool) bool {
	if l.LegalHold == LegalHoldOn {
		return true
	}
	return l.Retention.active(now) && !(l.Retention.Mode == Governance && bypass)
}

// Names of what events tell of a lock, which are those of its headers.
const (
	lockModeName  = "x-amz-object-lock-mode"
	lockUntilName = "x-amz-object-lock-retain-until-date"
	legalHoldName = "x-amz-object-lock-legal-hold"
)

// tell gives metadata with the lock in it, as events have it.
func (l Lock) tell(metadata map[string]string) map[string]string {
	if l == (Lock{}) {
		return metadata
	}
	told := make(map[string]string, len(metadata)+3)
	maps.Copy(told, metadata)
	if l.Retention.Mode != 0 {
		told[lockModeName], told[lockUntilName] = l.Retention.Mode.String(), l.Retention.UntilText()
	}
	if l.LegalHold != 0 {
		told[legalHoldName] = l.LegalHold.String()
	}
	return told
}

// retentionRecord is the stored form of a Retention.
type retentionRecord struct {
	_     struct{} `cbor:",toarray"`
	Mode  LockMode
	Until int64 // milliseconds since 1970
}

func (r Retention) record() *retentionRecord {
	if r.Mode == 0 {
		return nil
	}
	return &retentionRecord{Mode: r.Mode, Until: r.Until.UnixMilli()}
}

func (r *retentionRecord) retention() Retention {
	if r == nil {
		return Retention{}
	}
	return Retention{Mode: r.Mode, Until: time.UnixMilli(r.Until).UTC()}
}

// lockRecord is the stored form of the Lock that an upload asks for.
type lockRecord struct {
	Retention *retentionRecord `cbor:"1,keyasint,omitempty"`
	LegalHold LegalHold        `cbor:"2,keyasint,omitempty"`
}

func (l Lock) record() *lockRecord {
	if l == (Lock{}) {
		return nil
	}
	return &lockRecord{l.Retention.record(), l.LegalHold}
}

func (r *lockRecord) lock() Lock {
	if r == nil {
		return Lock{}
	}
	return Lock{r.Retention.retention(), r.LegalHold}
}

func (r *versionRecord) lock() Lock { return Lock{r.Retention.retention(), r.LegalHold} }

func (r *versionRecord) setLock(l Lock) { r.Retention, r.LegalHold = l.Retention.record(), l.LegalHold }

// checkLock says whether a bucket takes a new version with that lock.
func (b *bucket) checkLock(l Lock, now time.Time) error {
	switch {
	case l == (Lock{}):
		return nil
	case b.Lock == nil:
		return fmt.Errorf("%w: %s", ErrNoLock, b.name)
	case l.Retention.Mode != 0 && !now.Before(l.Retention.Until):
		return fmt.Errorf("%w: %s", ErrRetentionPassed, l.Retention.UntilText())
	}
	return nil
}

// protect gives a new version its lock: what its maker asked for and, where that
// names no retention, the bucket's default, counted from now. What was asked for
// passed checkLock when the request came.
func (t *tx) protect(v *versionRecord, asked Lock) error {
	config := t.bucket.Lock
	if config == nil {
		if asked != (Lock{}) {
			return fmt.Errorf("%w: %s", ErrNoLock, t.bucket.name)
		}
		return nil
	}
	if asked.Retention.Mode == 0 {
		asked.Retention = config.Default.retention(t.now)
	}
	v.setLock(asked)
	return nil
}
