package object_test

import (
	stdcmp "cmp"
	"context"
	"errors"
	"io"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/object"
)

func (s *site) getVersion(ctx context.Context, in object.GetInput) (string, object.Info, error) {
	o, err := s.Get(ctx, in)
	if err != nil {
		return "", object.Info{}, err
	}
	r, err := o.Open(ctx, 0, o.Size)
	if err != nil {
		return "", object.Info{}, err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	return string(data), o.Info, err
}

// compare compares all that can be read of the bucket with the model.
func (w *versionWalk) compare() {
	w.t.Helper()
	for _, key := range versionKeys {
		want, ok := w.model.shown(key)
		w.compareVersion(object.GetInput{Bucket: "bucket", Key: key}, want, ok)
		if ok && w.model.state == object.NeverVersioned {
			continue
		}
		for _, v := range w.model.keys[key] {
			w.compareVersion(object.GetInput{Bucket: "bucket", Key: key, VersionID: v.id}, v, !v.marker)
		}
	}
	w.compareListing()
	w.check(w.CheckVersionRows(w.t.Context(), "bucket"))
}

func (w *versionWalk) compareVersion(in object.GetInput, want modelVersion, there bool) {
	body, info, err := w.getVersion(w.t.Context(), in)
	head, headErr := w.Head(w.t.Context(), in)
	var marker *object.MarkerError
	switch {
	case there && (err != nil || body != want.body || w.id(info.VersionID) != want.id):
		w.fail("%s, version %q, holds %.20q, %q, %v; want %+v", in.Key, in.VersionID, body, info.VersionID, err, want)
	case there && (!cmp.Equal(info.Tags, want.tags, cmpopts.EquateEmpty()) || info.Stamp != want.stamp):
		w.fail("%s, version %q, has tags %v, stamp %d; want %+v", in.Key, in.VersionID, info.Tags, info.Stamp, want)
	case there && !cmp.Equal(info.Lock, want.lock):
		w.fail("%s, version %q, has lock %+v, want %+v", in.Key, in.VersionID, info.Lock, want.lock)
	case there && (headErr != nil || !cmp.Equal(info, head)):
		w.fail("head of %s, version %q: %+v, %v", in.Key, in.VersionID, head, headErr)
	case there:
	case in.VersionID != "" && !(errors.Is(err, object.ErrDeleteMarker) && errors.As(headErr, &marker) && marker.VersionID == want.id):
		w.fail("marker %s of %s: %v and %v", in.VersionID, in.Key, err, headErr)
	case in.VersionID == "" && (!errors.Is(err, object.ErrNoSuchKey) || !errors.Is(headErr, object.ErrNoSuchKey) ||
		errors.As(err, &marker) != (len(w.model.keys[in.Key]) > 0)):
		w.fail("%s: %v and %v", in.Key, err, headErr)
	}
}

// compareListing reads the listings in pages of a random size.
func (w *versionWalk) compareListing() {
	prefix, delimiter := []string{"", "a", "a/", "b/", "zz"}[w.random.IntN(5)], []string{"", "/", "\x01", "x"}[w.random.IntN(4)]
	in := object.ListVersionsInput{Bucket: "bucket", Prefix: prefix, Delimiter: delimiter, MaxKeys: 1 + w.random.IntN(6)}
	var lines, prefixes []string
	for {
		page, err := w.ListVersions(w.t.Context(), in)
		w.check(err)
		for _, v := range page.Versions {
			lines = append(lines, versionLine(v.Key, v.VersionID, v.ETag, v.Marker, v.Latest))
		}
		prefixes = append(prefixes, page.Prefixes...)
		if n := len(page.Versions) + len(page.Prefixes); n > in.MaxKeys || page.Truncated && n != in.MaxKeys {
			w.fail("page of %d, truncated %v, of %d", n, page.Truncated, in.MaxKeys)
		}
		if !page.Truncated {
			break
		}
		in.KeyMarker, in.VersionMarker = page.NextKey, page.NextVersion
	}
	wantLines, wantPrefixes := w.model.list(prefix, delimiter)
	if diff := cmp.Diff([][]string{wantLines, wantPrefixes}, [][]string{lines, prefixes}); diff != "" {
		w.fail("listing of prefix %q, delimiter %q: %s", prefix, delimiter, diff)
	}
	var keys []string
	for _, key := range w.model.allKeys() {
		if _, ok := w.model.shown(key); ok {
			keys = append(keys, key)
		}
	}
	if diff := cmp.Diff(keys, w.listAll(w.t, object.ListInput{Bucket: "bucket", MaxKeys: in.MaxKeys})); diff != "" {
		w.fail("listing of keys: %s", diff)
	}
}

// compareJournal compares what each key's last event left with the model.
func (w *versionWalk) compareJournal() {
	told, err := lastEvents(w.t.Context(), w.site, "bucket")
	w.check(err)
	for key, rec := range told {
		want, ok := w.model.shown(key)
		if (rec.Post != nil) != ok {
			w.fail("after the last event of %s, %+v, GET shows %+v", key, rec, want)
		}
		if ok && rec.Post.UserMetadata["x-amz-object-lock-mode"] != want.lock.Retention.Mode.String() {
			w.fail("the last event of %s tells of lock %v, GET of %+v", key, rec.Post.UserMetadata, want.lock)
		}
		// What was written before versioning was enabled has no version id.
		if ok && (rec.Post.ETag != want.etag || stdcmp.Or(rec.Post.VersionID, object.NullVersion) != want.id ||
			rec.Post.Size != int64(len(want.body))) {
			w.fail("the last event of %s left %+v, GET shows %s, version %s", key, rec.Post, want.etag, want.id)
		}
	}
	for key := range w.model.keys {
		if told[key] == nil {
			w.fail("%s has no event", key)
		}
	}
}

// lastEvents are the last mutations of each key of a bucket.
func lastEvents(ctx context.Context, s *site, bucket string) (map[string]*event.Record, error) {
	last := map[string]*event.Record{}
	for p := range uint16(journal.MutationPartitions) {
		entries, err := s.journal.Read(ctx, p, 1, 1_000_000)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if e.Record.Bucket == bucket && e.Record.Key != "" {
				last[e.Record.Key] = e.Record
			}
		}
	}
	return last, nil
}

func (w *versionWalk) compareUsage() {
	var want object.BucketUsage
	want.Name = "bucket"
	for key, versions := range w.model.keys {
		if _, ok := w.model.shown(key); ok {
			want.Objects++
		}
		for _, v := range versions {
			if v.marker {
				want.Markers++
				continue
			}
			want.Versions++
			want.Bytes += int64(len(v.body))
		}
	}
	got, err := w.Usage(w.t.Context())
	w.check(err)
	if diff := cmp.Diff([]object.BucketUsage{want}, got); diff != "" {
		w.fail("usage: %s", diff)
	}
}
