package object_test

import (
	stdcmp "cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/object"
	"github.com/carillon-s3/carillon/internal/s3"
)

// modelVersion is a version or marker as the model knows it.
type modelVersion struct {
	id, body, etag string
	marker         bool
	stamp          uint64
	tags           []s3.Tag
}

// versionModel is what S3 says of a bucket with versions; those of a key are
// newest first.
type versionModel struct {
	state object.Versioning
	keys  map[string][]modelVersion
}

// add makes v a key's latest version.
func (m *versionModel) add(key string, v modelVersion) {
	if v.id == object.NullVersion {
		m.remove(key, v.id)
	}
	m.keys[key] = append([]modelVersion{v}, m.keys[key]...)
}

// remove removes a version and says whether it was there.
func (m *versionModel) remove(key, id string) (v modelVersion, ok bool) {
	i := slices.IndexFunc(m.keys[key], func(v modelVersion) bool { return v.id == id })
	if i < 0 {
		return modelVersion{id: id}, false
	}
	v = m.keys[key][i]
	if m.keys[key] = slices.Delete(slices.Clone(m.keys[key]), i, i+1); len(m.keys[key]) == 0 {
		delete(m.keys, key)
	}
	return v, true
}

// shown is what GET shows of a key.
func (m *versionModel) shown(key string) (modelVersion, bool) {
	if v := m.keys[key]; len(v) > 0 && !v[0].marker {
		return v[0], true
	}
	return modelVersion{}, false
}

func (m *versionModel) allKeys() []string { return slices.Sorted(maps.Keys(m.keys)) }

// list is the whole listing of versions, a line each.
func (m *versionModel) list(prefix, delimiter string) (lines, prefixes []string) {
	for _, key := range m.allKeys() {
		rest, ok := strings.CutPrefix(key, prefix)
		if !ok {
			continue
		}
		if before, _, found := strings.Cut(rest, delimiter); delimiter != "" && found {
			if group := prefix + before + delimiter; !slices.Contains(prefixes, group) {
				prefixes = append(prefixes, group)
			}
			continue
		}
		for i, v := range m.keys[key] {
			lines = append(lines, versionLine(key, v.id, v.etag, v.marker, i == 0))
		}
	}
	return lines, prefixes
}

func versionLine(key, id, etag string, marker, latest bool) string {
	return fmt.Sprintf("%q %s %q marker %v latest %v", key, id, etag, marker, latest)
}

// versionWalk does random things to a bucket and to the model.
type versionWalk struct {
	*site
	t      *testing.T
	random *rand.Rand
	model  versionModel
	step   int
}

var versionKeys = []string{"a", "a/b", "a/c", "a\x01", "b/", "b/x/y", "c", "é"}

func (w *versionWalk) fail(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("step %d: %s", w.step, fmt.Sprintf(format, args...))
}

func (w *versionWalk) check(err error) {
	w.t.Helper()
	if err != nil {
		w.fail("%v", err)
	}
}

func (w *versionWalk) anyKey() string { return versionKeys[w.random.IntN(len(versionKeys))] }

// anyVersion is a version of a key, at times one that is not there.
func (w *versionWalk) anyVersion(key string) string {
	versions := w.model.keys[key]
	switch {
	case w.random.IntN(8) == 0:
		return object.NullVersion
	case len(versions) == 0 || w.random.IntN(12) == 0:
		return "5f7c4b1e-9d0a-4c3b-8e2f-112233445566"
	}
	return versions[w.random.IntN(len(versions))].id
}

// id is a version's id as the bucket's clients know it: in one that was never
// versioned it has none.
func (w *versionWalk) id(told string) string {
	if (told == "") != (w.model.state == object.NeverVersioned) {
		w.fail("version id %q in state %v", told, w.model.state)
	}
	if told == "" {
		return object.NullVersion
	}
	return told
}

func (w *versionWalk) created(key, body string, info object.Info, tags []s3.Tag) {
	id := w.id(info.VersionID)
	if (id == object.NullVersion) == (w.model.state == object.VersioningEnabled) {
		w.fail("version id %q in state %v", id, w.model.state)
	}
	w.model.add(key, modelVersion{id: id, body: body, etag: info.ETag, stamp: info.Stamp, tags: tags})
}

func (w *versionWalk) do() {
	key := w.anyKey()
	body := fmt.Sprintf("body %d", w.step)
	switch w.random.IntN(19) {
	case 0:
		w.switchState()
	case 1, 2, 3, 4:
		if w.random.IntN(4) == 0 {
			body += large('x')
		}
		in := putInput("bucket", key, body)
		in.Tags = w.anyTags()
		info, err := w.Put(w.t.Context(), in)
		w.check(err)
		w.created(key, body, info, in.Tags)
	case 5, 6:
		w.copy(key)
	case 7:
		u := w.mustCreate(w.t, key)
		parts := []object.CompletedPart{w.mustPart(w.t, u, 1, body), w.mustPart(w.t, u, 2, "tail")}
		info, err := w.CompleteUpload(w.t.Context(), object.CompleteInput{UploadInput: u, Parts: parts})
		w.check(err)
		again, err := w.CompleteUpload(w.t.Context(), object.CompleteInput{UploadInput: u, Parts: parts})
		if err != nil || again.VersionID != info.VersionID {
			w.fail("completed again: version %q, %v; want %q", again.VersionID, err, info.VersionID)
		}
		info.Stamp = w.head(key).Stamp // of an answer that is given again it has none
		w.created(key, body+"tail", info, nil)
	case 8, 9, 10:
		w.remove(key, "")
	case 11, 12, 13:
		w.retag(key)
	default:
		w.remove(key, w.anyVersion(key))
	}
}

func (w *versionWalk) anyTags() (tags []s3.Tag) {
	for i := range w.random.IntN(4) {
		tags = append(tags, s3.Tag{Key: fmt.Sprint("tag", i), Value: fmt.Sprint(w.step)})
	}
	return tags
}

func (w *versionWalk) head(key string) object.Info {
	info, err := w.Head(w.t.Context(), object.GetInput{Bucket: "bucket", Key: key})
	w.check(err)
	return info
}

// retag changes the tags of a version that may be there.
func (w *versionWalk) retag(key string) {
	in := object.TagsInput{Bucket: "bucket", Key: key, VersionID: w.anyVersion(key), Tags: w.anyTags()}
	if w.random.IntN(2) == 0 {
		in.VersionID = ""
	}
	change := w.SetTags
	if w.random.IntN(3) == 0 {
		change, in.Tags = w.DeleteTags, nil
	}
	i := slices.IndexFunc(w.model.keys[key], func(v modelVersion) bool { return v.id == in.VersionID || in.VersionID == "" })
	id, err := change(w.t.Context(), in)
	if i < 0 || w.model.keys[key][i].marker {
		if !errors.Is(err, object.ErrNoSuchKey) && !errors.Is(err, object.ErrNoSuchVersion) && !errors.Is(err, object.ErrDeleteMarker) {
			w.fail("tagging version %q of %s gave %v", in.VersionID, key, err)
		}
		return
	}
	w.check(err)
	if v := &w.model.keys[key][i]; w.id(id) == v.id {
		v.tags = in.Tags
		return
	}
	w.fail("tagging version %q of %s answers %q", in.VersionID, key, id)
}

func (w *versionWalk) switchState() {
	state := object.VersioningEnabled
	if w.random.IntN(2) == 0 {
		state = object.VersioningSuspended
	}
	w.check(w.SetVersioning(w.t.Context(), "bucket", state))
	w.model.state = state
}

func (w *versionWalk) copy(key string) {
	source := w.anyKey()
	in := copyInput("bucket/"+source, "bucket/"+key)
	in.Replace = true
	if in.ReplaceTags = w.random.IntN(2) == 0; in.ReplaceTags {
		in.Tags = w.anyTags()
	}
	var from modelVersion
	var ok bool
	if w.random.IntN(2) == 0 {
		from, ok = w.model.shown(source)
	} else {
		in.SourceVersion = w.anyVersion(source)
		i := slices.IndexFunc(w.model.keys[source], func(v modelVersion) bool { return v.id == in.SourceVersion })
		if ok = i >= 0 && !w.model.keys[source][i].marker; ok {
			from = w.model.keys[source][i]
		}
	}
	info, err := w.Copy(w.t.Context(), in)
	if ok {
		w.check(err)
		if in.ReplaceTags {
			from.tags = in.Tags
		}
		w.created(key, from.body, info, from.tags)
		return
	}
	if !errors.Is(err, object.ErrNoSuchKey) && !errors.Is(err, object.ErrNoSuchVersion) && !errors.Is(err, object.ErrDeleteMarker) {
		w.fail("copy of %s, version %q, gave %v", source, in.SourceVersion, err)
	}
}

func (w *versionWalk) remove(key, id string) {
	got, err := w.Delete(w.t.Context(), object.DeleteInput{Bucket: "bucket", Key: key, VersionID: id})
	w.check(err)
	marking := id == "" && w.model.state != object.NeverVersioned
	if marking {
		made := w.id(got.VersionID)
		w.model.add(key, modelVersion{id: made, marker: true})
		if !got.Marker || (made == object.NullVersion) == (w.model.state == object.VersioningEnabled) {
			w.fail("deleting %s made %+v in state %v", key, got, w.model.state)
		}
		return
	}
	if id == "" {
		id = object.NullVersion
	}
	v, ok := w.model.remove(key, id)
	want := object.Deleted{VersionID: v.id, Marker: v.marker && ok}
	if w.model.state == object.NeverVersioned && id == object.NullVersion {
		want.VersionID = ""
	}
	if got != want {
		w.fail("deleting version %s of %s gave %+v, want %+v", id, key, got, want)
	}
}

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

// TestVersionsAgreeWithTheModel does random things to few keys of a bucket whose
// versioning is switched now and then, and compares all that can be read of it
// with a model. In the end it deletes every version, and nothing may be left.
func TestVersionsAgreeWithTheModel(t *testing.T) {
	t.Parallel()
	for range 4 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			w := &versionWalk{
				site: newUploadSite(t), t: t, random: rand.New(rand.NewPCG(seed, 0)),
				model: versionModel{keys: map[string][]modelVersion{}},
			}
			w.CollectAtOnce()
			w.ForgetAtOnce()
			for w.step = range 300 {
				w.do()
				if w.step%5 == 0 {
					w.compare()
				}
				if w.step%50 == 0 {
					w.collect(t)
					w.compareJournal()
					w.compareUsage()
				}
			}
			w.compare()
			w.compareJournal()
			w.removeAll()
		})
	}
}

// removeAll deletes page after page of the versions, as clients do: the marker of
// the next page is deleted before it is asked for.
func (w *versionWalk) removeAll() {
	in := object.ListVersionsInput{Bucket: "bucket", MaxKeys: 3}
	for {
		page, err := w.ListVersions(w.t.Context(), in)
		w.check(err)
		if len(w.model.keys) > 0 {
			if err := w.DeleteBucket(w.t.Context(), event.Request{}, "bucket"); !errors.Is(err, object.ErrBucketNotEmpty) {
				w.fail("deleting the bucket with %d keys gave %v", len(w.model.keys), err)
			}
		}
		var targets []object.DeleteTarget
		for _, v := range page.Versions {
			targets = append(targets, object.DeleteTarget{Key: v.Key, VersionID: v.VersionID})
			w.model.remove(v.Key, v.VersionID)
		}
		for _, r := range w.DeleteMany(w.t.Context(), "bucket", targets, event.Request{}) {
			w.check(r.Err)
		}
		w.compare()
		if !page.Truncated {
			break
		}
		in.KeyMarker, in.VersionMarker = page.NextKey, page.NextVersion
	}
	w.compareJournal()
	w.collect(w.t)
	w.wantRows(w.t, "all versions deleted", rows{})
	w.check(w.DeleteBucket(w.t.Context(), event.Request{}, "bucket"))
}
