package object_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/object"
	"github.com/carillon-s3/carillon/internal/s3"
)

// modelVersion is a version or marker as the model knows it.
type modelVersion struct {
	id, body, etag string
	marker         bool
	stamp          uint64
	tags           []s3.Tag
	lock           object.Lock
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
	// locks is nil of a bucket without object lock.
	locks *lockWalk
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
	w.model.add(key, modelVersion{id: id, body: body, etag: info.ETag, stamp: info.Stamp, tags: tags, lock: w.locks.made()})
}

func (w *versionWalk) do() {
	if w.locks != nil && w.random.IntN(3) == 0 {
		w.relock()
		return
	}
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
		in.Tags, in.Lock = w.anyTags(), w.locks.ask()
		info, err := w.Put(w.t.Context(), in)
		w.check(err)
		w.created(key, body, info, in.Tags)
	case 5, 6:
		w.copy(key)
	case 7:
		u := w.mustCreateLocked(key)
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
	err := w.SetVersioning(w.t.Context(), "bucket", state)
	if w.locks != nil && state == object.VersioningSuspended {
		if !errors.Is(err, object.ErrLockedBucket) {
			w.fail("suspending versioning gave %v", err)
		}
		return
	}
	w.check(err)
	w.model.state = state
}

func (w *versionWalk) copy(key string) {
	source := w.anyKey()
	in := copyInput("bucket/"+source, "bucket/"+key)
	in.Replace = true
	if in.ReplaceTags = w.random.IntN(2) == 0; in.ReplaceTags {
		in.Tags = w.anyTags()
	}
	in.Lock = w.locks.ask()
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
	in := object.DeleteInput{Bucket: "bucket", Key: key, VersionID: id, Bypass: w.locks.bypass()}
	got, err := w.Delete(w.t.Context(), in)
	if w.refused(in, err) {
		return
	}
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
			w.walk()
			w.removeAll()
		})
	}
}

// walk does random things, and compares now and then.
func (w *versionWalk) walk() {
	w.CollectAtOnce()
	w.ForgetAtOnce()
	for w.step = range 300 {
		w.do()
		if w.step%5 == 0 {
			w.compare()
		}
		if w.step%50 == 0 {
			w.collect(w.t)
			w.compareJournal()
			w.compareUsage()
		}
	}
	w.compare()
	w.compareJournal()
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
