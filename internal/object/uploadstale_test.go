package object_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/object"
)

// TestAbortStaleUploads: an upload lives as long as its parts come, and its end
// is that of an upload that was aborted.
func TestAbortStaleUploads(t *testing.T) {
	t.Parallel()
	s := newUploadSite(t)
	s.CollectAtOnce()
	s.mustBucket(t, "other")
	const day = 24 * time.Hour
	abandoned, slow, completed := s.mustCreate(t, "abandoned"), s.mustCreate(t, "slow"), s.mustCreate(t, "completed")
	s.mustPart(t, abandoned, 1, "one")
	s.complete(t, completed, s.mustPart(t, completed, 1, "whole"))
	empty, err := s.CreateUpload(t.Context(), object.CreateUploadInput{Bucket: "other", Key: "empty"})
	if err != nil {
		t.Fatal(err)
	}
	abort := func(want int) {
		t.Helper()
		if n, err := s.AbortStaleUploads(t.Context(), day); err != nil || n != want {
			t.Errorf("aborted %d, %v; want %d", n, err, want)
		}
	}
	abort(0)
	s.AdvanceClock(day - time.Hour)
	parts := []object.CompletedPart{s.mustPart(t, slow, 1, "first")}
	abort(0)
	s.AdvanceClock(2 * time.Hour)
	fresh := s.mustCreate(t, "fresh")
	abort(2)
	s.AdvanceClock(day - 2*time.Hour)
	parts = append(parts, s.mustPart(t, slow, 2, "second"))
	abort(0)
	s.AdvanceClock(3 * time.Hour)
	abort(1)
	for _, u := range []object.UploadInput{abandoned, fresh, {Bucket: "other", Key: "empty", UploadID: empty}} {
		if _, err := s.ListParts(t.Context(), object.ListPartsInput{UploadInput: u, MaxParts: 1}); err == nil {
			t.Errorf("%s is still under way", u.Key)
		}
	}
	s.complete(t, slow, parts...)
	if got, err := s.get(t.Context(), "bucket", "slow"); err != nil || got != "firstsecond" {
		t.Errorf("slow holds %q, %v", got, err)
	}
	s.ForgetAtOnce()
	s.collect(t)
	s.wantRows(t, "at the end", rows{Parts: 3, Blobs: 3})
}

// TestAbortStaleUploadsPages: more uploads than a page holds, and a bucket that
// goes meanwhile.
func TestAbortStaleUploadsPages(t *testing.T) {
	t.Parallel()
	s := newUploadSite(t)
	const many = 600
	var want []string
	for i := range many {
		key := fmt.Sprintf("k%04d", i)
		s.mustCreate(t, key)
		if i%2 == 0 {
			want = append(want, key)
		}
	}
	s.AdvanceClock(time.Hour)
	page, err := s.ListUploads(t.Context(), object.ListUploadsInput{Bucket: "bucket", MaxUploads: many})
	if err != nil {
		t.Fatal(err)
	}
	for i, u := range page.Uploads {
		if i%2 == 0 {
			s.mustPart(t, object.UploadInput{Bucket: "bucket", Key: u.Key, UploadID: u.UploadID}, 1, "x")
		}
	}
	if n, err := s.AbortStaleUploads(t.Context(), time.Minute); err != nil || n != many/2 {
		t.Errorf("aborted %d, %v", n, err)
	}
	if got := s.listUploads(t, "", "", many); len(got) != len(want) {
		t.Errorf("%d uploads are left, want %d: %v", len(got), len(want), slices.Compact(got)[:min(3, len(got))])
	}
	if err := s.DeleteBucket(t.Context(), event.Request{}, "bucket"); err != nil {
		t.Fatal(err)
	}
	s.AdvanceClock(time.Hour)
	if n, err := s.AbortStaleUploads(t.Context(), time.Minute); err != nil || n != 0 {
		t.Errorf("aborted %d of a bucket that is gone, %v", n, err)
	}
}
