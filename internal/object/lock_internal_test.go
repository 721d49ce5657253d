package object

import (
	"testing"
	"time"
)

// TestLockedBucketHasItsRecordVersion: a program that knows nothing of locks, or
// of versions, must not open such a store.
func TestLockedBucketHasItsRecordVersion(t *testing.T) {
	t.Parallel()
	for version, rec := range map[byte]bucketRecord{
		bucketRecordVersion:    {},
		versionedRecordVersion: {Versioning: VersioningSuspended},
		lockedRecordVersion:    {Versioning: VersioningEnabled, Lock: &LockConfig{Default: DefaultRetention{Mode: Compliance, Years: 2}}},
	} {
		stored, err := rec.encode()
		if err != nil || stored[0] != version {
			t.Errorf("%+v is stored as version %d, %v; want %d", rec, stored[0], err, version)
		}
		got, err := decodeBucket(stored)
		if err != nil || (got.Lock == nil) != (rec.Lock == nil) || got.Lock != nil && *got.Lock != *rec.Lock {
			t.Errorf("%+v comes back as %+v, %v", rec, got, err)
		}
	}
	if _, err := decodeBucket([]byte{encryptingRecordVersion + 1, 0xa0}); err == nil {
		t.Error("a newer version is read")
	}
}

// TestDefaultRetention: years are calendar years, also from the day that most of
// them lack.
func TestDefaultRetention(t *testing.T) {
	t.Parallel()
	leap := time.Date(2028, 2, 29, 23, 0, 0, 0, time.FixedZone("", -2*60*60))
	for want, d := range map[string]DefaultRetention{
		"2028-03-02T01:00:00.000Z": {Mode: Governance, Days: 1},
		"2029-03-01T01:00:00.000Z": {Mode: Compliance, Years: 1},
		"2128-03-01T01:00:00.000Z": {Mode: Compliance, Years: 100},
	} {
		if got := d.retention(leap); got.Mode != d.Mode || got.UntilText() != want {
			t.Errorf("%+v from %v: %s %s, want %s", d, leap, got.Mode, got.UntilText(), want)
		}
	}
	if got := (DefaultRetention{}).retention(leap); got != (Retention{}) {
		t.Errorf("none gives %+v", got)
	}
}
