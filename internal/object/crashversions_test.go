package object_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/object"
	"github.com/carillon-s3/carillon/internal/s3"
)

// The versioned part of the crash suite: each writer has a bucket of its own,
// whose versioning it switches, or with object lock, where it puts legal holds on
// and off and no held version may go. Lifecycle rules remove whole keys. After a power cut the versions of each key must
// be those after the last acknowledged change, or after one that was under way.

const (
	crashVersionKeys = 2 // of each writer
	// crashVersions is how many versions of a key a writer lets grow.
	crashVersions = 5
)

func versionBucket(writer int) string { return fmt.Sprintf("versions%d", writer) }

// lockedWriter says whose bucket has object lock.
func lockedWriter(writer int) bool { return writer%2 == 1 }

func versionKeyOf(writer, n int) string { return fmt.Sprintf("v%d/k%d", writer, n) }

// crashVersion is a version as its writer knows it: body is empty for a marker.
type crashVersion struct {
	id, body, tag string
	held          bool
}

// crashState is a text of a key's versions, newest first: no two lists have the same.
func crashState(versions []crashVersion) string {
	var b strings.Builder
	for _, v := range versions {
		what := "marker"
		if v.body != "" {
			what = etag(v.body)
		}
		fmt.Fprintf(&b, "%s null %v tag %s held %v;", what, v.id == object.NullVersion, v.tag, v.held)
	}
	return b.String() + "."
}

// versionWriter changes versions of its own keys.
type versionWriter struct {
	*crashWriter
	bucket string
	state  object.Versioning
	keys   map[string][]crashVersion
}

// recall reads what a former life left.
func (w *versionWriter) recall(ctx context.Context) (err error) {
	w.keys = map[string][]crashVersion{}
	if w.state, err = w.Versioning(ctx, w.bucket); err != nil {
		return err
	}
	for n := range crashVersionKeys {
		key := versionKeyOf(w.number, n)
		if w.keys[key], err = w.readVersions(ctx, w.bucket, key); err != nil {
			return err
		}
	}
	return nil
}

// change does one random change.
func (w *versionWriter) change(ctx context.Context, id string) error {
	if w.keys == nil {
		if err := w.recall(ctx); err != nil {
			return err
		}
	}
	key := versionKeyOf(w.number, w.random.IntN(crashVersionKeys))
	versions := w.keys[key]
	body := id + ":"
	switch what := w.random.IntN(14); {
	case what == 0:
		return w.toggle(ctx)
	case what == 13 && lockedWriter(w.number):
		return w.rehold(ctx, id, key)
	case what == 12 && len(versions) > 0:
		return w.expire(ctx, id, key)
	case what >= 11:
		return w.retag(ctx, id, key)
	case len(versions) > 0 && (what <= 3 || len(versions) > crashVersions):
		return w.removeVersion(ctx, id, key, w.random.IntN(len(versions)))
	case what <= 5:
		return w.add(ctx, id, key, "", func(req event.Request) (string, error) {
			d, err := w.Delete(ctx, object.DeleteInput{Bucket: w.bucket, Key: key, Request: req})
			return d.VersionID, err
		})
	case what == 6 && len(versions) > 0:
		from := versions[w.random.IntN(len(versions))]
		if from.body == "" {
			return nil
		}
		return w.add(ctx, id, key, from.body, func(req event.Request) (string, error) {
			in := copyInput(w.bucket+"/"+key, w.bucket+"/"+key)
			in.SourceVersion, in.Replace, in.ReplaceTags, in.Request = from.id, true, true, req
			info, err := w.Copy(ctx, in)
			return info.VersionID, err
		})
	case what == 7:
		return w.uploadVersion(ctx, id, key, body)
	case what <= 9:
		body += strings.Repeat("L", 40<<10)
	}
	return w.add(ctx, id, key, body, func(req event.Request) (string, error) {
		in := putInput(w.bucket, key, body)
		in.Request = req
		info, err := w.Put(ctx, in)
		return info.VersionID, err
	})
}

func (w *versionWriter) toggle(ctx context.Context) error {
	if lockedWriter(w.number) {
		return nil
	}
	next := object.VersioningEnabled
	if w.state == object.VersioningEnabled {
		next = object.VersioningSuspended
	}
	err := w.SetVersioning(ctx, w.bucket, next)
	w.state = next
	return err
}

// add makes a version or, without a body, a marker.
func (w *versionWriter) add(ctx context.Context, id, key, body string, act func(event.Request) (string, error)) error {
	versions := w.keys[key]
	made := crashVersion{id: "new", body: body}
	if w.state == object.VersioningSuspended {
		made.id = object.NullVersion
		versions = slices.DeleteFunc(slices.Clone(versions), func(v crashVersion) bool { return v.id == object.NullVersion })
	}
	versions = append([]crashVersion{made}, versions...)
	w.log.start(op{id: id, key: key, versions: crashState(versions)})
	var err error
	if versions[0].id, err = act(event.Request{ID: id}); err != nil {
		return err
	}
	if w.fault == forgetOlder {
		w.ForgetOlder(ctx, w.bucket, key)
	}
	w.log.settle(key)
	w.keys[key] = versions
	return nil
}

func (w *versionWriter) removeVersion(ctx context.Context, id, key string, n int) error {
	version := w.keys[key][n].id
	if w.keys[key][n].held {
		_, err := w.Delete(ctx, object.DeleteInput{Bucket: w.bucket, Key: key, VersionID: version, Bypass: true})
		if err == nil {
			return fmt.Errorf("held version %s of %s was removed", version, key)
		}
		if errors.Is(err, object.ErrLocked) {
			err = nil
		}
		return err
	}
	versions := slices.Delete(slices.Clone(w.keys[key]), n, n+1)
	w.log.start(op{id: id, key: key, versions: crashState(versions)})
	in := object.DeleteInput{Bucket: w.bucket, Key: key, VersionID: version, Request: event.Request{ID: id}}
	if _, err := w.Delete(ctx, in); err != nil {
		return err
	}
	w.log.settle(key)
	w.keys[key] = versions
	return nil
}

// retag gives a version a tag.
func (w *versionWriter) retag(ctx context.Context, id, key string) error {
	if len(w.keys[key]) == 0 {
		return nil
	}
	n := w.random.IntN(len(w.keys[key]))
	versions := slices.Clone(w.keys[key])
	if versions[n].body == "" {
		return nil
	}
	versions[n].tag = id
	w.log.start(op{id: id, key: key, versions: crashState(versions)})
	_, err := w.SetTags(ctx, object.TagsInput{
		Bucket: w.bucket, Key: key, VersionID: versions[n].id, Tags: []s3.Tag{{Key: "tag", Value: id}}, Request: event.Request{ID: id},
	})
	if err != nil {
		return err
	}
	w.log.settle(key)
	w.keys[key] = versions
	return nil
}

// rehold puts the legal hold of a version on or off.
func (w *versionWriter) rehold(ctx context.Context, id, key string) error {
	if len(w.keys[key]) == 0 {
		return nil
	}
	n := w.random.IntN(len(w.keys[key]))
	versions := slices.Clone(w.keys[key])
	if versions[n].body == "" {
		return nil
	}
	versions[n].held = !versions[n].held
	in := object.LegalHoldInput{
		Bucket: w.bucket, Key: key, VersionID: versions[n].id, LegalHold: object.LegalHoldOff, Request: event.Request{ID: id},
	}
	if versions[n].held {
		in.LegalHold = object.LegalHoldOn
	}
	w.log.start(op{id: id, key: key, versions: crashState(versions)})
	if _, err := w.SetLegalHold(ctx, in); err != nil {
		return err
	}
	w.log.settle(key)
	w.keys[key] = versions
	return nil
}

// expire removes all versions of a key by a lifecycle rule, unless one is held.
func (w *versionWriter) expire(ctx context.Context, id, key string) error {
	page, err := w.ListVersions(ctx, object.ListVersionsInput{Bucket: w.bucket, Prefix: key, MaxKeys: 1})
	if err != nil || len(page.Versions) == 0 {
		return errors.Join(err, fmt.Errorf("versions of %s: %+v", key, page))
	}
	want := object.ExpireAll
	if slices.ContainsFunc(w.keys[key], func(v crashVersion) bool { return v.held }) {
		want = object.Keep
	} else {
		w.log.start(op{id: id, key: key, versions: crashState(nil)})
	}
	latest := page.Versions[0]
	done, err := w.Expire(ctx, object.ExpireInput{
		Bucket: w.bucket, Key: key, VersionID: latest.VersionID, Stamp: latest.Stamp, Request: event.Request{ID: id},
		Decide: func(*object.Document, *object.Aged) object.Expiry { return object.ExpireAll },
	})
	switch {
	case err != nil:
		return err
	case done != want:
		return fmt.Errorf("%s expired as %d, want %d", key, done, want)
	case done == object.ExpireAll:
		w.log.settle(key)
		w.keys[key] = nil
	}
	return nil
}

func (w *versionWriter) uploadVersion(ctx context.Context, id, key, body string) error {
	u, err := w.CreateUpload(ctx, object.CreateUploadInput{Bucket: w.bucket, Key: key})
	if err != nil {
		return err
	}
	in := object.CompleteInput{UploadInput: object.UploadInput{Bucket: w.bucket, Key: key, UploadID: u}}
	for i, part := range []string{body, "the end"} {
		p, err := w.part(ctx, in.UploadInput, i+1, part)
		if err != nil {
			return err
		}
		in.Parts = append(in.Parts, p)
	}
	return w.add(ctx, id, key, body+"the end", func(req event.Request) (string, error) {
		in.Request = req
		info, err := w.CompleteUpload(ctx, in)
		return info.VersionID, err
	})
}

// allowsVersions reports whether a key may have the versions of a state.
func (c cut) allowsVersions(key, state string) bool {
	settled := c.before.settled[key]
	if settled == 0 && state == crashState(nil) {
		return true
	}
	return slices.ContainsFunc(c.after.ops[key][max(settled-1, 0):], func(o op) bool { return o.versions == state })
}

// versions looks at every version of every key.
func (d *disk) versions(ctx context.Context, told replayed) error {
	for w := range crashWriters {
		bucket := versionBucket(w)
		if err := d.CheckVersionRows(ctx, bucket); err != nil {
			d.bad("%s: %v", bucket, err)
		}
		for n := range crashVersionKeys {
			key := versionKeyOf(w, n)
			state, err := d.versionState(ctx, bucket, key)
			if err != nil {
				d.bad("the versions of %s: %v", key, err)
				continue
			}
			if !d.of.allowsVersions(key, state) {
				d.bad("the versions of %s are %s", key, state)
			}
			d.shown(ctx, bucket, key, told.last[key])
		}
	}
	return nil
}

// shown compares what GET shows of a key with what its last event left.
func (d *disk) shown(ctx context.Context, bucket, key string, last *event.Record) {
	info, err := d.Head(ctx, object.GetInput{Bucket: bucket, Key: key})
	switch {
	case err != nil && !errors.Is(err, object.ErrNoSuchKey):
		d.bad("%s: %v", key, err)
	case last == nil || last.Post == nil:
		if err == nil {
			d.bad("%s shows %+v, its last event is %+v", key, info, last)
		}
	case err != nil || info.VersionID != last.Post.VersionID || info.ETag != last.Post.ETag:
		d.bad("%s shows %+v, %v; its last event left %+v", key, info, err, last.Post)
	}
}

// versionState is the state of a key.
func (s *site) versionState(ctx context.Context, bucket, key string) (string, error) {
	versions, err := s.readVersions(ctx, bucket, key)
	return crashState(versions), err
}

// readVersions reads all versions of a key.
func (s *site) readVersions(ctx context.Context, bucket, key string) ([]crashVersion, error) {
	page, err := s.ListVersions(ctx, object.ListVersionsInput{Bucket: bucket, Prefix: key, MaxKeys: 1000})
	if err != nil {
		return nil, err
	}
	var versions []crashVersion
	for _, v := range page.Versions {
		found := crashVersion{id: v.VersionID}
		if !v.Marker {
			in := object.GetInput{Bucket: bucket, Key: key, VersionID: v.VersionID}
			var info object.Info
			if found.body, info, err = s.getVersion(ctx, in); err != nil {
				return nil, fmt.Errorf("version %s: %w", v.VersionID, err)
			}
			found.held = info.Lock.LegalHold == object.LegalHoldOn
			if len(info.Tags) > 0 {
				found.tag = info.Tags[0].Value
			}
		}
		versions = append(versions, found)
	}
	return versions, nil
}

// crashBuckets are all buckets.
func crashBuckets() []string {
	all := []string{crashBucket}
	for w := range crashWriters {
		all = append(all, versionBucket(w))
	}
	return all
}

// allContents reads every version of every bucket.
func allContents(ctx context.Context, s *site) (map[string]string, error) {
	all, err := contents(ctx, s)
	for w := range crashWriters {
		for n := range crashVersionKeys {
			key := versionKeyOf(w, n)
			if err == nil {
				all[key], err = s.versionState(ctx, versionBucket(w), key)
			}
		}
	}
	return all, err
}
