package object_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/object"
)

// meddled is a store in which something happens right before a commit, after all
// that the commit decided on was read.
type meddled struct {
	kv.Store
	before func()
}

func (m *meddled) Commit(ctx context.Context, b *kv.Batch) ([]kv.Position, error) {
	if before := m.before; before != nil {
		m.before = nil
		before()
	}
	return m.Store.Commit(ctx, b)
}

// TestDecidedAgain lets something happen between each decision and its commit,
// by way of another Service on the same store, whose locks are its own.
func TestDecidedAgain(t *testing.T) {
	t.Parallel()
	const bucket = "bucket"
	var (
		ctx     = t.Context()
		body    = large('b')
		put     = func(key string) func(*fixture) error { return func(f *fixture) error { return f.put(ctx, key, body) } }
		remove  = func(key string) func(*fixture) error { return func(f *fixture) error { return f.remove(ctx, key) } }
		copies  = func(f *fixture) error { _, err := f.s.Copy(ctx, copyInput("bucket/source", "bucket/k")); return err }
		part    = func(f *fixture) error { _, err := f.s.part(ctx, f.upload, 2, "other"); return err }
		abort   = func(f *fixture) error { return f.s.AbortUpload(ctx, f.upload) }
		begin   = func(f *fixture) error { _, err := f.s.create(ctx, "new"); return err }
		noBuck  = func(f *fixture) error { return f.s.DeleteBucket(ctx, event.Request{}, bucket) }
		parts   = func(f *fixture) error { return f.complete(ctx, "source") }
		aborted = rows{}
		one     = rows{Parts: 2, Blobs: 2}
	)
	complete := func(f *fixture) error { return f.complete(ctx, "k") }
	tests := map[string]struct {
		source        func(*fixture) error // makes the source of copies
		do, meanwhile func(*fixture) error
		want          error
		holds         string // what k holds then
		left          rows   // what is left when uploads are given up and all is collected
	}{
		"copy, source overwritten":        {put("source"), copies, put("source"), nil, body, rows{Blobs: 1}},
		"copy, source removed":            {put("source"), copies, remove("source"), object.ErrNoSuchKey, "", rows{}},
		"copy, source in parts removed":   {parts, copies, remove("source"), object.ErrNoSuchKey, "", rows{}},
		"copy, destination overwritten":   {put("source"), copies, put("k"), nil, body, rows{Blobs: 1}},
		"complete, part uploaded again":   {nil, complete, part, object.ErrInvalidPart, "", aborted},
		"complete, aborted":               {nil, complete, abort, object.ErrNoSuchUpload, "", aborted},
		"complete, completed":             {nil, complete, complete, nil, "onetwo", one},
		"complete, key written":           {nil, complete, put("k"), nil, "onetwo", one},
		"part, completed":                 {nil, part, complete, object.ErrNoSuchUpload, "onetwo", one},
		"part, aborted":                   {nil, part, abort, object.ErrNoSuchUpload, "", aborted},
		"part, uploaded by another":       {nil, part, part, nil, "", aborted},
		"part, bucket deleted":            {nil, part, noBuck, object.ErrNoSuchBucket, "", aborted},
		"abort, completed":                {nil, abort, complete, object.ErrNoSuchUpload, "onetwo", one},
		"abort, part uploaded":            {nil, abort, part, nil, "", aborted},
		"create, bucket deleted":          {nil, begin, noBuck, object.ErrNoSuchBucket, "", aborted},
		"delete the bucket, part in time": {nil, noBuck, part, nil, "", aborted},
		"delete the bucket, completed":    {nil, noBuck, complete, object.ErrBucketNotEmpty, "onetwo", one},
	}
	for name, tt := range tests {
		for _, collect := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, collected %v", name, collect), func(t *testing.T) {
				t.Parallel()
				f := newFixture(t)
				if tt.source != nil {
					if err := tt.source(f); err != nil {
						t.Fatal(err)
					}
				}
				f.start(t)
				f.store.before = func() {
					if err := tt.meanwhile(f.other); err != nil {
						t.Errorf("meanwhile: %v", err)
					}
					if collect {
						f.s.collect(t)
					}
				}
				if err := tt.do(f); !errors.Is(err, tt.want) {
					t.Errorf("it gave %v, want %v", err, tt.want)
				}
				if f.store.before != nil {
					t.Error("nothing was committed")
				}
				f.checkLeft(t, tt.holds, tt.left)
			})
		}
	}
}

// fixture is a site whose store is meddled with, and another on the same store.
type fixture struct {
	s      *site
	store  *meddled
	upload object.UploadInput
	parts  []object.CompletedPart
	other  *fixture
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	s := newUploadSite(t)
	f := &fixture{s: s, store: &meddled{Store: s.store}, other: &fixture{}}
	another := *s
	f.other.s = &another
	s.store = f.store
	s.reopen(t)
	another.SkipIDs()
	for _, s := range []*site{s, &another} {
		s.AllowSmallParts()
		s.CollectAtOnce()
	}
	return f
}

// start begins an upload of k with two parts.
func (f *fixture) start(t *testing.T) {
	t.Helper()
	f.upload = f.other.s.mustCreate(t, "k")
	f.parts = []object.CompletedPart{f.other.s.mustPart(t, f.upload, 1, "one"), f.other.s.mustPart(t, f.upload, 2, "two")}
	f.other.upload, f.other.parts = f.upload, f.parts
}

func (f *fixture) put(ctx context.Context, key, body string) error {
	_, err := f.s.Put(ctx, putInput("bucket", key, body))
	return err
}

func (f *fixture) remove(ctx context.Context, key string) error {
	_, err := f.s.Delete(ctx, object.DeleteInput{Bucket: "bucket", Key: key})
	return err
}

// complete completes the upload under way or, of another key, one of its own.
func (f *fixture) complete(ctx context.Context, key string) error {
	u, parts := f.upload, f.parts
	if key != "k" {
		var err error
		if u, err = f.s.create(ctx, key); err != nil {
			return err
		}
		p, err := f.s.part(ctx, u, 1, "source")
		if err != nil {
			return err
		}
		parts = []object.CompletedPart{p}
	}
	_, err := f.s.CompleteUpload(ctx, object.CompleteInput{UploadInput: u, Parts: parts})
	return err
}

func (f *fixture) checkLeft(t *testing.T, holds string, left rows) {
	t.Helper()
	ctx := t.Context()
	got, err := f.s.get(ctx, "bucket", "k")
	if got != holds || err != nil && !errors.Is(err, object.ErrNoSuchKey) && !errors.Is(err, object.ErrNoSuchBucket) {
		t.Errorf("k holds %.20q, %v; want %.20q", got, err, holds)
	}
	if err := f.remove(ctx, "source"); err != nil && !errors.Is(err, object.ErrNoSuchBucket) {
		t.Error(err)
	}
	err = f.s.AbortUpload(ctx, f.upload)
	if err != nil && !errors.Is(err, object.ErrNoSuchUpload) && !errors.Is(err, object.ErrNoSuchBucket) {
		t.Error(err)
	}
	f.s.ForgetAtOnce()
	f.s.collect(t)
	f.s.wantRows(t, "at the end", left)
}
