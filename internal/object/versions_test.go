package object_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/object"
)

func (s *site) setVersioning(t *testing.T, bucket string, state object.Versioning) {
	t.Helper()
	if err := s.SetVersioning(t.Context(), bucket, state); err != nil {
		t.Fatal(err)
	}
}

func (s *site) mustDelete(t *testing.T, key, version string) object.Deleted {
	t.Helper()
	d, err := s.Delete(t.Context(), object.DeleteInput{Bucket: "bucket", Key: key, VersionID: version})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestEventsOfVersions: each event tells its version, and what GET shows when it
// has happened.
func TestEventsOfVersions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustBucket(t, "bucket")
	s.watchAll(t, "bucket")
	plain := map[string]string{"content-type": "text/plain"}
	state := func(i object.Info) *event.State {
		return &event.State{VersionID: i.VersionID, Size: i.Size, ETag: i.ETag, ContentType: "text/plain", UserMetadata: plain, Stamp: i.Stamp}
	}
	put := func(i object.Info) *event.Record {
		post := state(i)
		post.Stamp = 0 // its own
		return &event.Record{
			Name: event.ObjectCreatedPut, VersionID: i.VersionID, Size: i.Size, ETag: i.ETag,
			ContentType: "text/plain", UserMetadata: plain, Post: post,
		}
	}
	removed := func(name event.Name, version string, post *event.State) *event.Record {
		return &event.Record{Name: name, VersionID: version, Post: post}
	}
	const created, deleted = event.ObjectRemovedDeleteMarkerCreated, event.ObjectRemovedDelete
	var want []*event.Record
	null := s.put(t, "bucket", "k", "null")
	want = append(want, put(null))
	null.VersionID = object.NullVersion // once there are versions
	s.setVersioning(t, "bucket", object.VersioningEnabled)
	one := s.put(t, "bucket", "k", "one")
	two := s.put(t, "bucket", "k", "two!")
	marker := s.mustDelete(t, "k", "").VersionID
	again := s.mustDelete(t, "k", "").VersionID
	want = append(want, put(one), put(two), removed(created, marker, nil), removed(created, again, nil))
	s.mustDelete(t, "k", marker) // under another marker
	s.mustDelete(t, "k", one.VersionID)
	s.mustDelete(t, "k", again) // what is below shows
	want = append(want, removed(deleted, marker, nil), removed(deleted, one.VersionID, nil), removed(deleted, again, state(two)))
	three := s.put(t, "bucket", "k", "three")
	s.mustDelete(t, "k", two.VersionID) // an old version
	s.mustDelete(t, "k", three.VersionID)
	want = append(want, put(three), removed(deleted, two.VersionID, state(three)), removed(deleted, three.VersionID, state(null)))
	s.setVersioning(t, "bucket", object.VersioningSuspended)
	s.mustDelete(t, "k", "") // the null marker for the null version
	s.mustDelete(t, "k", "")
	s.mustDelete(t, "k", object.NullVersion)
	want = append(want, removed(created, "null", nil), removed(created, "null", nil), removed(deleted, "null", nil))

	var got []*event.Record
	for _, e := range s.outbox(t) {
		got = append(got, e.Record)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(event.Record{}, "Bucket", "BucketID", "Key")); diff != "" {
		t.Error(diff)
	}
}

// TestNoOpDeletesOfVersions: a version that is not there is told of as a NoOP, and
// in a bucket with versions a key that is not there gets a marker.
func TestNoOpDeletesOfVersions(t *testing.T) {
	t.Parallel()
	const missing = "5f7c4b1e-9d0a-4c3b-8e2f-112233445566"
	s := newSite(t)
	s.mustBucket(t, "bucket")
	s.watchAll(t, "bucket")
	if d := s.mustDelete(t, "k", object.NullVersion); d != (object.Deleted{}) {
		t.Errorf("without versioning: %+v", d)
	}
	s.setVersioning(t, "bucket", object.VersioningEnabled)
	if d := s.mustDelete(t, "k", missing); d != (object.Deleted{VersionID: missing}) {
		t.Errorf("a missing version: %+v", d)
	}
	if _, err := s.Delete(t.Context(), object.DeleteInput{Bucket: "bucket", Key: "k", VersionID: "7"}); !errors.Is(err, object.ErrInvalidVersionID) {
		t.Errorf("no version id: %v", err)
	}
	s.mustDelete(t, "k", "")
	await(t, func() bool { return len(s.outbox(t)) == 3 })
	told := map[string]bool{}
	for _, e := range s.outbox(t) {
		told[fmt.Sprint(e.Record.Name, " ", e.Record.VersionID == missing, " ", e.Record.NoPost)] = true
	}
	want := map[string]bool{
		"s3:ObjectRemoved:NoOP false true": true, "s3:ObjectRemoved:NoOP true true": true,
		"s3:ObjectRemoved:DeleteMarkerCreated false false": true,
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Error(diff)
	}
}

// TestReaderOutlivesItsVersion: a version that is being read can be deleted and
// collected meanwhile.
func TestReaderOutlivesItsVersion(t *testing.T) {
	t.Parallel()
	for name, inParts := range map[string]bool{"stored": false, "in parts": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newUploadSite(t)
			s.setVersioning(t, "bucket", object.VersioningEnabled)
			body := large('a') + large('b')
			var old object.Info
			if inParts {
				u := s.mustCreate(t, "k")
				var err error
				old, err = s.CompleteUpload(t.Context(), object.CompleteInput{UploadInput: u, Parts: []object.CompletedPart{
					s.mustPart(t, u, 1, large('a')), s.mustPart(t, u, 2, large('b')),
				}})
				if err != nil {
					t.Fatal(err)
				}
			} else {
				old = s.put(t, "bucket", "k", body)
			}
			s.put(t, "bucket", "k", "new")
			o, err := s.Get(t.Context(), object.GetInput{Bucket: "bucket", Key: "k", VersionID: old.VersionID})
			if err != nil {
				t.Fatal(err)
			}
			r, err := o.Open(t.Context(), 0, o.Size)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			head := make([]byte, 10)
			if _, err := io.ReadFull(r, head); err != nil {
				t.Fatal(err)
			}
			s.mustDelete(t, "k", old.VersionID)
			s.CollectAtOnce()
			s.ForgetAtOnce()
			s.collect(t)
			rest, err := io.ReadAll(r)
			if got := string(head) + string(rest); err != nil || got != body {
				t.Errorf("read %d bytes, %v; want %d", len(got), err, len(body))
			}
			_ = r.Close()
			s.collect(t)
			s.wantRows(t, "read and deleted", rows{})
		})
	}
}

// TestVersionsInParallel: many writers on one key leave it in order, and the last
// event of the key tells what GET shows.
func TestVersionsInParallel(t *testing.T) {
	t.Parallel()
	s := newUploadSite(t)
	s.setVersioning(t, "bucket", object.VersioningEnabled)
	ctx := t.Context()
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := range 20 {
				if err := versionStep(ctx, s, w, i); err != nil {
					t.Errorf("writer %d, step %d: %v", w, i, err)
					return
				}
			}
		})
	}
	wg.Wait()
	if err := s.CheckVersionRows(ctx, "bucket"); err != nil {
		t.Error(err)
	}
	told, err := lastEvents(ctx, s, "bucket")
	if err != nil {
		t.Fatal(err)
	}
	for key, rec := range told {
		info, err := s.Head(ctx, object.GetInput{Bucket: "bucket", Key: key})
		if (err == nil) != (rec.Post != nil) || err == nil && info.VersionID != rec.Post.VersionID {
			t.Errorf("%s: GET shows %+v, %v; the last event left %+v", key, info, err, rec.Post)
		}
	}
}

// versionStep does one of many things to one of two keys.
func versionStep(ctx context.Context, s *site, w, i int) error {
	key := fmt.Sprint("k", w%2)
	switch (w/2 + i) % 5 {
	case 0, 1:
		_, err := s.Put(ctx, putInput("bucket", key, fmt.Sprint(w, "-", i)))
		return err
	case 2:
		_, err := s.Delete(ctx, object.DeleteInput{Bucket: "bucket", Key: key})
		return err
	case 3:
		state := []object.Versioning{object.VersioningEnabled, object.VersioningSuspended}[i%2]
		return s.SetVersioning(ctx, "bucket", state)
	}
	page, err := s.ListVersions(ctx, object.ListVersionsInput{Bucket: "bucket", Prefix: key, MaxKeys: 5})
	if err != nil {
		return err
	}
	for _, v := range page.Versions {
		if i%3 == 0 == v.Latest {
			_, err = s.Delete(ctx, object.DeleteInput{Bucket: "bucket", Key: key, VersionID: v.VersionID})
			return errors.Join(err, readVersion(ctx, s, v))
		}
	}
	return nil
}

// readVersion reads a version that others may have deleted.
func readVersion(ctx context.Context, s *site, v object.Version) error {
	_, info, err := s.getVersion(ctx, object.GetInput{Bucket: "bucket", Key: v.Key, VersionID: v.VersionID})
	switch {
	case errors.Is(err, object.ErrNoSuchVersion), errors.Is(err, object.ErrDeleteMarker):
		return nil
	case err == nil && !strings.EqualFold(info.VersionID, v.VersionID):
		return fmt.Errorf("version %s was answered for %s", info.VersionID, v.VersionID)
	}
	return err
}

// TestVersionsDecidedAgain lets another server change the key between a decision
// and its commit. Whatever comes first, the rows stay in order.
func TestVersionsDecidedAgain(t *testing.T) {
	t.Parallel()
	type step = func(ctx context.Context, s *site, ids []string) error
	remove := func(i int) step {
		return func(ctx context.Context, s *site, ids []string) error {
			in := object.DeleteInput{Bucket: "bucket", Key: "k"}
			if i >= 0 {
				in.VersionID = ids[i]
			}
			_, err := s.Delete(ctx, in)
			return err
		}
	}
	put := func(ctx context.Context, s *site, _ []string) error {
		_, err := s.Put(ctx, putInput("bucket", "k", "new"))
		return err
	}
	copyOld := func(ctx context.Context, s *site, ids []string) error {
		in := copyInput("bucket/k", "bucket/k")
		in.SourceVersion = ids[0]
		if _, err := s.Copy(ctx, in); !errors.Is(err, object.ErrNoSuchVersion) {
			return err
		}
		return nil
	}
	suspend := func(ctx context.Context, s *site, _ []string) error {
		return s.SetVersioning(ctx, "bucket", object.VersioningSuspended)
	}
	steps := map[string]step{
		"mark": remove(-1), "remove the oldest": remove(0), "remove the middle": remove(1), "remove the newest": remove(2),
		"put": put, "copy the oldest": copyOld, "suspend": suspend,
	}
	for _, marked := range []bool{false, true} {
		for firstName, first := range steps {
			for secondName, second := range steps {
				if firstName == "suspend" {
					continue // changes no key
				}
				t.Run(fmt.Sprintf("%s, meanwhile %s, marked %v", firstName, secondName, marked), func(t *testing.T) {
					t.Parallel()
					f := newFixture(t)
					ctx := t.Context()
					f.s.setVersioning(t, "bucket", object.VersioningEnabled)
					ids := []string{f.s.put(t, "bucket", "k", large('a')).VersionID, f.s.put(t, "bucket", "k", "b").VersionID}
					if marked {
						ids = append(ids, f.s.mustDelete(t, "k", "").VersionID)
					} else {
						ids = append(ids, f.s.put(t, "bucket", "k", "c").VersionID)
					}
					f.store.before = func() {
						if err := second(ctx, f.other.s, ids); err != nil {
							t.Errorf("meanwhile: %v", err)
						}
					}
					if err := first(ctx, f.s, ids); err != nil {
						t.Error(err)
					}
					f.checkVersions(t)
				})
			}
		}
	}
}

// checkVersions looks at the rows, compares GET with the last event, and deletes
// all.
func (f *fixture) checkVersions(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	if err := f.s.CheckVersionRows(ctx, "bucket"); err != nil {
		t.Error(err)
	}
	told, err := lastEvents(ctx, f.s, "bucket")
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.s.Head(ctx, object.GetInput{Bucket: "bucket", Key: "k"})
	if post := told["k"].Post; (post == nil) != (err != nil) || post != nil && post.ETag != info.ETag {
		t.Errorf("the last event left %+v, GET shows %+v, %v", post, info, err)
	}
	page, err := f.s.ListVersions(ctx, object.ListVersionsInput{Bucket: "bucket", MaxKeys: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range page.Versions {
		f.s.mustDelete(t, "k", v.VersionID)
	}
	f.s.collect(t)
	f.s.wantRows(t, "all versions deleted", rows{})
}
