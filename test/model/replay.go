package model

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// told is an event.
type told struct {
	key, name, label string
	// version is empty for the null version.
	version   string
	etag      string
	size      int64
	sequencer string
}

func (e told) String() string {
	return fmt.Sprintf("%s of %s by %q, version %s, sequencer %s", e.name, e.key, e.label, e.id(), e.sequencer)
}

func (e told) id() string { return cmp.Or(e.version, nullVersion) }

// bySequencer compares sequencers as numbers: hex digits of one length.
func bySequencer(a, b told) int {
	return cmp.Or(cmp.Compare(len(a.sequencer), len(b.sequencer)), cmp.Compare(a.sequencer, b.sequencer))
}

// replay is the work of one bucket: operations, their events, and the model that
// comes of them.
type replay struct {
	*model
	ops    map[opKey]*op
	events map[opKey]told
	// contents are all that was ever sent, by ETag.
	contents map[string]content
	// held are versions that were ever retained or held.
	held   map[string]bool
	faults []string
}

// opKey tells operations apart: one request may concern several keys.
type opKey struct{ key, label string }

// maxFaults is how many are told in words.
const maxFaults = 20

func (r *replay) fault(format string, args ...any) {
	if len(r.faults) < maxFaults {
		r.faults = append(r.faults, fmt.Sprintf(format, args...))
	}
}

// replayed replays the events of a bucket in the order of their sequencers.
func replayed(state versioning, ops []*op, contents map[string]content, events []told) *replay {
	r := &replay{
		model: newModel(state), ops: map[opKey]*op{}, events: map[opKey]told{},
		contents: contents, held: map[string]bool{},
	}
	for _, o := range ops {
		r.ops[opKey{o.key, o.label}] = o
	}
	slices.SortStableFunc(events, bySequencer)
	last := map[string]told{}
	for _, e := range events {
		if before, ok := last[e.key]; ok && before.sequencer == e.sequencer {
			r.fault("two events have one sequencer: %s; %s", before, e)
		}
		last[e.key] = e
		r.event(e)
	}
	for _, o := range ops {
		r.outcome(o)
	}
	return r
}

// event applies one event to the model.
func (r *replay) event(e told) {
	k := opKey{e.key, e.label}
	o := r.ops[k]
	if o == nil {
		r.fault("%s: nobody asked for it", e)
		return
	}
	if before, ok := r.events[k]; ok {
		r.fault("%s: it happened twice, before as %s", o, before)
		return
	}
	r.events[k] = e
	if err := r.apply(o, e); err != nil {
		r.fault("%s: at %s: %v", o, e, err)
	}
	switch {
	case o.refused != "":
		r.fault("%s: it was refused and has the event %s", o, e)
	case o.acked && o.answered != "" && o.answered != e.id() && o.kind != fewGoes:
		r.fault("%s: its event says version %s", o, e.id())
	case o.acked && o.answeredETag != "" && o.answeredETag != e.etag:
		r.fault("%s: answered with ETag %s, its event says %s", o, o.answeredETag, e.etag)
	}
}

// apply does what an operation did.
func (r *replay) apply(o *op, e told) error {
	switch o.kind {
	case puts, uploads, copies:
		return r.create(o, e)
	case deletes, fewGoes:
		if r.state != never && o.version == "" {
			return cmp.Or(wants(e, "s3:ObjectRemoved:DeleteMarkerCreated"), r.add(o.key, version{id: e.id(), marker: true}))
		}
		return cmp.Or(wants(e, "s3:ObjectRemoved:Delete"), r.sameVersion(o, e), r.remove(o.key, e.id(), o.bypass))
	case removes:
		return cmp.Or(wants(e, "s3:ObjectRemoved:Delete"), r.sameVersion(o, e), r.remove(o.key, e.id(), o.bypass))
	default:
		return r.change(o, e)
	}
}

func wants(e told, name string) error {
	if e.name != name {
		return fmt.Errorf("the event should be %s", name)
	}
	return nil
}

// sameVersion checks that an event is of the version that was asked for.
func (r *replay) sameVersion(o *op, e told) error {
	if o.version != "" && o.version != e.id() {
		return fmt.Errorf("it is of another version")
	}
	return nil
}

func (r *replay) create(o *op, e told) error {
	name := map[kind]string{puts: "Put", copies: "Copy", uploads: "CompleteMultipartUpload"}[o.kind]
	if err := wants(e, "s3:ObjectCreated:"+name); err != nil {
		return err
	}
	shown := r.shown(o.key)
	switch {
	case o.onlyNew && shown != nil:
		return fmt.Errorf("If-None-Match: * was granted while version %s was there", shown.id)
	case o.match != "" && (shown == nil || shown.etag != o.match):
		return fmt.Errorf("If-Match %s was granted, and shown was %+v", o.match, shown)
	}
	c := o.content
	if o.kind == copies {
		var known bool
		if c, known = r.contents[e.etag]; !known {
			return fmt.Errorf("nobody ever stored these bytes")
		}
	}
	if e.etag != c.etag || e.size != c.size {
		return fmt.Errorf("it tells of %d bytes with ETag %s, not %+v", e.size, e.etag, c)
	}
	v := version{id: e.id(), content: c, tags: o.tags, retention: o.retention, hold: o.hold}
	r.hold(o.key, &v)
	return r.add(o.key, v)
}

// hold notes that a version was ever locked.
func (r *replay) hold(key string, v *version) {
	if v.locked(false) {
		r.held[key+"\x00"+v.id] = true
	}
}

// change sets tags, retention or legal hold of a version that is there.
func (r *replay) change(o *op, e told) error {
	v := r.find(o.key, e.id())
	switch {
	case v == nil || v.marker:
		return fmt.Errorf("version %s is not there, or a marker", e.id())
	case o.version == "" && v != r.find(o.key, ""):
		return fmt.Errorf("version %s is not the latest", e.id())
	}
	if err := r.sameVersion(o, e); err != nil {
		return err
	}
	switch o.kind {
	case tags:
		if o.tags == nil {
			return cmp.Or(wants(e, "s3:ObjectCreated:DeleteTagging"), setTags(v, nil))
		}
		return cmp.Or(wants(e, "s3:ObjectCreated:PutTagging"), setTags(v, o.tags))
	case holds:
		v.hold = o.hold
		r.hold(o.key, v)
		return wants(e, "s3:ObjectCreated:PutLegalHold")
	default:
		if !v.mayRetain(o.retention, o.bypass) {
			return fmt.Errorf("retention %v was replaced by %v, bypass %v", v.retention, o.retention, o.bypass)
		}
		v.retention = o.retention
		r.hold(o.key, v)
		return wants(e, "s3:ObjectCreated:PutRetention")
	}
}

func setTags(v *version, tags map[string]string) error {
	v.tags = tags
	return nil
}

// outcome checks an operation that had no event, and what it was refused with.
func (r *replay) outcome(o *op) {
	_, happened := r.events[opKey{o.key, o.label}]
	switch {
	case o.acked && !happened && !r.needsNoEvent(o):
		r.fault("%s: it has no event", o)
	case o.refused != "" && !slices.Contains(r.refusals(o), o.refused):
		r.fault("%s: that is no reason", o)
	}
}

// needsNoEvent reports whether an operation may have found nothing to do.
func (r *replay) needsNoEvent(o *op) bool {
	switch o.kind {
	case deletes, fewGoes, removes:
		if r.state == never {
			return true
		}
		// A version that is gone does not come back, but for the null version.
		return o.version != "" && (o.version == nullVersion || r.find(o.key, o.version) == nil)
	}
	return false
}

// refusals are the reasons for which an operation may be refused.
func (r *replay) refusals(o *op) []string {
	var codes []string
	if o.onlyNew || o.match != "" {
		codes = append(codes, "PreconditionFailed")
	}
	if o.match != "" {
		codes = append(codes, "NoSuchKey")
	}
	switch o.kind {
	case copies, tags, retains, holds:
		codes = append(codes, "NoSuchKey", "NoSuchVersion", "MethodNotAllowed", "InvalidRequest")
	}
	if r.held[o.key+"\x00"+o.version] || o.kind == retains {
		codes = append(codes, "AccessDenied")
	}
	return codes
}

// String is the faults.
func (r *replay) String() string { return strings.Join(r.faults, "\n") }
