package object_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/object"
)

// lockWalk is what the model knows of a bucket's locks. Its clock stands still
// between steps. A nil one is that of a bucket without object lock.
type lockWalk struct {
	random *rand.Rand
	now    time.Time
	keep   object.DefaultRetention
	// asked is what the next version asks for.
	asked object.Lock
}

// ask is a lock for a new version.
func (l *lockWalk) ask() object.Lock {
	if l == nil {
		return object.Lock{}
	}
	l.asked = object.Lock{LegalHold: object.LegalHold(l.random.IntN(3))} //nolint:gosec // below 3
	if l.random.IntN(2) == 0 {
		l.asked.Retention = l.anyRetention()
	}
	return l.asked
}

// anyRetention ends within days.
func (l *lockWalk) anyRetention() object.Retention {
	mode := []object.LockMode{object.Governance, object.Compliance}[l.random.IntN(2)]
	return object.Retention{Mode: mode, Until: l.now.Add(time.Duration(1+l.random.IntN(72)) * time.Hour)}
}

// made is the lock of the version that was made now.
func (l *lockWalk) made() object.Lock {
	if l == nil {
		return object.Lock{}
	}
	lock := l.asked
	l.asked = object.Lock{}
	if lock.Retention.Mode == 0 && l.keep.Mode != 0 {
		lock.Retention = object.Retention{Mode: l.keep.Mode, Until: l.now.Add(time.Duration(l.keep.Days) * 24 * time.Hour)}
	}
	return lock
}

func (l *lockWalk) bypass() bool { return l != nil && l.random.IntN(2) == 0 }

// lasts reports whether a retention protects now.
func (l *lockWalk) lasts(keep object.Retention) bool {
	return keep.Mode != 0 && keep.Until.After(l.now)
}

// refused reports whether a removal was refused, as it should be.
func (w *versionWalk) refused(in object.DeleteInput, err error) bool {
	w.t.Helper()
	versions := w.model.keys[in.Key]
	i := slices.IndexFunc(versions, func(v modelVersion) bool { return v.id == in.VersionID })
	if w.locks == nil || i < 0 {
		return false
	}
	lock := versions[i].lock
	governed := lock.Retention.Mode == object.Governance && in.Bypass
	protected := lock.LegalHold == object.LegalHoldOn || w.locks.lasts(lock.Retention) && !governed
	if protected != errors.Is(err, object.ErrLocked) {
		w.fail("removal of %+v by %+v at %v gave %v", versions[i], in, w.locks.now, err)
	}
	return protected
}

// mustCreateLocked begins an upload that asks for a lock.
func (w *versionWalk) mustCreateLocked(key string) object.UploadInput {
	w.t.Helper()
	id, err := w.CreateUpload(w.t.Context(), object.CreateUploadInput{Bucket: "bucket", Key: key, Lock: w.locks.ask()})
	w.check(err)
	return object.UploadInput{Bucket: "bucket", Key: key, UploadID: id}
}

// relock lets time pass, or changes the bucket's default or the lock of a version
// that may be there.
func (w *versionWalk) relock() {
	l, key := w.locks, w.anyKey()
	switch w.random.IntN(8) {
	case 0:
		l.now = l.now.Add(time.Duration(w.random.IntN(12)) * time.Hour)
		return
	case 1:
		l.keep = object.DefaultRetention{}
		if w.random.IntN(2) == 0 {
			l.keep = object.DefaultRetention{Mode: l.anyRetention().Mode, Days: 1 + w.random.IntN(3)}
		}
		w.check(w.SetLockConfig(w.t.Context(), "bucket", object.LockConfig{Default: l.keep}))
		return
	case 2, 3, 4:
		w.hold(key)
		return
	}
	in := object.RetentionInput{Bucket: "bucket", Key: key, VersionID: w.anyVersion(key), Bypass: l.bypass()}
	if w.random.IntN(3) > 0 {
		in.Retention = l.anyRetention()
	}
	_, err := w.SetRetention(w.t.Context(), in)
	v := w.relocked(key, in.VersionID, err)
	if v == nil {
		return
	}
	old := v.lock.Retention
	longer := in.Retention.Mode == old.Mode && !in.Retention.Until.Before(old.Until)
	allowed := !l.lasts(old) || longer || old.Mode == object.Governance && in.Bypass
	switch {
	case allowed && err == nil:
		v.lock.Retention = in.Retention
	case allowed || !errors.Is(err, object.ErrLocked):
		w.fail("retention of %s, %+v, by %+v gave %v", key, v, in, err)
	}
}

func (w *versionWalk) hold(key string) {
	in := object.LegalHoldInput{Bucket: "bucket", Key: key, VersionID: w.anyVersion(key), LegalHold: object.LegalHoldOff}
	if w.random.IntN(3) == 0 {
		in.LegalHold = object.LegalHoldOn
	}
	_, err := w.SetLegalHold(w.t.Context(), in)
	if v := w.relocked(key, in.VersionID, err); v != nil {
		w.check(err)
		v.lock.LegalHold = in.LegalHold
	}
}

// relocked is the version whose lock was to be changed; nil if there is none, as
// err says.
func (w *versionWalk) relocked(key, id string, err error) *modelVersion {
	i := slices.IndexFunc(w.model.keys[key], func(v modelVersion) bool { return v.id == id })
	if i >= 0 && !w.model.keys[key][i].marker {
		return &w.model.keys[key][i]
	}
	if !errors.Is(err, object.ErrNoSuchVersion) && !errors.Is(err, object.ErrDeleteMarker) {
		w.fail("a lock of version %q of %s gave %v", id, key, err)
	}
	return nil
}

// unlock lets all retentions end, and takes all legal holds off.
func (w *versionWalk) unlock() {
	w.locks.now = w.locks.now.Add(100 * time.Hour)
	for key, versions := range w.model.keys {
		for i, v := range versions {
			if v.lock.LegalHold != object.LegalHoldOn {
				continue
			}
			in := object.LegalHoldInput{Bucket: "bucket", Key: key, VersionID: v.id, LegalHold: object.LegalHoldOff}
			_, err := w.SetLegalHold(w.t.Context(), in)
			w.check(err)
			versions[i].lock.LegalHold = object.LegalHoldOff
		}
	}
}

// TestLocksAgreeWithTheModel is TestVersionsAgreeWithTheModel of a bucket with
// object lock: locks are given and changed while time passes, and what they
// protect stays.
func TestLocksAgreeWithTheModel(t *testing.T) {
	t.Parallel()
	for range 4 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 0))
			w := &versionWalk{
				site: newSite(t), t: t, random: random,
				model: versionModel{state: object.VersioningEnabled, keys: map[string][]modelVersion{}},
				locks: &lockWalk{random: random, now: time.Now().UTC().Truncate(time.Millisecond)},
			}
			w.AllowSmallParts()
			w.SetClock(func() time.Time { return w.locks.now })
			w.check(w.CreateLockedBucket(t.Context(), event.Request{}, "bucket", ""))
			w.watchAll(t, "bucket")
			w.walk()
			w.unlock()
			w.removeAll()
		})
	}
}
