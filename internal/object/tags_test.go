package object_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/object"
	"github.com/carillon-s3/carillon/internal/s3"
)

// TestEventsOfTags: a change of tags is told of with the version that it is of,
// and leaves what GET shows, with the stamp that it had.
func TestEventsOfTags(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustBucket(t, "bucket")
	s.watchAll(t, "bucket")
	s.setVersioning(t, "bucket", object.VersioningEnabled)
	old := s.put(t, "bucket", "k", "old")
	latest := s.put(t, "bucket", "k", "latest")
	plain := map[string]string{"content-type": "text/plain"}
	change := func(name event.Name, version string) {
		t.Helper()
		in := object.TagsInput{Bucket: "bucket", Key: "k", VersionID: version, Tags: []s3.Tag{{Key: "a", Value: "b"}}}
		do := s.SetTags
		if name == event.ObjectCreatedDeleteTagging {
			do = s.DeleteTags
		}
		if _, err := do(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	told := func(name event.Name, of object.Info, post *event.State) *event.Record {
		return &event.Record{
			Name: name, VersionID: of.VersionID, Size: of.Size, ETag: of.ETag, ContentType: "text/plain", UserMetadata: plain, Post: post,
		}
	}
	shown := &event.State{
		VersionID: latest.VersionID, Size: latest.Size, ETag: latest.ETag, ContentType: "text/plain", UserMetadata: plain, Stamp: latest.Stamp,
	}
	const set, unset = event.ObjectCreatedPutTagging, event.ObjectCreatedDeleteTagging
	change(set, "")
	change(set, old.VersionID)
	change(unset, latest.VersionID)
	s.mustDelete(t, "k", "")
	change(unset, old.VersionID) // below a marker
	want := []*event.Record{
		told(set, latest, shown), told(set, old, shown), told(unset, latest, shown), told(unset, old, nil),
	}
	var got []*event.Record
	for _, e := range s.outbox(t) {
		if e.Record.Name == set || e.Record.Name == unset {
			got = append(got, e.Record)
		}
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(event.Record{}, "Bucket", "BucketID", "Key")); diff != "" {
		t.Error(diff)
	}
}

// TestTagsStayWithTheirVersion: tags are those of one version, wherever its row
// goes, and an upload keeps them until it is completed.
func TestTagsStayWithTheirVersion(t *testing.T) {
	t.Parallel()
	s := newUploadSite(t)
	tags := []s3.Tag{{Key: "z", Value: "1"}, {Key: "a", Value: ""}}
	upload, err := s.CreateUpload(t.Context(), object.CreateUploadInput{Bucket: "bucket", Key: "k", Tags: tags})
	if err != nil {
		t.Fatal(err)
	}
	s.reopen(t)
	u := object.UploadInput{Bucket: "bucket", Key: "k", UploadID: upload}
	info, err := s.CompleteUpload(t.Context(), object.CompleteInput{UploadInput: u, Parts: []object.CompletedPart{s.mustPart(t, u, 1, "x")}})
	if err != nil {
		t.Fatal(err)
	}
	s.setVersioning(t, "bucket", object.VersioningEnabled)
	s.put(t, "bucket", "k", "newer")
	s.reopen(t)
	got, err := s.Tags(t.Context(), "bucket", "k", object.NullVersion)
	if diff := cmp.Diff(tags, got.Tags); err != nil || diff != "" || got.Stamp != info.Stamp {
		t.Errorf("stamps %d and %d, %v, %s", got.Stamp, info.Stamp, err, diff)
	}
	if got, err := s.Tags(t.Context(), "bucket", "k", ""); err != nil || len(got.Tags) != 0 {
		t.Errorf("the newer version has %v, %v", got.Tags, err)
	}
}

// TestTagsOfWhatIsNotThere: nothing is committed and nothing told.
func TestTagsOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustBucket(t, "bucket")
	s.watchAll(t, "bucket")
	s.setVersioning(t, "bucket", object.VersioningEnabled)
	marker := s.mustDelete(t, "marked", "").VersionID
	before := len(s.outbox(t))
	for name, tt := range map[string]struct {
		bucket, key, version string
		want                 error
	}{
		"bucket":           {"none", "k", "", object.ErrNoSuchBucket},
		"key":              {"bucket", "k", "", object.ErrNoSuchKey},
		"latest is marker": {"bucket", "marked", "", object.ErrNoSuchKey},
		"marker":           {"bucket", "marked", marker, object.ErrDeleteMarker},
		"version":          {"bucket", "marked", object.NullVersion, object.ErrNoSuchVersion},
		"version id":       {"bucket", "marked", "7", object.ErrInvalidVersionID},
	} {
		in := object.TagsInput{Bucket: tt.bucket, Key: tt.key, VersionID: tt.version}
		_, set := s.SetTags(t.Context(), in)
		_, unset := s.DeleteTags(t.Context(), in)
		_, read := s.Tags(t.Context(), tt.bucket, tt.key, tt.version)
		if !errors.Is(set, tt.want) || !errors.Is(unset, tt.want) || !errors.Is(read, tt.want) {
			t.Errorf("%s: %v, %v, %v", name, set, unset, read)
		}
	}
	if n := len(s.outbox(t)); n != before {
		t.Errorf("%d events", n-before)
	}
}
