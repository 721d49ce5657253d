package object_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/object"
)

func (s *site) setQuota(t *testing.T, bucket string, bytes int64) {
	t.Helper()
	if err := s.SetQuota(t.Context(), bucket, bytes); err != nil {
		t.Fatal(err)
	}
}

// bytesOf counts a bucket.
func (s *site) bytesOf(t *testing.T, bucket string) int64 {
	t.Helper()
	all, err := s.Usage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range all {
		if u.Name == bucket {
			return u.Bytes
		}
	}
	t.Fatalf("no bucket %s", bucket)
	return 0
}

func TestQuota(t *testing.T) {
	t.Parallel()
	s := newUploadSite(t)
	ctx := t.Context()
	s.put(t, "bucket", "old", "0123456789")
	s.setQuota(t, "bucket", 25)
	put := func(key, body string) error {
		_, err := s.Put(ctx, putInput("bucket", key, body))
		return err
	}
	copyTo := func(key string) error {
		_, err := s.Copy(ctx, object.CopyInput{SourceBucket: "bucket", SourceKey: "old", Bucket: "bucket", Key: key})
		return err
	}
	upload := func(key string) error {
		id, err := s.CreateUpload(ctx, object.CreateUploadInput{Bucket: "bucket", Key: key})
		if err != nil {
			return err
		}
		u := object.UploadInput{Bucket: "bucket", Key: key, UploadID: id}
		_, err = s.CompleteUpload(ctx, object.CompleteInput{UploadInput: u, Parts: []object.CompletedPart{s.mustPart(t, u, 1, "0123"), s.mustPart(t, u, 2, "4567")}})
		return err
	}
	unknown := func(key, body string) error {
		in := putInput("bucket", key, body)
		in.Size = -1
		_, err := s.Put(ctx, in)
		return err
	}
	remove := func(key string) error {
		_, err := s.Delete(ctx, object.DeleteInput{Bucket: "bucket", Key: key})
		return err
	}
	for i, step := range []struct {
		what    string
		do      func() error
		refused bool
	}{
		{"fits", func() error { return put("a", "0123456789") }, false},
		{"one too many", func() error { return put("b", "012345") }, true},
		{"of unknown size", func() error { return unknown("b", "012345") }, true},
		{"a copy", func() error { return copyTo("b") }, true},
		{"an upload, whose parts fit", func() error { return upload("b") }, true},
		{"all of it", func() error { return put("b", "01234") }, false},
		{"nothing", func() error { return put("c", "") }, false},
		{"in place of as much", func() error { return put("b", "56789") }, false},
		{"in place of more", func() error { return put("b", "1") }, false},
		{"in place of less", func() error { return put("b", "012345") }, true},
		{"a copy in place of as much", func() error { return copyTo("a") }, false},
		{"a delete", func() error { return remove("a") }, false},
		{"an upload", func() error { return upload("b") }, false},
		{"too much beside it", func() error { return put("c", "01234567") }, true},
		{"a copy too much", func() error { return copyTo("c") }, true},
		{"after the start", func() error { s.reopen(t); return put("c", "01234567") }, true},
		{"fits after the start", func() error { return put("c", "0123456") }, false},
		{"without", func() error { s.setQuota(t, "bucket", 0); return put("d", "0123456789") }, false},
		{"less than there is", func() error { s.setQuota(t, "bucket", 1); return put("e", "0") }, true},
		{"a delete beyond it", func() error { return remove("d") }, false},
	} {
		if err := step.do(); step.refused != errors.Is(err, object.ErrQuotaExceeded) || !step.refused && err != nil {
			t.Errorf("%d, %s: %v", i, step.what, err)
		}
	}
	if got, want := s.bytesOf(t, "bucket"), int64(25); got != want {
		t.Errorf("%d bytes, want %d", got, want)
	}
}

// TestQuotaOfVersions: all versions count, and markers do not.
func TestQuotaOfVersions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustBucket(t, "bucket")
	s.setVersioning(t, "bucket", object.VersioningEnabled)
	s.setQuota(t, "bucket", 8)
	first := s.put(t, "bucket", "k", "0123")
	s.put(t, "bucket", "k", "0123")
	s.mustDelete(t, "k", "")
	if _, err := s.Put(t.Context(), putInput("bucket", "k", "0")); !errors.Is(err, object.ErrQuotaExceeded) {
		t.Errorf("a third version: %v", err)
	}
	s.mustDelete(t, "k", first.VersionID)
	s.put(t, "bucket", "k", "0123")
}

// TestQuotaHoldsUnderLoad: writers, copiers and deleters of few keys, and counts
// beside them, never store more than the quota, and once they rest the quota can
// be filled to its last byte.
func TestQuotaHoldsUnderLoad(t *testing.T) {
	t.Parallel()
	const quota, rounds, writers = 2000, 150, 8
	s := newSite(t)
	s.mustBucket(t, "bucket")
	s.setQuota(t, "bucket", quota)
	ctx := t.Context()
	stop := make(chan struct{})
	var counting, writing sync.WaitGroup
	counting.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			// What a count sees of a moving bucket is more than there was at once.
			if _, err := s.Usage(ctx); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for w := range writers {
		writing.Go(func() {
			random := rand.New(rand.NewPCG(uint64(w), 1)) //nolint:gosec // a test
			for range rounds {
				key := fmt.Sprint(random.IntN(12))
				var err error
				switch random.IntN(4) {
				case 0:
					_, err = s.Delete(ctx, object.DeleteInput{Bucket: "bucket", Key: key})
				case 1:
					_, err = s.Copy(ctx, object.CopyInput{SourceBucket: "bucket", SourceKey: key, Bucket: "bucket", Key: fmt.Sprint(random.IntN(12))})
				default:
					_, err = s.Put(ctx, putInput("bucket", key, strings.Repeat("x", random.IntN(600))))
				}
				if err != nil && !errors.Is(err, object.ErrQuotaExceeded) && !errors.Is(err, object.ErrNoSuchKey) && !errors.Is(err, object.ErrCopyToItself) {
					t.Error(err)
				}
				if info := s.total(t); info > quota {
					t.Errorf("%d bytes", info)
				}
			}
		})
	}
	writing.Wait()
	close(stop)
	counting.Wait()
	left := quota - s.bytesOf(t, "bucket") // which counts anew
	s.put(t, "bucket", "rest", strings.Repeat("x", int(left)))
	if _, err := s.Put(ctx, putInput("bucket", "more", "x")); !errors.Is(err, object.ErrQuotaExceeded) {
		t.Errorf("one byte more: %v", err)
	}
}

// total is what one snapshot shows of the bucket.
func (s *site) total(t *testing.T) (bytes int64) {
	t.Helper()
	page, err := s.List(t.Context(), object.ListInput{Bucket: "bucket", MaxKeys: 1000})
	if err != nil {
		t.Error(err)
	}
	for _, o := range page.Objects {
		bytes += o.Size
	}
	return bytes
}

// TestQuotaGoesWithItsBucket: a bucket of the same name has none.
func TestQuotaGoesWithItsBucket(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustBucket(t, "bucket")
	s.setQuota(t, "bucket", 1)
	s.put(t, "bucket", "k", "x")
	s.mustDelete(t, "k", "")
	if err := s.DeleteBucket(t.Context(), event.Request{}, "bucket"); err != nil {
		t.Fatal(err)
	}
	s.mustBucket(t, "bucket")
	s.put(t, "bucket", "k", "xx")
	if got, err := s.Quota(t.Context(), "bucket"); got != 0 || err != nil {
		t.Errorf("%d, %v", got, err)
	}
}
