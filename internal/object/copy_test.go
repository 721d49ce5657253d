package object_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/object"
)

func copyInput(from, to string) object.CopyInput {
	source, sourceKey, _ := strings.Cut(from, "/")
	bucket, key, _ := strings.Cut(to, "/")
	return object.CopyInput{SourceBucket: source, SourceKey: sourceKey, Bucket: bucket, Key: key}
}

func TestCopy(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"empty": "", "inlined": "hello", "stored": large('c')} {
		for _, to := range []string{"bucket/copy", "other/copy", "bucket/k"} {
			t.Run(name+" to "+to, func(t *testing.T) {
				t.Parallel()
				s := newSite(t)
				s.mustBucket(t, "bucket")
				s.mustBucket(t, "other")
				source := s.put(t, "bucket", "k", body)
				in := copyInput("bucket/k", to)
				want := source.Metadata
				if to == "bucket/k" {
					want = map[string]string{"content-type": "image/png"}
					in.Replace, in.Metadata = true, want
				}
				info, err := s.Copy(t.Context(), in)
				if err != nil {
					t.Fatal(err)
				}
				if info.ETag != etag(body) || info.Size != int64(len(body)) || info.Stamp <= source.Stamp && to == "bucket/k" {
					t.Errorf("info = %+v", info)
				}
				if diff := cmp.Diff(want, info.Metadata); diff != "" {
					t.Error(diff)
				}
				for _, key := range []string{"bucket/k", to} {
					bucket, key, _ := strings.Cut(key, "/")
					if got, err := s.get(t.Context(), bucket, key); err != nil || got != body {
						t.Errorf("%s/%s holds %d bytes, %v", bucket, key, len(got), err)
					}
				}
			})
		}
	}
}

func TestCopyRecordsItsEvent(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustBucket(t, "bucket")
	s.mustBucket(t, "other")
	s.watchAll(t, "other")
	s.put(t, "bucket", "k", "body")
	in := copyInput("bucket/k", "other/copy")
	in.Request = event.Request{Principal: "root", ID: "R1"}
	if _, err := s.Copy(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	got := s.outbox(t)
	if len(got) != 1 {
		t.Fatalf("%d events, want 1", len(got))
	}
	meta := map[string]string{"content-type": "text/plain"}
	want := &event.Record{
		Name: event.ObjectCreatedCopy, Bucket: "other", BucketID: got[0].Record.BucketID, Key: "copy",
		Size: 4, ETag: etag("body"), ContentType: "text/plain", UserMetadata: meta, Request: in.Request,
		Post: &event.State{Size: 4, ETag: etag("body"), ContentType: "text/plain", UserMetadata: meta},
	}
	if diff := cmp.Diff(want, got[0].Record); diff != "" {
		t.Error(diff)
	}
}

func TestCopyRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustBucket(t, "bucket")
	s.watchAll(t, "bucket")
	s.put(t, "bucket", "k", "body")
	s.put(t, "bucket", "there", "other")
	before := len(s.outbox(t))
	refused := errors.New("refused")
	with := func(to string, edit func(*object.CopyInput)) object.CopyInput {
		in := copyInput("bucket/k", to)
		if edit != nil {
			edit(&in)
		}
		return in
	}
	tests := map[string]struct {
		in   object.CopyInput
		want error
	}{
		"to itself":             {copyInput("bucket/k", "bucket/k"), object.ErrCopyToItself},
		"missing source":        {copyInput("bucket/none", "bucket/l"), object.ErrNoSuchKey},
		"missing source bucket": {copyInput("none/k", "bucket/l"), object.ErrNoSuchBucket},
		"missing bucket":        {copyInput("bucket/k", "none/l"), object.ErrNoSuchBucket},
		"long key":              {copyInput("bucket/k", "bucket/"+strings.Repeat("k", 1025)), object.ErrKeyTooLong},
		"source refused": {with("bucket/l", func(in *object.CopyInput) {
			in.CheckSource = func(object.Info) error { return refused }
		}), refused},
		"if none match": {with("bucket/there", func(in *object.CopyInput) { in.IfNoneMatch = "*" }), object.ErrPreconditionFailed},
		"if match":      {with("bucket/there", func(in *object.CopyInput) { in.IfMatch = etag("body") }), object.ErrPreconditionFailed},
		"if match none": {with("bucket/l", func(in *object.CopyInput) { in.IfMatch = "*" }), object.ErrNoSuchKey},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := s.Copy(t.Context(), tt.in); !errors.Is(err, tt.want) {
				t.Errorf("Copy = %v, want %v", err, tt.want)
			}
		})
	}
	if got := len(s.outbox(t)); got != before {
		t.Errorf("refused copies left %d events", got-before)
	}
}

// TestSharedBytesStayForTheirLastUser removes users one by one, and collects.
func TestSharedBytesStayForTheirLastUser(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustBucket(t, "bucket")
	body := large('s')
	s.put(t, "bucket", "k0", body)
	for i := range 3 {
		if _, err := s.Copy(t.Context(), copyInput(fmt.Sprintf("bucket/k%d", i), fmt.Sprintf("bucket/k%d", i+1))); err != nil {
			t.Fatal(err)
		}
	}
	itself := copyInput("bucket/k3", "bucket/k3")
	itself.Replace = true
	if _, err := s.Copy(t.Context(), itself); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		if n := blobCount(t, s.blobs); n != 1 {
			t.Fatalf("%d contents are stored, want 1", n)
		}
		if got, err := s.get(t.Context(), "bucket", "k3"); err != nil || got != body {
			t.Fatalf("the last copy holds %d bytes, %v", len(got), err)
		}
		if _, err := s.Delete(t.Context(), object.DeleteInput{Bucket: "bucket", Key: fmt.Sprintf("k%d", i)}); err != nil {
			t.Fatal(err)
		}
		s.AdvanceClock(2 * object.CollectAfter)
		if _, err := s.Collect(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := blobCount(t, s.blobs); n != 0 {
		t.Errorf("%d contents are stored after the last user went", n)
	}
}

// TestCopiesRaceOverwritesAndCollector copies objects while others overwrite,
// remove and collect them: whatever a key names must be there.
func TestCopiesRaceOverwritesAndCollector(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustBucket(t, "bucket")
	s.AdvanceClock(2 * object.CollectAfter) // what is dropped may go at once
	keys := []string{"a", "b", "c"}
	for _, k := range keys {
		s.put(t, "bucket", k, large(k[0]))
	}
	ctx := t.Context()
	stop := make(chan struct{})
	var collector, writers sync.WaitGroup
	collector.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := s.Collect(ctx); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for w := range 4 {
		writers.Go(func() {
			for i := range 150 {
				from, to := keys[(w+i)%3], keys[(w+2*i+1)%3]
				in := copyInput("bucket/"+from, "bucket/"+to)
				in.Replace = true
				var err error
				switch i % 10 {
				case 8:
					_, err = s.Delete(ctx, object.DeleteInput{Bucket: "bucket", Key: to})
				case 9:
					_, err = s.Put(ctx, putInput("bucket", to, large(byte('a'+w))))
				default:
					_, err = s.Copy(ctx, in)
				}
				if err != nil && !errors.Is(err, object.ErrNoSuchKey) {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	collector.Wait()
	page, err := s.List(ctx, object.ListInput{Bucket: "bucket", MaxKeys: 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range page.Objects {
		if body, err := s.get(ctx, "bucket", o.Key); err != nil || etag(body) != o.ETag {
			t.Errorf("%s holds %d bytes, %v", o.Key, len(body), err)
		}
	}
}
