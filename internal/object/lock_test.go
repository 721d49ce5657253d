package object_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/object"
	"github.com/carillon-s3/carillon/internal/s3"
)

// lockedSite is a site with a locked bucket, all of whose events are kept.
func lockedSite(t *testing.T) *site {
	t.Helper()
	s := newSite(t)
	s.AllowSmallParts()
	s.mustLockedBucket(t, "bucket")
	s.watchAll(t, "bucket")
	return s
}

func (s *site) mustLockedBucket(t *testing.T, name string) {
	t.Helper()
	if err := s.CreateLockedBucket(t.Context(), event.Request{Principal: "root"}, name, ""); err != nil {
		t.Fatal(err)
	}
}

// retainedFor is a retention that ends so much later.
func retainedFor(mode object.LockMode, d time.Duration) object.Retention {
	return object.Retention{Mode: mode, Until: time.Now().Add(d).UTC().Truncate(time.Millisecond)}
}

func retain(s *site, version string, keep object.Retention) func(t *testing.T) error {
	return func(t *testing.T) error {
		t.Helper()
		_, err := s.SetRetention(t.Context(), object.RetentionInput{Bucket: "bucket", Key: "k", VersionID: version, Retention: keep})
		return err
	}
}

func removal(s *site, version string) func(t *testing.T) error {
	return func(t *testing.T) error {
		t.Helper()
		_, err := s.Delete(t.Context(), object.DeleteInput{Bucket: "bucket", Key: "k", VersionID: version})
		return err
	}
}

// TestEventsOfLocks: events tell the lock beside the metadata, that of a change
// names the version that it is of, and what GET shows keeps its stamp.
func TestEventsOfLocks(t *testing.T) {
	t.Parallel()
	s := lockedSite(t)
	old := s.put(t, "bucket", "k", "old")
	latest := s.put(t, "bucket", "k", "latest")
	until := time.Date(2099, 1, 2, 3, 4, 5, 0, time.UTC)
	keep := object.Retention{Mode: object.Governance, Until: until}
	change := func(version string, hold object.LegalHold) {
		t.Helper()
		var err error
		if hold != 0 {
			_, err = s.SetLegalHold(t.Context(), object.LegalHoldInput{Bucket: "bucket", Key: "k", VersionID: version, LegalHold: hold})
		} else {
			_, err = s.SetRetention(t.Context(), object.RetentionInput{Bucket: "bucket", Key: "k", VersionID: version, Retention: keep})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	metadata := func(lock ...string) map[string]string {
		m := map[string]string{"content-type": "text/plain"}
		for i := 0; i < len(lock); i += 2 {
			m["x-amz-object-lock-"+lock[i]] = lock[i+1]
		}
		return m
	}
	held := metadata("legal-hold", "ON")
	retained := metadata("mode", "GOVERNANCE", "retain-until-date", "2099-01-02T03:04:05.000Z")
	both := metadata("mode", "GOVERNANCE", "retain-until-date", "2099-01-02T03:04:05.000Z", "legal-hold", "OFF")
	told := func(name event.Name, of object.Info, m map[string]string, shown map[string]string) *event.Record {
		rec := &event.Record{Name: name, VersionID: of.VersionID, Size: of.Size, ETag: of.ETag, ContentType: "text/plain", UserMetadata: m}
		if shown != nil {
			rec.Post = &event.State{
				VersionID: latest.VersionID, Size: latest.Size, ETag: latest.ETag, ContentType: "text/plain", UserMetadata: shown, Stamp: latest.Stamp,
			}
		}
		return rec
	}
	change(old.VersionID, object.LegalHoldOn)
	change("", 0)
	change(latest.VersionID, object.LegalHoldOff)
	info, err := s.Lock(t.Context(), "bucket", "k", "")
	if err != nil {
		t.Fatal(err)
	}
	s.mustDelete(t, "k", "")
	change(old.VersionID, object.LegalHoldOn) // below a marker
	before := len(s.outbox(t))
	for skipped := uint64(0); ; skipped++ { // a busy machine may skip some
		s.Accessed(t.Context(), event.ObjectAccessedGetRetention, info, event.Request{})
		if s.AccessSkipped() == skipped {
			break
		}
	}
	await(t, func() bool { return len(s.outbox(t)) == before+1 })
	const retention, hold = event.ObjectCreatedPutRetention, event.ObjectCreatedPutLegalHold
	read := told(event.ObjectAccessedGetRetention, latest, both, nil)
	read.NoPost, read.Sequencer = true, latest.Stamp
	want := []*event.Record{
		told(hold, old, held, metadata()), told(retention, latest, retained, retained), told(hold, latest, both, both), told(hold, old, held, nil),
		read,
	}
	var got []*event.Record
	for _, e := range s.outbox(t) {
		switch e.Record.Name {
		case retention, hold, event.ObjectAccessedGetRetention:
			got = append(got, e.Record)
		}
	}
	order := cmpopts.SortSlices(func(a, b *event.Record) bool { return a.NoPost != b.NoPost && b.NoPost }) // reads have partitions of their own
	if diff := cmp.Diff(want, got, order, cmpopts.IgnoreFields(event.Record{}, "Bucket", "BucketID", "Key")); diff != "" {
		t.Error(diff)
	}
}

// TestLocksStayWithTheirVersion: a lock is that of one version, wherever its row
// goes, whatever else of it changes; a copy has none, and an upload keeps what it
// asked for until it is completed.
func TestLocksStayWithTheirVersion(t *testing.T) {
	t.Parallel()
	s := lockedSite(t)
	lock := object.Lock{Retention: retainedFor(object.Compliance, time.Hour), LegalHold: object.LegalHoldOn}
	upload, err := s.CreateUpload(t.Context(), object.CreateUploadInput{Bucket: "bucket", Key: "k", Lock: lock})
	if err != nil {
		t.Fatal(err)
	}
	s.reopen(t)
	u := object.UploadInput{Bucket: "bucket", Key: "k", UploadID: upload}
	info, err := s.CompleteUpload(t.Context(), object.CompleteInput{UploadInput: u, Parts: []object.CompletedPart{s.mustPart(t, u, 1, "x")}})
	if err != nil {
		t.Fatal(err)
	}
	is := func(where string, want object.Lock, version string) {
		t.Helper()
		got, err := s.Lock(t.Context(), "bucket", "k", version)
		if err != nil || !cmp.Equal(want, got.Lock) {
			t.Errorf("%s: %+v, %v", where, got.Lock, err)
		}
	}
	is("the latest", lock, "")
	in := copyInput("bucket/k", "bucket/k")
	in.Replace = true
	newer, err := s.Copy(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	is("the copy", object.Lock{}, "")
	is("below the copy", lock, info.VersionID)
	if _, err := s.SetTags(t.Context(), object.TagsInput{Bucket: "bucket", Key: "k", VersionID: info.VersionID, Tags: []s3.Tag{{Key: "a"}}}); err != nil {
		t.Fatal(err)
	}
	is("with tags", lock, info.VersionID)
	s.mustDelete(t, "k", newer.VersionID)
	s.reopen(t)
	is("the latest again", lock, "")
	if err := removal(s, info.VersionID)(t); !errors.Is(err, object.ErrLocked) {
		t.Errorf("its removal gave %v", err)
	}
}

// TestLockedMeanwhile lets something happen between a decision and its commit, by
// way of another Service on the same store: a removal that was decided before
// there was a lock does not commit after it.
func TestLockedMeanwhile(t *testing.T) {
	t.Parallel()
	day := retainedFor(object.Compliance, 24*time.Hour)
	hour := retainedFor(object.Compliance, time.Hour)
	suspend := func(s *site, _ string) func(*testing.T) error {
		return func(t *testing.T) error {
			t.Helper()
			return s.SetVersioning(t.Context(), "bucket", object.VersioningSuspended)
		}
	}
	configure := func(s *site, _ string) func(*testing.T) error {
		return func(t *testing.T) error {
			t.Helper()
			return s.SetLockConfig(t.Context(), "bucket", object.LockConfig{Default: object.DefaultRetention{Mode: object.Compliance, Days: 2}})
		}
	}
	put := func(s *site, _ string) func(*testing.T) error {
		return func(t *testing.T) error {
			t.Helper()
			_, err := s.Put(t.Context(), putInput("bucket", "k", "new"))
			return err
		}
	}
	retained := func(keep object.Retention) func(*site, string) func(*testing.T) error {
		return func(s *site, version string) func(*testing.T) error { return retain(s, version, keep) }
	}
	for name, tt := range map[string]struct {
		do, meanwhile func(*site, string) func(*testing.T) error
		// unlocked says that the bucket has versions and no lock at first, older
		// that the version is not the latest.
		unlocked, older bool
		want            error
		// latest is how the latest version is retained then, in whole hours.
		latest time.Duration
	}{
		"latest removed, retained":   {do: removal, meanwhile: retained(day), want: object.ErrLocked, latest: 24 * time.Hour},
		"older removed, retained":    {do: removal, meanwhile: retained(day), older: true, want: object.ErrLocked},
		"latest retained, removed":   {do: retained(day), meanwhile: removal, want: object.ErrNoSuchVersion},
		"older retained, removed":    {do: retained(day), meanwhile: removal, older: true, want: object.ErrNoSuchVersion},
		"retained, for longer":       {do: retained(hour), meanwhile: retained(day), want: object.ErrLocked, latest: 24 * time.Hour},
		"put, default set":           {do: put, meanwhile: configure, latest: 48 * time.Hour},
		"put, bucket locked":         {do: put, meanwhile: configure, unlocked: true, latest: 48 * time.Hour},
		"suspended, bucket locked":   {do: suspend, meanwhile: configure, unlocked: true, want: object.ErrLockedBucket},
		"bucket locked, suspended":   {do: configure, meanwhile: suspend, unlocked: true, want: object.ErrLockUnversioned},
		"removed, and default alone": {do: removal, meanwhile: configure},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			s := f.other.s
			s.setVersioning(t, "bucket", object.VersioningEnabled)
			if !tt.unlocked {
				if err := s.SetLockConfig(t.Context(), "bucket", object.LockConfig{}); err != nil {
					t.Fatal(err)
				}
			}
			version := s.put(t, "bucket", "k", "body").VersionID
			if tt.older {
				s.put(t, "bucket", "k", "newer")
			}
			f.store.before = func() {
				if err := tt.meanwhile(s, version)(t); err != nil {
					t.Errorf("meanwhile: %v", err)
				}
			}
			if err := tt.do(f.s, version)(t); !errors.Is(err, tt.want) {
				t.Errorf("it gave %v, want %v", err, tt.want)
			}
			info, err := s.Head(t.Context(), object.GetInput{Bucket: "bucket", Key: "k"})
			if err != nil && !errors.Is(err, object.ErrNoSuchKey) {
				t.Fatal(err)
			}
			if keep := info.Lock.Retention; (keep.Mode != 0) != (tt.latest != 0) || keep.Mode != 0 && time.Until(keep.Until).Round(time.Hour) != tt.latest {
				t.Errorf("the latest is retained as %+v", keep)
			}
			_, err = s.Head(t.Context(), object.GetInput{Bucket: "bucket", Key: "k", VersionID: version})
			if there := !errors.Is(err, object.ErrNoSuchVersion); there == (errors.Is(tt.want, object.ErrNoSuchVersion) || name == "removed, and default alone") {
				t.Errorf("the version is there: %v, %v", there, err)
			}
			if err := s.CheckVersionRows(t.Context(), "bucket"); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestRemovalRacesRetention: of a removal and a retention by two Services that
// share a store, exactly one comes to pass.
func TestRemovalRacesRetention(t *testing.T) {
	t.Parallel()
	s := lockedSite(t)
	other := *s
	other.reopen(t)
	other.SkipIDs()
	for range 100 {
		version := s.put(t, "bucket", "k", "body").VersionID
		var removed, retained error
		var wg sync.WaitGroup
		wg.Go(func() { removed = removal(s, version)(t) })
		wg.Go(func() { retained = retain(&other, version, retainedFor(object.Compliance, time.Hour))(t) })
		wg.Wait()
		_, err := s.Head(t.Context(), object.GetInput{Bucket: "bucket", Key: "k", VersionID: version})
		kept := errors.Is(removed, object.ErrLocked) && retained == nil && err == nil
		gone := removed == nil && errors.Is(retained, object.ErrNoSuchVersion) && errors.Is(err, object.ErrNoSuchVersion)
		if kept == gone {
			t.Fatalf("removed %v, retained %v, then %v", removed, retained, err)
		}
	}
}

// TestRefusedRemovalsTellNothing: what a lock refuses commits nothing and tells
// nothing; each key of a batch that is removed has its event.
func TestRefusedRemovalsTellNothing(t *testing.T) {
	t.Parallel()
	s := lockedSite(t)
	var targets []object.DeleteTarget
	for i := range 20 {
		in := putInput("bucket", fmt.Sprint("k", i), "body")
		if i%2 == 0 {
			in.Lock.LegalHold = object.LegalHoldOn
		}
		info, err := s.Put(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		targets = append(targets, object.DeleteTarget{Key: in.Key, VersionID: info.VersionID, Bypass: true})
	}
	before := len(s.outbox(t))
	for i, r := range s.DeleteMany(t.Context(), "bucket", targets, event.Request{}) {
		if locked := errors.Is(r.Err, object.ErrLocked); locked != (i%2 == 0) || !locked && r.Err != nil {
			t.Errorf("target %d: %v", i, r.Err)
		}
	}
	if after := len(s.outbox(t)); after != before+10 {
		t.Errorf("%d events for 10 removals", after-before)
	}
}
