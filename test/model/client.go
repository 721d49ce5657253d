package model

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
	objecttags "github.com/minio/minio-go/v7/pkg/tags"

	"github.com/carillon-s3/carillon/test/harness"
)

const (
	clients = 16
	// keys of a bucket: so few that clients meet at each.
	keys = 5
	// inlineBytes are stored beside the metadata, blobBytes are a file of their own.
	inlineBytes = 600
	blobBytes   = 40 << 10
	blobEvery   = 6
	partBytes   = 5 << 20
	// twoPartsEvery of the uploads has two parts.
	twoPartsEvery = 20
	// mostVersions is how many known versions of a key clients choose from.
	mostVersions = 12
)

func keyName(n int) string { return fmt.Sprintf("dir%d/key", n) }

// shared is what the clients of a bucket know of each other.
type shared struct {
	bucket string
	state  versioning
	locks  bool

	mu sync.Mutex
	// versions are ids that were answered, by key.
	versions map[string][]string
	// etags is what a key was last known to show.
	etags    map[string]string
	contents map[string]content
	ops      []*op
	wrong    []error
}

func newShared(bucket string, state versioning, locks bool) *shared {
	return &shared{
		bucket: bucket, state: state, locks: locks,
		versions: map[string][]string{}, etags: map[string]string{}, contents: map[string]content{},
	}
}

// complain notes an answer that a server must not give.
func (s *shared) complain(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrong = append(s.wrong, fmt.Errorf(format, args...))
}

// takeWrong returns the complaints, and forgets them.
func (s *shared) takeWrong() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := errors.Join(s.wrong...)
	s.wrong = nil
	return err
}

// anyVersion is one of a key that may be there.
func (s *shared) anyVersion(random *rand.Rand, key string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v := s.versions[key]; len(v) > 0 && random.IntN(10) > 0 {
		return v[random.IntN(len(v))]
	}
	return nullVersion
}

// send notes an operation before it is sent, since it may happen unanswered.
func (s *shared) send(o *op) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ops = append(s.ops, o)
	if o.etag != "" {
		s.contents[o.etag] = o.content
	}
}

// done notes the answer. It returns an error if there was none.
func (s *shared) done(o *op, version, etag string, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var refused minio.ErrorResponse
	switch {
	case err == nil:
		o.acked, o.answered, o.answeredETag = true, version, etag
		if version != "" && version != nullVersion && o.kind != removes {
			known := append(s.versions[o.key], version)
			s.versions[o.key] = known[max(0, len(known)-mostVersions):]
		}
		if etag != "" {
			s.etags[o.key] = etag
		}
	case errors.As(err, &refused) && refused.Code != "" && refused.StatusCode < http.StatusInternalServerError:
		o.refused = refused.Code
	default:
		return fmt.Errorf("%s: %w", o, err)
	}
	return nil
}

// client does one thing after the other.
type client struct {
	*shared
	core   minio.Core
	random *rand.Rand
	name   string
	n      int
}

// weights say how often each kind is chosen.
func (s *shared) weights() map[kind]int {
	w := map[kind]int{puts: 8, copies: 4, uploads: 2, deletes: 3, removes: 8, tags: 4, fewGoes: 1, reads: 4, lists: 1}
	if s.state != enabled {
		w[removes] = 1 // of the null version, which is all there is
	}
	if s.locks {
		w[retains], w[holds] = 2, 2
	}
	return w
}

func (c *client) choose() kind {
	w := c.weights()
	kinds := slices.Sorted(maps.Keys(w))
	total := 0
	for _, k := range kinds {
		total += w[k]
	}
	n := c.random.IntN(total)
	for _, k := range kinds {
		if n -= w[k]; n < 0 {
			return k
		}
	}
	return puts
}

// step does one thing. Its error says that there was no answer.
func (c *client) step(ctx context.Context) error {
	c.n++
	o := &op{kind: c.choose(), key: keyName(c.random.IntN(keys))}
	o.label = fmt.Sprintf("%s-%d-%s", c.name, c.n, o.kind)
	ctx = harness.WithUserAgent(ctx, o.label)
	switch o.kind {
	case reads:
		return c.read(ctx, o)
	case lists:
		return c.list(ctx)
	case puts:
		return c.put(ctx, o)
	case copies:
		return c.copy(ctx, o)
	case uploads:
		return c.upload(ctx, o)
	case fewGoes:
		return c.removeFew(ctx, o)
	case deletes, removes:
		return c.remove(ctx, o)
	case tags:
		return c.tag(ctx, o)
	case retains:
		return c.retain(ctx, o)
	default:
		return c.putHold(ctx, o)
	}
}

// body makes bytes that no other operation has.
func (c *client) body(label string) []byte {
	size := 1 + c.random.IntN(inlineBytes)
	if c.random.IntN(blobEvery) == 0 {
		size = blobBytes + c.random.IntN(blobBytes)
	}
	b := fmt.Appendf(nil, "%s %x\n", label, c.random.Uint64())
	return append(b, bytes.Repeat([]byte{byte(c.random.Uint32())}, size)...)
}

func sumOf(b []byte) string {
	sum := md5.Sum(b)
	return hex.EncodeToString(sum[:])
}

func (c *client) someTags() map[string]string {
	out := map[string]string{}
	for i := range c.random.IntN(3) {
		out[fmt.Sprint("tag", i)] = fmt.Sprint(c.name, " ", c.n)
	}
	return out
}

// someRetention is one that ends long after the test, to the second.
func (c *client) someRetention(modes ...string) retention {
	mode := modes[c.random.IntN(len(modes))]
	if mode == "" {
		return retention{}
	}
	return retention{mode, time.Now().Add(time.Duration(24+c.random.IntN(1000)) * time.Hour).UTC().Truncate(time.Second)}
}

func (c *client) put(ctx context.Context, o *op) error {
	b := c.body(o.label)
	o.content = content{sumOf(b), sumOf(b), int64(len(b))}
	o.tags = c.someTags()
	opts := minio.PutObjectOptions{UserTags: o.tags, SendContentMd5: c.locks, DisableMultipart: true}
	switch c.random.IntN(6) {
	case 0:
		o.onlyNew = true
		opts.SetMatchETagExcept("*")
	case 1:
		c.mu.Lock()
		o.match = c.etags[o.key]
		c.mu.Unlock()
		if o.match != "" {
			opts.SetMatchETag(o.match)
		}
	}
	if c.locks && c.random.IntN(8) == 0 {
		o.retention = c.someRetention(governance, governance, governance, compliance)
		opts.Mode, opts.RetainUntilDate = minio.RetentionMode(o.mode), o.until
	}
	if c.locks && c.random.IntN(12) == 0 {
		o.hold = true
		opts.LegalHold = minio.LegalHoldEnabled
	}
	c.send(o)
	info, err := c.core.Client.PutObject(ctx, c.bucket, o.key, bytes.NewReader(b), int64(len(b)), opts)
	return c.done(o, info.VersionID, info.ETag, err)
}

func (c *client) copy(ctx context.Context, o *op) error {
	o.source, o.tags = keyName(c.random.IntN(keys)), c.someTags()
	from := minio.CopySrcOptions{Bucket: c.bucket, Object: o.source}
	if c.state != never && c.random.IntN(2) == 0 {
		o.sourceVersion = c.anyVersion(c.random, o.source)
		from.VersionID = o.sourceVersion
	}
	to := minio.CopyDestOptions{
		Bucket: c.bucket, Object: o.key, ReplaceMetadata: true, UserMetadata: map[string]string{"label": o.label},
		ReplaceTags: true, UserTags: o.tags,
	}
	c.send(o)
	info, err := c.core.Client.CopyObject(ctx, to, from)
	return c.done(o, info.VersionID, info.ETag, err)
}

// upload stores an object in parts. Only its completion has the label.
func (c *client) upload(ctx context.Context, o *op) error {
	parts := [][]byte{c.body(o.label)}
	if c.random.IntN(twoPartsEvery) == 0 {
		parts = [][]byte{bytes.Repeat(parts[0][:1], partBytes), parts[0]}
	}
	o.tags = c.someTags()
	unlabelled := harness.WithUserAgent(ctx, "parts")
	id, err := c.core.NewMultipartUpload(unlabelled, c.bucket, o.key, minio.PutObjectOptions{UserTags: o.tags})
	if err != nil {
		return err
	}
	var sums []byte
	var done []minio.CompletePart
	for i, p := range parts {
		part, err := c.core.PutObjectPart(unlabelled, c.bucket, o.key, id, i+1, bytes.NewReader(p), int64(len(p)), minio.PutObjectPartOptions{})
		if err != nil {
			return err
		}
		sum := md5.Sum(p)
		sums, done = append(sums, sum[:]...), append(done, minio.CompletePart{PartNumber: i + 1, ETag: part.ETag})
	}
	whole := bytes.Join(parts, nil)
	o.content = content{fmt.Sprintf("%s-%d", sumOf(sums), len(parts)), sumOf(whole), int64(len(whole))}
	c.send(o)
	info, err := c.core.CompleteMultipartUpload(ctx, c.bucket, o.key, id, done, minio.PutObjectOptions{})
	return c.done(o, info.VersionID, info.ETag, err)
}

// remove deletes a key, or one of its versions for good.
func (c *client) remove(ctx context.Context, o *op) error {
	opts := minio.RemoveObjectOptions{}
	if o.kind == removes {
		o.version = c.anyVersion(c.random, o.key)
		opts.VersionID = o.version
		if c.locks && c.random.IntN(3) == 0 {
			o.bypass, opts.GovernanceBypass = true, true
		}
	}
	c.send(o)
	return c.done(o, "", "", c.core.Client.RemoveObject(ctx, c.bucket, o.key, opts))
}

// removeFew deletes several keys with one request.
func (c *client) removeFew(ctx context.Context, first *op) error {
	of := map[string]*op{}
	objects := make(chan minio.ObjectInfo, keys)
	for n := range keys {
		if c.random.IntN(2) == 0 {
			continue
		}
		o := &op{label: first.label, kind: fewGoes, key: keyName(n)}
		if c.random.IntN(2) == 0 {
			o.version = c.anyVersion(c.random, o.key)
		}
		of[o.key] = o
		c.send(o)
		objects <- minio.ObjectInfo{Key: o.key, VersionID: o.version}
	}
	close(objects)
	answered := map[string]error{}
	for result := range c.core.Client.RemoveObjectsWithResult(ctx, c.bucket, objects, minio.RemoveObjectsOptions{}) {
		answered[result.ObjectName] = result.Err
	}
	var failed error
	for key, o := range of {
		err, ok := answered[key]
		if !ok {
			err = errors.New("the answer does not tell")
		}
		failed = errors.Join(failed, c.done(o, "", "", err))
	}
	return failed
}

// named chooses the latest version or one by its id.
func (c *client) named(o *op) string {
	if c.state != never && c.random.IntN(2) == 0 {
		o.version = c.anyVersion(c.random, o.key)
	}
	return o.version
}

func (c *client) tag(ctx context.Context, o *op) error {
	version := c.named(o)
	if c.random.IntN(3) == 0 {
		c.send(o)
		return c.done(o, "", "", c.core.Client.RemoveObjectTagging(ctx, c.bucket, o.key, minio.RemoveObjectTaggingOptions{VersionID: version}))
	}
	o.tags = map[string]string{"tag": o.label}
	set, err := objecttags.NewTags(o.tags, true)
	if err != nil {
		return err
	}
	c.send(o)
	return c.done(o, "", "", c.core.Client.PutObjectTagging(ctx, c.bucket, o.key, set, minio.PutObjectTaggingOptions{VersionID: version}))
}

func (c *client) retain(ctx context.Context, o *op) error {
	opts := minio.PutObjectRetentionOptions{VersionID: c.named(o)}
	o.bypass = c.random.IntN(2) == 0
	if o.retention = c.someRetention(governance, governance, governance, compliance, ""); o.mode != "" {
		mode := minio.RetentionMode(o.mode)
		opts.Mode, opts.RetainUntilDate = &mode, &o.until
	} else {
		o.bypass = true // an empty retention is one that ends now
	}
	opts.GovernanceBypass = o.bypass
	c.send(o)
	return c.done(o, "", "", c.core.Client.PutObjectRetention(ctx, c.bucket, o.key, opts))
}

func (c *client) putHold(ctx context.Context, o *op) error {
	status := minio.LegalHoldDisabled
	if o.hold = c.random.IntN(3) == 0; o.hold {
		status = minio.LegalHoldEnabled
	}
	opts := minio.PutObjectLegalHoldOptions{VersionID: c.named(o), Status: &status}
	c.send(o)
	return c.done(o, "", "", c.core.Client.PutObjectLegalHold(ctx, c.bucket, o.key, opts))
}

// read checks that what GET returns was once stored, whole.
func (c *client) read(ctx context.Context, o *op) error {
	object, info, _, err := c.core.GetObject(ctx, c.bucket, o.key, minio.GetObjectOptions{VersionID: c.named(o)})
	if code := minio.ToErrorResponse(err).StatusCode; code >= 400 && code < 500 {
		return nil // it is not there now, or a marker
	}
	if err != nil {
		return err
	}
	defer func() { _ = object.Close() }()
	sum := md5.New()
	n, err := io.Copy(sum, object)
	if err != nil {
		return err
	}
	c.mu.Lock()
	known, ok := c.contents[info.ETag]
	c.mu.Unlock()
	if got := (content{info.ETag, hex.EncodeToString(sum.Sum(nil)), n}); !ok || got != known {
		c.complain("GET of %s, version %s, returned %+v, and stored was %+v", o.key, info.VersionID, got, known)
	}
	return nil
}

// list checks that a listing of versions is one state of the bucket.
func (c *client) list(ctx context.Context) error {
	last := ""
	for v := range c.core.Client.ListObjects(ctx, c.bucket, minio.ListObjectsOptions{WithVersions: true, Recursive: true}) {
		if v.Err != nil {
			return v.Err
		}
		if v.Key < last {
			c.complain("the listing has %s after %s", v.Key, last)
		}
		if v.IsLatest != (v.Key != last) {
			c.complain("the listing says of version %s of %s: latest %v", v.VersionID, v.Key, v.IsLatest)
		}
		last = v.Key
	}
	return nil
}
