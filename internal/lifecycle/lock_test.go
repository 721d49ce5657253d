package lifecycle_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/object"
)

// TestLockedVersionsStay: rules make delete markers above locked versions, as
// clients do, and remove none of them before the lock has ended.
func TestLockedVersionsStay(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		lock  func(*site, string) // of a version
		rules string
		then  func(*site, string)
		left  int // while it is locked, of three versions and perhaps a marker
	}{
		"held, old ones": {hold(object.LegalHoldOn), old3, hold(object.LegalHoldOff), 2},
		"held, all":      {hold(object.LegalHoldOn), purge3, hold(object.LegalHoldOff), 3},
		"held, marked":   {hold(object.LegalHoldOn), days3, nil, 4},
		"retained":       {retain(30), old3, func(s *site, _ string) { s.days(31) }, 2},
		"retained, all":  {retain(30), purge3, func(s *site, _ string) { s.days(31) }, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 0)
			s.check(s.CreateLockedBucket(t.Context(), event.Request{}, "locked", ""))
			s.bucket = "locked"
			s.put("k", "a")
			locked := s.put("k", "b").VersionID
			s.put("k", "c")
			tt.lock(s, locked)
			s.setRules(tt.rules)
			for range 3 {
				s.days(5)
				s.scan()
			}
			if got := s.list(); len(got) != tt.left || s.saw.failed != 0 {
				t.Fatalf("left %q, failed %d", got, s.saw.failed)
			}
			if tt.then == nil {
				return
			}
			tt.then(s, locked)
			s.scan()
			want := 1
			if tt.rules == purge3 {
				want = 0
			}
			if diff := cmp.Diff(want, len(s.list())); diff != "" {
				t.Errorf("after the lock: %q", s.list())
			}
		})
	}
}

func hold(state object.LegalHold) func(*site, string) {
	return func(s *site, version string) {
		_, err := s.SetLegalHold(s.t.Context(), object.LegalHoldInput{Bucket: "locked", Key: "k", VersionID: version, LegalHold: state})
		s.check(err)
	}
}

func retain(days int) func(*site, string) {
	return func(s *site, version string) {
		until := s.clock.Now().Add(time.Duration(days) * 24 * time.Hour)
		_, err := s.SetRetention(s.t.Context(), object.RetentionInput{
			Bucket: "locked", Key: "k", VersionID: version, Retention: object.Retention{Mode: object.Governance, Until: until},
		})
		s.check(err)
	}
}
