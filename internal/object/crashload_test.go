package object_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/object"
)

// op is one change that a writer asked for.
type op struct {
	id   string // the request's id, which its event carries
	key  string
	body string // empty for a delete
	noop bool   // a delete of a missing key: its event may be lost
	// upload is what completes the upload; nil for other changes.
	upload *object.CompleteInput
	// versions is the state that the change leaves of a key with versions.
	versions string
}

// event names the event of the change: a request may change several keys.
func (o op) event() string { return eventName(o.id, o.key) }

func eventName(request, key string) string { return request + " of " + key }

func eventOf(r *event.Record) string {
	if r.Key == "" {
		return eventName(r.Request.ID, r.Bucket)
	}
	return eventName(r.Request.ID, r.Key)
}

// history is what the writers know at one moment.
type history struct {
	// ops are all changes of a key that were begun, in order; settled is how
	// many of them were acknowledged.
	ops     map[string][]op
	settled map[string]int
	// delivered are the events that the deliverer has given back.
	delivered map[string]bool
}

func newHistory() history {
	return history{map[string][]op{}, map[string]int{}, map[string]bool{}}
}

// log is the history as it grows.
type log struct {
	mu sync.Mutex
	history
}

func (l *log) start(o op) {
	l.mu.Lock()
	defer l.mu.Unlock()
	earlier := l.ops[o.key]
	o.noop = o.versions == "" && o.body == "" && (len(earlier) == 0 || earlier[len(earlier)-1].body == "")
	l.ops[o.key] = append(earlier, o)
}

func (l *log) settle(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settled[key] = len(l.ops[key])
}

// latest is the body of a key that only the caller changes.
func (l *log) latest(key string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ops := l.ops[key]; len(ops) > 0 {
		return ops[len(ops)-1].body
	}
	return ""
}

func (l *log) deliver(event string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.delivered[event] = true
}

func (l *log) copy() history {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := newHistory()
	for key, ops := range l.ops {
		h.ops[key] = ops[:len(ops):len(ops)] // only ever appended to
	}
	maps.Copy(h.settled, l.settled)
	maps.Copy(h.delivered, l.delivered)
	return h
}

// cut is a power cut: what was known before it, and what had begun by the time
// it was over.
type cut struct{ before, after history }

// allows reports whether a key may hold body ("" for nothing): the result of the
// last change that was acknowledged before, or of a later one.
func (c cut) allows(key, body string) bool {
	settled := c.before.settled[key]
	if settled == 0 && body == "" {
		return true
	}
	for _, o := range c.after.ops[key][max(settled-1, 0):] {
		if o.body == body {
			return true
		}
	}
	return false
}

// acknowledged are the changes that were acknowledged before the cut.
func (c cut) acknowledged() []op {
	var out []op
	for key, n := range c.before.settled {
		out = append(out, c.before.ops[key][:n]...)
	}
	return out
}

// crashWriter changes its own keys, one change at a time.
type crashWriter struct {
	*site
	log    *log
	random *rand.Rand
	fault  fault
	life   int
	number int
	n      int
	// forgetful says that completed uploads may be forgotten at any time.
	forgetful bool
	// completed is the last upload that was completed.
	completed *op
	versions  *versionWriter
}

func (w *crashWriter) anyKey() string {
	return fmt.Sprintf("w%d/k%d", w.number, w.random.IntN(crashKeys))
}

// change does one random change.
func (w *crashWriter) change(ctx context.Context) error {
	w.n++
	o := op{id: fmt.Sprintf("l%d-w%d-%d", w.life, w.number, w.n), key: w.anyKey()}
	if w.random.IntN(3) == 0 {
		return w.versions.change(ctx, o.id)
	}
	switch w.random.IntN(14) {
	case 0:
		return w.remove(ctx, o)
	case 1:
		return w.removeMany(ctx, o.id)
	case 2, 3:
		o.body = o.id + strings.Repeat("L", 40<<10) // stored as a blob
		return w.put(ctx, o)
	case 4, 5, 6:
		return w.copy(ctx, o, w.anyKey())
	case 7, 8, 9:
		return w.upload(ctx, o)
	case 10:
		return w.abort(ctx, o.key)
	case 11:
		return w.completeAgain(ctx)
	default:
		o.body = o.id
		return w.put(ctx, o)
	}
}

// do carries out changes that one request makes.
func (w *crashWriter) do(ctx context.Context, act func(event.Request) error, ops ...op) error {
	for _, o := range ops {
		w.log.start(o)
		if w.fault == eagerDelete {
			w.DropBytes(ctx, crashBucket, o.key)
		}
	}
	if err := act(event.Request{ID: ops[0].id}); err != nil {
		return err
	}
	for _, o := range ops {
		w.log.settle(o.key)
	}
	return nil
}

func (w *crashWriter) put(ctx context.Context, o op) error {
	return w.do(ctx, func(req event.Request) error {
		in := putInput(crashBucket, o.key, o.body)
		in.Request = req
		_, err := w.Put(ctx, in)
		return err
	}, o)
}

func (w *crashWriter) remove(ctx context.Context, o op) error {
	return w.do(ctx, func(req event.Request) error {
		_, err := w.Delete(ctx, object.DeleteInput{Bucket: crashBucket, Key: o.key, Request: req})
		return err
	}, o)
}

// removeMany deletes several keys with one request, each in its own commit.
func (w *crashWriter) removeMany(ctx context.Context, id string) error {
	var keys []object.DeleteTarget
	var ops []op
	for _, n := range w.random.Perm(crashKeys)[:2+w.random.IntN(crashKeys-1)] {
		key := fmt.Sprintf("w%d/k%d", w.number, n)
		keys, ops = append(keys, object.DeleteTarget{Key: key}), append(ops, op{id: id, key: key})
	}
	return w.do(ctx, func(req event.Request) error {
		var err error
		for _, r := range w.DeleteMany(ctx, crashBucket, keys, req) {
			err = errors.Join(err, r.Err)
		}
		return err
	}, ops...)
}

// copy makes a key a copy of another one, or of itself.
func (w *crashWriter) copy(ctx context.Context, o op, source string) error {
	if o.body = w.log.latest(source); o.body == "" {
		return nil
	}
	return w.do(ctx, func(req event.Request) error {
		in := copyInput(crashBucket+"/"+source, crashBucket+"/"+o.key)
		in.Replace, in.Request = source == o.key || w.random.IntN(2) == 0, req
		_, err := w.Copy(ctx, in)
		if w.fault == forgetUsers {
			w.ForgetUsers(ctx, crashBucket, o.key)
		}
		return err
	}, o)
}

const (
	// crashParts begins the bodies that are uploaded in parts of crashPart bytes.
	crashParts = "in parts: "
	crashPart  = 300
)

// splitParts cuts a body that is uploaded in parts.
func splitParts(body string) []string {
	var parts []string
	for len(body) > 0 {
		n := min(crashPart, len(body))
		parts, body = append(parts, body[:n]), body[n:]
	}
	return parts
}

// crashETag is the ETag that a body has by the way in which it is uploaded.
func crashETag(body string) string {
	if strings.HasPrefix(body, crashParts) {
		return multipartETag(splitParts(body)...)
	}
	return etag(body)
}

// upload uploads a body in parts, one of them twice, at times one that is left
// out and at times one that is copied from an object, and completes it. Before
// that no change begins.
func (w *crashWriter) upload(ctx context.Context, o op) error {
	u, err := w.create(ctx, o.key)
	if err != nil {
		return err
	}
	o.body = crashParts + o.id + strings.Repeat("P", crashPart*(1+w.random.IntN(3)))
	source := w.anyKey()
	copied := w.log.latest(source)
	if len(copied) >= crashPart {
		offset := w.random.IntN(len(copied) - crashPart + 1)
		copied = copied[offset : offset+crashPart]
		o.body = o.body[:crashPart] + copied + o.body[crashPart:]
		if err := w.copyPart(ctx, u, 3, source, int64(offset)); err != nil {
			return err
		}
	}
	o.upload = &object.CompleteInput{UploadInput: u, Request: event.Request{ID: o.id}}
	for i, part := range splitParts(o.body) {
		if i == 0 {
			if _, err := w.part(ctx, u, 1, "replaced"); err != nil {
				return err
			}
		}
		if i != 1 || part != copied {
			if _, err := w.part(ctx, u, 2*i+1, part); err != nil {
				return err
			}
		}
		o.upload.Parts = append(o.upload.Parts, object.CompletedPart{Number: 2*i + 1, ETag: etag(part)})
	}
	if w.random.IntN(2) == 0 {
		if _, err := w.part(ctx, u, 2, "left out"); err != nil {
			return err
		}
	}
	if err := w.do(ctx, func(event.Request) error {
		_, err := w.CompleteUpload(ctx, *o.upload)
		return err
	}, o); err != nil {
		return err
	}
	w.completed = &o
	if w.fault == forgetUploads {
		return w.DropUpload(ctx, u)
	}
	return nil
}

func (w *crashWriter) copyPart(ctx context.Context, u object.UploadInput, number int, source string, offset int64) error {
	_, err := w.CopyPart(ctx, object.CopyPartInput{
		UploadInput: u, Number: number, SourceBucket: crashBucket, SourceKey: source,
		Select: func(object.Info) (int64, int64, error) { return offset, crashPart, nil },
	})
	return err
}

// abort gives an upload up before its completion, so that no change begins.
func (w *crashWriter) abort(ctx context.Context, key string) error {
	u, err := w.create(ctx, key)
	if err != nil {
		return err
	}
	if _, err := w.part(ctx, u, 1, "given up"); err != nil {
		return err
	}
	return w.AbortUpload(ctx, u)
}

// again begins the ids of requests that must change nothing.
const again = "again: "

// completeAgain completes an upload that was completed: no change begins.
func (w *crashWriter) completeAgain(ctx context.Context) error {
	if w.completed == nil || w.fault == forgetUploads {
		return nil
	}
	in := *w.completed.upload
	in.Request.ID = again + w.completed.id
	info, err := w.CompleteUpload(ctx, in)
	switch {
	case err != nil && !(w.forgetful && errors.Is(err, object.ErrNoSuchUpload)):
		return err
	case err == nil && info.ETag != crashETag(w.completed.body):
		return fmt.Errorf("%s was completed again with ETag %s", w.completed.id, info.ETag)
	}
	return nil
}

// deliver acknowledges events as a target does.
func deliver(ctx context.Context, s *site, l *log) {
	after := [journal.Partitions]uint64{}
	for ctx.Err() == nil {
		for p := range uint16(journal.Partitions) {
			entries, _, err := s.journal.Pending(ctx, crashConsumer, p, after[p], 3)
			if err != nil {
				return
			}
			for _, e := range entries {
				after[p] = e.Sequence
				l.deliver(eventOf(e.Record))
				if s.journal.Ack(ctx, crashConsumer, []journal.At{e.At()}, int64(e.Bytes)) != nil {
					return
				}
			}
		}
		pause(ctx, time.Millisecond)
	}
}

func collect(ctx context.Context, s *site) {
	for ctx.Err() == nil {
		if _, err := s.Collect(ctx); err != nil {
			return
		}
		pause(ctx, time.Millisecond)
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
