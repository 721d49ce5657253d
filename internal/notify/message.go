package notify

import (
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// message makes the message of an event. It is made anew for each attempt, so
// that read-ahead holds records only. Its memory is never used again: an
// abandoned Send may still read it.
func (r *runner) message(it *item, traits target.Traits) target.Message {
	e := it.entry
	rec := e.Record.For(r.consumer)
	told := rec
	if traits.Mirror {
		told = shown(told)
	}
	m := target.Message{
		ID:        event.EventID(e.Place),
		Key:       e.Record.ResourceKey(),
		Record:    rec,
		Time:      e.Place.Time(),
		Sequencer: event.Sequencer(e.Record, e.Place),
		Attempt:   it.hist.attempts + 1,
	}
	r.encoder.Fill(&m, traits.Body, told, e.Place)
	return m
}

// shown is the record that a copy of the bucket's keys keeps: that of the event,
// unless GET shows another version than the one that the event is of. That one
// may have been removed, or given tags while a newer one shows. Then the record
// is told as the creation of the version that shows.
func shown(rec *event.Record) *event.Record {
	if rec.NoPost || rec.Post == nil || !rec.Name.IsRemoved() && rec.VersionID == rec.Post.VersionID {
		return rec
	}
	told := *rec
	told.Name = event.ObjectCreatedPut
	told.VersionID, told.Size, told.ETag = rec.Post.VersionID, rec.Post.Size, rec.Post.ETag
	told.ContentType, told.UserMetadata = rec.Post.ContentType, rec.Post.UserMetadata
	return &told
}
