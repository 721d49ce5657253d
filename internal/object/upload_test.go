package object_test

import (
	order "cmp"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/object"
	"github.com/carillon-s3/carillon/internal/s3"
)

// newUploadSite is a site with a bucket whose events are kept, and parts of any
// size.
func newUploadSite(t *testing.T) *site {
	t.Helper()
	s := newSite(t)
	s.AllowSmallParts()
	s.mustBucket(t, "bucket")
	s.watchAll(t, "bucket")
	return s
}

func (s *site) create(ctx context.Context, key string) (object.UploadInput, error) {
	id, err := s.CreateUpload(ctx, object.CreateUploadInput{
		Bucket: "bucket", Key: key, Metadata: map[string]string{"content-type": "text/plain"},
	})
	return object.UploadInput{Bucket: "bucket", Key: key, UploadID: id}, err
}

func (s *site) mustCreate(t *testing.T, key string) object.UploadInput {
	t.Helper()
	u, err := s.create(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func (s *site) part(ctx context.Context, u object.UploadInput, number int, body string) (object.CompletedPart, error) {
	p, err := s.UploadPart(ctx, object.PartInput{
		UploadInput: u, Number: number, Body: strings.NewReader(body), Size: int64(len(body)),
	})
	return object.CompletedPart{Number: number, ETag: p.ETag}, err
}

func (s *site) mustPart(t *testing.T, u object.UploadInput, number int, body string) object.CompletedPart {
	t.Helper()
	p, err := s.part(t.Context(), u, number, body)
	if err != nil {
		t.Fatal(err)
	}
	if p.ETag != etag(body) {
		t.Fatalf("part %d has ETag %s, want %s", number, p.ETag, etag(body))
	}
	return p
}

func (s *site) complete(t *testing.T, u object.UploadInput, parts ...object.CompletedPart) object.Info {
	t.Helper()
	info, err := s.CompleteUpload(t.Context(), object.CompleteInput{UploadInput: u, Parts: parts})
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// multipartETag is the ETag of an object with these parts.
func multipartETag(parts ...string) string {
	all := md5.New()
	for _, p := range parts {
		sum := md5.Sum([]byte(p))
		all.Write(sum[:])
	}
	return hex.EncodeToString(all.Sum(nil)) + fmt.Sprintf("-%d", len(parts))
}

func (s *site) read(ctx context.Context, key string, offset, length int64) (string, error) {
	o, err := s.Get(ctx, object.GetInput{Bucket: "bucket", Key: key})
	if err != nil {
		return "", err
	}
	r, err := o.Open(ctx, offset, length)
	if err != nil {
		return "", err
	}
	defer r.Close()
	// Some bytes by Read, the rest by WriteTo, which is what a GET uses.
	var b strings.Builder
	if _, err := io.CopyN(&b, struct{ io.Reader }{r}, length/3); err != nil {
		return "", err
	}
	_, err = io.Copy(&b, r)
	return b.String(), err
}

// rows says how much uploads left in the store.
type rows struct{ Parts, Uploads, Open, Done, Garbage, Blobs int }

func (s *site) rows(t *testing.T) rows {
	t.Helper()
	parts, uploads, open, done, garbage, err := s.PartRows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return rows{parts, uploads, open, done, garbage, blobCount(t, s.blobs)}
}

func (s *site) wantRows(t *testing.T, when string, want rows) {
	t.Helper()
	if diff := cmp.Diff(want, s.rows(t)); diff != "" {
		t.Errorf("%s: %s", when, diff)
	}
}

func (s *site) collect(t *testing.T) {
	t.Helper()
	if _, err := s.Collect(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestUpload(t *testing.T) {
	t.Parallel()
	for name, parts := range map[string]map[int]string{
		"one":         {1: "hello"},
		"one empty":   {1: ""},
		"same size":   {1: "aaaa", 2: "bbbb", 3: "cc"},
		"empty end":   {1: "aaaa", 2: "bbbb", 3: ""},
		"other sizes": {1: "a", 2: "bbbbbb", 3: "", 4: "cc"},
		"larger end":  {1: "a", 2: "b", 3: "ccc"},
		"gaps":        {3: "aaa", 4: "bbb", 9: "ccc", 10_000: "d"},
		"large":       {1: large('a'), 2: large('b'), 5: "end"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newUploadSite(t)
			u := s.mustCreate(t, "k")
			numbers := sortedKeys(parts)
			var list []object.CompletedPart
			var bodies []string
			for _, n := range slices.Backward(numbers) {
				s.mustPart(t, u, n, parts[n])
			}
			for _, n := range numbers {
				list = append(list, object.CompletedPart{Number: n, ETag: etag(parts[n])})
				bodies = append(bodies, parts[n])
			}
			body := strings.Join(bodies, "")
			info := s.complete(t, u, list...)
			if info.ETag != multipartETag(bodies...) || info.Size != int64(len(body)) || info.Parts != len(parts) {
				t.Errorf("info = %+v", info)
			}
			head, err := s.Head(t.Context(), object.GetInput{Bucket: "bucket", Key: "k"})
			if diff := cmp.Diff(info, head); err != nil || diff != "" {
				t.Error(err, diff)
			}
			s.checkRanges(t, "k", body)
			at := int64(0)
			for i, want := range bodies {
				info, err := s.Head(t.Context(), object.GetInput{Bucket: "bucket", Key: "k", Part: i + 1})
				if err != nil || info.Part == nil || *info.Part != (object.PartRange{Offset: at, Length: int64(len(want))}) {
					t.Errorf("part %d is at %+v, %v; want %d, %d bytes", i+1, info.Part, err, at, len(want))
				}
				at += int64(len(want))
			}
			if info, err := s.Head(t.Context(), object.GetInput{Bucket: "bucket", Key: "k", Part: len(bodies) + 1}); err != nil || info.Part != nil {
				t.Errorf("a part beyond the last is at %+v, %v", info.Part, err)
			}
		})
	}
}

// checkRanges reads about a hundred ranges of an object, its whole among them.
func (s *site) checkRanges(t *testing.T, key, body string) {
	t.Helper()
	step := int64(max(len(body)/12, 1))
	for from := int64(0); from <= int64(len(body)); from += step {
		for to := from; to <= int64(len(body)); to += step {
			if got, err := s.read(t.Context(), key, from, to-from); err != nil || got != body[from:to] {
				t.Fatalf("bytes %d to %d are %.20q, %v; want %.20q", from, to, got, err, body[from:to])
			}
		}
	}
	if got, err := s.get(t.Context(), "bucket", key); err != nil || got != body {
		t.Errorf("the whole is %d bytes, %v; want %d", len(got), err, len(body))
	}
	if _, err := s.read(t.Context(), key, 1, int64(len(body))); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a read beyond the end gives %v", err)
	}
}

func sortedKeys(m map[int]string) []int {
	var keys []int
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func TestUploadRecordsItsEventAtCompletionOnly(t *testing.T) {
	t.Parallel()
	s := newUploadSite(t)
	u := s.mustCreate(t, "k")
	part := s.mustPart(t, u, 1, "body")
	if _, err := s.Head(t.Context(), object.GetInput{Bucket: "bucket", Key: "k"}); !errors.Is(err, object.ErrNoSuchKey) {
		t.Errorf("before completion the key gives %v", err)
	}
	if n := len(s.outbox(t)); n != 0 {
		t.Errorf("%d events before completion", n)
	}
	req := event.Request{Principal: "root", ID: "R1"}
	in := object.CompleteInput{UploadInput: u, Parts: []object.CompletedPart{part}, Request: req}
	first, err := s.CompleteUpload(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the same answer, and no other event
		in.IfNoneMatch = "*"
		again, err := s.CompleteUpload(t.Context(), in)
		if err != nil || again.ETag != first.ETag || again.Size != first.Size {
			t.Errorf("completed again: %+v, %v", again, err)
		}
	}
	got := s.outbox(t)
	if len(got) != 1 {
		t.Fatalf("%d events, want 1", len(got))
	}
	meta := map[string]string{"content-type": "text/plain"}
	want := &event.Record{
		Name: event.ObjectCreatedCompleteMultipartUpload, Bucket: "bucket", BucketID: got[0].Record.BucketID, Key: "k",
		Size: 4, ETag: multipartETag("body"), ContentType: "text/plain", UserMetadata: meta, Request: req,
		Post: &event.State{Size: 4, ETag: multipartETag("body"), ContentType: "text/plain", UserMetadata: meta},
	}
	if diff := cmp.Diff(want, got[0].Record); diff != "" {
		t.Error(diff)
	}
}

func TestCompleteRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t) // with the bound of parts
	s.mustBucket(t, "bucket")
	s.put(t, "bucket", "there", "x")
	u, there := s.mustCreate(t, "k"), s.mustCreate(t, "there")
	one, two := s.mustPart(t, u, 1, "one"), s.mustPart(t, u, 2, "two")
	p := s.mustPart(t, there, 1, "one")
	other := func(edit func(*object.UploadInput)) object.UploadInput { v := u; edit(&v); return v }
	type list = []object.CompletedPart
	tests := map[string]struct {
		in   object.CompleteInput
		want error
	}{
		"no parts":       {object.CompleteInput{UploadInput: u}, object.ErrInvalidPart},
		"part not there": {object.CompleteInput{UploadInput: u, Parts: list{{Number: 3, ETag: one.ETag}}}, object.ErrInvalidPart},
		"gap":            {object.CompleteInput{UploadInput: there, Parts: list{p, two}}, object.ErrInvalidPart},
		"other ETag":     {object.CompleteInput{UploadInput: u, Parts: list{{Number: 1, ETag: two.ETag}}}, object.ErrInvalidPart},
		"no ETag":        {object.CompleteInput{UploadInput: u, Parts: list{{Number: 1}}}, object.ErrInvalidPart},
		"part 0":         {object.CompleteInput{UploadInput: u, Parts: list{{Number: 0, ETag: one.ETag}}}, object.ErrInvalidPart},
		"part 10001":     {object.CompleteInput{UploadInput: u, Parts: list{{Number: 10_001, ETag: one.ETag}}}, object.ErrInvalidPart},
		"out of order":   {object.CompleteInput{UploadInput: u, Parts: list{two, one}}, object.ErrInvalidPartOrder},
		"twice":          {object.CompleteInput{UploadInput: u, Parts: list{one, one}}, object.ErrInvalidPartOrder},
		"too small":      {object.CompleteInput{UploadInput: u, Parts: list{one, two}}, object.ErrPartTooSmall},
		"other key":      {object.CompleteInput{UploadInput: other(func(u *object.UploadInput) { u.Key = "l" }), Parts: list{one}}, object.ErrNoSuchUpload},
		"other bucket":   {object.CompleteInput{UploadInput: other(func(u *object.UploadInput) { u.Bucket = "none" }), Parts: list{one}}, object.ErrNoSuchBucket},
		"unknown id":     {object.CompleteInput{UploadInput: other(func(u *object.UploadInput) { u.UploadID = strings.Repeat("f", 32) }), Parts: list{one}}, object.ErrNoSuchUpload},
		"no id":          {object.CompleteInput{UploadInput: other(func(u *object.UploadInput) { u.UploadID = "x" }), Parts: list{one}}, object.ErrNoSuchUpload},
		"key there":      {object.CompleteInput{UploadInput: there, Parts: list{p}, IfNoneMatch: "*"}, object.ErrPreconditionFailed},
		"key another":    {object.CompleteInput{UploadInput: there, Parts: list{p}, IfMatch: "x"}, object.ErrPreconditionFailed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := s.CompleteUpload(t.Context(), tt.in); !errors.Is(err, tt.want) {
				t.Errorf("CompleteUpload = %v, want %v", err, tt.want)
			}
		})
	}
	s.complete(t, u, two) // what was refused can still be completed
	if _, err := s.part(t.Context(), u, 1, "late"); !errors.Is(err, object.ErrNoSuchUpload) {
		t.Errorf("a part after completion: %v", err)
	}
	if err := s.AbortUpload(t.Context(), u); !errors.Is(err, object.ErrNoSuchUpload) {
		t.Errorf("abort after completion: %v", err)
	}
	if _, err := s.CompleteUpload(t.Context(), object.CompleteInput{UploadInput: u, Parts: list{one}}); !errors.Is(err, object.ErrNoSuchUpload) {
		t.Errorf("another completion: %v", err)
	}
	for _, n := range []int{-1, 0, 10_001} {
		if _, err := s.part(t.Context(), there, n, "x"); !errors.Is(err, object.ErrInvalidPartNumber) {
			t.Errorf("part %d: %v", n, err)
		}
	}
}

// TestUploadsLeaveNothing looks at what each end of an upload leaves behind.
func TestUploadsLeaveNothing(t *testing.T) {
	t.Parallel()
	s := newUploadSite(t)
	s.CollectAtOnce()
	s.ForgetAtOnce()
	del := func(key string) {
		if _, err := s.Delete(t.Context(), object.DeleteInput{Bucket: "bucket", Key: key}); err != nil {
			t.Fatal(err)
		}
	}
	aborted := s.mustCreate(t, "a")
	s.mustPart(t, aborted, 1, "one")
	s.mustPart(t, aborted, 7, "seven")
	s.mustPart(t, aborted, 1, "again")
	s.wantRows(t, "uploading", rows{Parts: 2, Uploads: 1, Open: 1, Garbage: 1, Blobs: 3})
	s.collect(t)
	s.wantRows(t, "a part was replaced", rows{Parts: 2, Uploads: 1, Open: 1, Blobs: 2})
	if err := s.AbortUpload(t.Context(), aborted); err != nil {
		t.Fatal(err)
	}
	s.collect(t)
	s.wantRows(t, "aborted", rows{})

	u := s.mustCreate(t, "k")
	s.mustPart(t, u, 1, "left out")
	two := s.mustPart(t, u, 2, "two")
	s.mustPart(t, u, 3, "left out too")
	five := s.mustPart(t, u, 5, "five")
	s.mustPart(t, u, 6, "left out as well")
	s.complete(t, u, two, five)
	s.collect(t)
	s.wantRows(t, "completed", rows{Parts: 2, Blobs: 2})
	if _, err := s.CompleteUpload(t.Context(), object.CompleteInput{UploadInput: u, Parts: []object.CompletedPart{two, five}}); !errors.Is(err, object.ErrNoSuchUpload) {
		t.Errorf("completed again after it was forgotten: %v", err)
	}
	if got, err := s.get(t.Context(), "bucket", "k"); err != nil || got != "twofive" {
		t.Errorf("the object is %q, %v", got, err)
	}
	if _, err := s.Copy(t.Context(), copyInput("bucket/k", "bucket/copy")); err != nil {
		t.Fatal(err)
	}
	del("k")
	s.collect(t)
	s.wantRows(t, "a copy is left", rows{Parts: 2, Blobs: 2})
	s.checkRanges(t, "copy", "twofive")
	s.put(t, "bucket", "copy", "overwritten")
	s.collect(t)
	s.wantRows(t, "overwritten", rows{})
}

// TestForgetting completes again for a day.
func TestForgetting(t *testing.T) {
	t.Parallel()
	s := newUploadSite(t)
	u := s.mustCreate(t, "k")
	in := object.CompleteInput{UploadInput: u, Parts: []object.CompletedPart{s.mustPart(t, u, 1, "x")}}
	want := []error{nil, nil, object.ErrNoSuchUpload}
	for i, wait := range []int{0, 1, 2} {
		s.AdvanceClock(time.Duration(wait) * object.ForgetAfter / 2)
		s.collect(t)
		if _, err := s.CompleteUpload(t.Context(), in); !errors.Is(err, want[i]) {
			t.Errorf("completion %d: %v, want %v", i, err, want[i])
		}
	}
}

func TestBucketGoesWithItsUploads(t *testing.T) {
	t.Parallel()
	s := newUploadSite(t)
	s.CollectAtOnce()
	s.ForgetAtOnce()
	s.mustBucket(t, "other")
	u := s.mustCreate(t, "k")
	s.mustPart(t, u, 1, "part")
	done := s.mustCreate(t, "done")
	s.complete(t, done, s.mustPart(t, done, 1, "done"))
	if err := s.DeleteBucket(t.Context(), event.Request{}, "bucket"); !errors.Is(err, object.ErrBucketNotEmpty) {
		t.Fatalf("DeleteBucket with an object: %v", err)
	}
	if _, err := s.Copy(t.Context(), copyInput("bucket/done", "other/copy")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Delete(t.Context(), object.DeleteInput{Bucket: "bucket", Key: "done"}); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteBucket(t.Context(), event.Request{}, "bucket"); err != nil {
		t.Fatal(err)
	}
	s.mustBucket(t, "bucket")
	if _, err := s.part(t.Context(), u, 2, "late"); !errors.Is(err, object.ErrNoSuchUpload) {
		t.Errorf("a part for a bucket of the same name: %v", err)
	}
	s.collect(t)
	s.wantRows(t, "the bucket was deleted", rows{Parts: 1, Blobs: 1})
	if got, err := s.get(t.Context(), "other", "copy"); err != nil || got != "done" {
		t.Errorf("the copy in another bucket is %q, %v", got, err)
	}
}

// TestReaderOutlivesItsObject reads parts after their object was removed and the
// collector came by.
func TestReaderOutlivesItsObject(t *testing.T) {
	t.Parallel()
	s := newUploadSite(t)
	s.CollectAtOnce()
	s.ForgetAtOnce()
	u := s.mustCreate(t, "k")
	s.complete(t, u, s.mustPart(t, u, 1, "one"), s.mustPart(t, u, 2, "two"))
	o, err := s.Get(t.Context(), object.GetInput{Bucket: "bucket", Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := o.Open(t.Context(), 1, 5)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Delete(t.Context(), object.DeleteInput{Bucket: "bucket", Key: "k"}); err != nil {
		t.Fatal(err)
	}
	s.collect(t)
	if b, err := io.ReadAll(r); err != nil || string(b) != "netwo" {
		t.Errorf("read %q, %v", b, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	s.collect(t)
	s.wantRows(t, "after the reader", rows{})
}

func TestCopyPart(t *testing.T) {
	t.Parallel()
	s := newUploadSite(t)
	s.put(t, "bucket", "source", "0123456789")
	u := s.mustCreate(t, "k")
	for n, from := range map[int]int64{1: 0, 2: 4} {
		p, err := s.CopyPart(t.Context(), object.CopyPartInput{
			UploadInput: u, Number: n, SourceBucket: "bucket", SourceKey: "source",
			Select: func(object.Info) (int64, int64, error) { return from, 6, nil },
		})
		if want := etag("0123456789"[from : from+6]); err != nil || p.ETag != want || p.Size != 6 {
			t.Errorf("part %d is %+v, %v; want %s", n, p, err, want)
		}
	}
	_, err := s.CopyPart(t.Context(), object.CopyPartInput{
		UploadInput: u, Number: 3, SourceBucket: "bucket", SourceKey: "source",
		Select: func(object.Info) (int64, int64, error) { return 0, s3.MaxCopyBytes + 1, nil },
	})
	if !errors.Is(err, object.ErrCopyTooLarge) {
		t.Errorf("a copy that is too large: %v", err)
	}
	_, err = s.UploadPart(t.Context(), object.PartInput{UploadInput: u, Number: 3, Size: s3.MaxPartBytes + 1})
	if !errors.Is(err, object.ErrEntityTooLarge) {
		t.Errorf("a part that is too large: %v", err)
	}
	s.complete(t, u, object.CompletedPart{Number: 1, ETag: etag("012345")}, object.CompletedPart{Number: 2, ETag: etag("456789")})
	s.checkRanges(t, "k", "012345456789")
}

// TestUploadRaces completes and aborts an upload at once while its parts are
// uploaded again: one wins, and what it says is how it is.
func TestUploadRaces(t *testing.T) {
	t.Parallel()
	s := newUploadSite(t)
	s.CollectAtOnce()
	s.ForgetAtOnce()
	ctx := t.Context()
	for round := range 60 {
		key := fmt.Sprintf("k%d", round)
		u := s.mustCreate(t, key)
		list := []object.CompletedPart{s.mustPart(t, u, 1, "one"), s.mustPart(t, u, 2, "two")}
		var completed, aborted atomic.Int32
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				_, err := s.CompleteUpload(ctx, object.CompleteInput{UploadInput: u, Parts: list})
				switch {
				case err == nil:
					completed.Add(1)
				case !errors.Is(err, object.ErrNoSuchUpload) && !errors.Is(err, object.ErrInvalidPart):
					t.Error(err)
				}
			})
		}
		wg.Go(func() {
			for n := range 1 + round%4 {
				if _, err := s.part(ctx, u, 2+n%2, []string{"two", "other"}[round%2]); err != nil && !errors.Is(err, object.ErrNoSuchUpload) {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			if err := s.AbortUpload(ctx, u); err == nil {
				aborted.Add(1)
			} else if !errors.Is(err, object.ErrNoSuchUpload) {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if _, err := s.Collect(ctx); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		if completed.Load() > 0 == (aborted.Load() > 0) {
			t.Fatalf("%d completions and %d abortions succeeded", completed.Load(), aborted.Load())
		}
		got, err := s.get(ctx, "bucket", key)
		if completed.Load() > 0 && (err != nil || got != "onetwo") || aborted.Load() > 0 && !errors.Is(err, object.ErrNoSuchKey) {
			t.Fatalf("the key holds %q, %v after %d completions", got, err, completed.Load())
		}
		if _, err := s.Delete(ctx, object.DeleteInput{Bucket: "bucket", Key: key}); err != nil {
			t.Fatal(err)
		}
	}
	s.collect(t)
	s.wantRows(t, "all done", rows{})
}

// TestUploadModel does random things to uploads and compares with a map.
func TestUploadModel(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	s := newUploadSite(t)
	s.CollectAtOnce()
	s.ForgetAtOnce()
	open := map[object.UploadInput]map[int]string{}
	objects := map[string]string{}
	for step := range 600 {
		var u object.UploadInput
		for u = range open {
			break
		}
		fail := func(err error) {
			if err != nil {
				t.Fatalf("seed %d, step %d: %v", seed, step, err)
			}
		}
		switch what := r.IntN(12); {
		case u.UploadID == "" || what == 0:
			open[s.mustCreate(t, fmt.Sprintf("k%d", r.IntN(4)))] = map[int]string{}
		case what < 7:
			n, body := 1+r.IntN(8), fmt.Sprintf("%d-%d", step, seed)[:r.IntN(5)]
			s.mustPart(t, u, n, body)
			open[u][n] = body
		case what == 7:
			fail(s.AbortUpload(t.Context(), u))
			delete(open, u)
		case what == 8:
			s.collect(t)
		case what == 9 && len(objects) > 0:
			from, to := anyKey(objects), fmt.Sprintf("k%d", r.IntN(4))
			in := copyInput("bucket/"+from, "bucket/"+to)
			in.Replace = true
			_, err := s.Copy(t.Context(), in)
			fail(err)
			objects[to] = objects[from]
		case len(open[u]) > 0:
			var list []object.CompletedPart
			body := ""
			for _, n := range sortedKeys(open[u]) {
				if len(list) == 0 || r.IntN(4) > 0 {
					list = append(list, object.CompletedPart{Number: n, ETag: etag(open[u][n])})
					body += open[u][n]
				}
			}
			s.complete(t, u, list...)
			delete(open, u)
			objects[u.Key] = body
		}
		for key, want := range objects {
			from := r.IntN(len(want) + 1)
			to := from + r.IntN(len(want)-from+1)
			if got, err := s.read(t.Context(), key, int64(from), int64(to-from)); err != nil || got != want[from:to] {
				t.Fatalf("seed %d, step %d: %s[%d:%d] is %q, %v; want %q", seed, step, key, from, to, got, err, want[from:to])
			}
		}
	}
	for u, want := range open {
		page, err := s.ListParts(t.Context(), object.ListPartsInput{UploadInput: u, MaxParts: 100})
		got := map[int]string{}
		for _, p := range page.Parts {
			got[p.Number] = p.ETag
		}
		for n := range want {
			want[n] = etag(want[n])
		}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("seed %d: parts under way: %v %s", seed, err, diff)
		}
		if err := s.AbortUpload(t.Context(), u); err != nil {
			t.Error(err)
		}
	}
	for key := range objects {
		if _, err := s.Delete(t.Context(), object.DeleteInput{Bucket: "bucket", Key: key}); err != nil {
			t.Error(err)
		}
	}
	s.collect(t)
	s.wantRows(t, fmt.Sprintf("seed %d: nothing is left", seed), rows{})
}

// TestListUploads compares pages of every size with a list made by hand.
func TestListUploads(t *testing.T) {
	t.Parallel()
	s := newUploadSite(t)
	var ids []string
	for _, key := range []string{"b/2", "a", "b/1", "a", "b/", "c", "b", "d/x/y", "d/x/z", "a!"} {
		u := s.mustCreate(t, key)
		ids = append(ids, key+" "+u.UploadID)
	}
	done := s.mustCreate(t, "a")
	s.complete(t, done, s.mustPart(t, done, 1, "x"))
	slices.SortFunc(ids, byKeyThenID)
	for _, tt := range []struct{ prefix, delimiter string }{
		{"", ""}, {"", "/"}, {"b", ""}, {"b/", "/"}, {"d/", "/"}, {"", "0"}, {"", "x/"}, {"none", "/"},
	} {
		var want []string
		for _, u := range ids {
			key, _, _ := strings.Cut(u, " ")
			rest, ok := strings.CutPrefix(key, tt.prefix)
			if !ok {
				continue
			}
			if head, _, ok := strings.Cut(rest, tt.delimiter); ok && tt.delimiter != "" {
				u = tt.prefix + head + tt.delimiter
			}
			if !slices.Contains(want, u) {
				want = append(want, u)
			}
		}
		for size := 1; size <= len(ids)+1; size++ {
			if diff := cmp.Diff(want, s.listUploads(t, tt.prefix, tt.delimiter, size)); diff != "" {
				t.Errorf("prefix %q, delimiter %q, pages of %d: %s", tt.prefix, tt.delimiter, size, diff)
			}
		}
	}
}

// byKeyThenID orders what is written as "key id".
func byKeyThenID(a, b string) int {
	aKey, aID, _ := strings.Cut(a, " ")
	bKey, bID, _ := strings.Cut(b, " ")
	return order.Or(strings.Compare(aKey, bKey), strings.Compare(aID, bID))
}

// listUploads walks through the pages of a listing.
func (s *site) listUploads(t *testing.T, prefix, delimiter string, size int) []string {
	t.Helper()
	var all []string
	in := object.ListUploadsInput{Bucket: "bucket", Prefix: prefix, Delimiter: delimiter, MaxUploads: size}
	for range 100 {
		page, err := s.ListUploads(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		var entries []string
		for _, u := range page.Uploads {
			entries = append(entries, u.Key+" "+u.UploadID)
		}
		entries = append(entries, page.Prefixes...)
		slices.SortFunc(entries, strings.Compare)
		all = append(all, entries...)
		if !page.Truncated {
			slices.SortStableFunc(all, byKeyThenID)
			return all
		}
		if len(entries) != size {
			t.Fatalf("a truncated page has %d entries, want %d", len(entries), size)
		}
		in.AfterKey, in.AfterUpload = page.NextKey, page.NextUpload
	}
	t.Fatal("the listing has no end")
	return nil
}

func anyKey(m map[string]string) string {
	for k := range m {
		return k
	}
	return ""
}
