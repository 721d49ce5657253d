// Package event is the vocabulary of bucket events: names and groups, the
// record of what happened and its JSON, notification rules and their filters,
// and target ARNs. It is pure: no clock, no input or output.
package event

import "slices"

// Record is one thing that happened to a bucket, complete enough that no
// consumer ever has to look anything up. It is what the journal stores; the
// numbers in the tags are its stored format, and are never given a new meaning.
//
// Time, sequencer and id are not in it: they come from the record's place in
// the journal (see Place and Encoder).
type Record struct {
	Name     Name   `cbor:"1,keyasint"`
	Bucket   string `cbor:"2,keyasint"`
	BucketID uint64 `cbor:"3,keyasint"`
	// Key is the object key as stored, not escaped; empty for bucket events.
	Key string `cbor:"4,keyasint,omitempty"`
	// VersionID is empty where the bucket was never versioned.
	VersionID    string            `cbor:"5,keyasint,omitempty"`
	Size         int64             `cbor:"6,keyasint,omitempty"`
	ETag         string            `cbor:"7,keyasint,omitempty"`
	ContentType  string            `cbor:"8,keyasint,omitempty"`
	UserMetadata map[string]string `cbor:"9,keyasint,omitempty"`
	Request      Request           `cbor:"10,keyasint"`
	// Post is the key's state after this commit: what GET shows. nil means that
	// GET answers 404. Access and no-op events have NoPost set instead: they
	// changed nothing and say nothing of the state.
	Post   *State `cbor:"11,keyasint,omitempty"`
	NoPost bool   `cbor:"12,keyasint,omitempty"`
	// Sequencer overrides the record's own stamp: access events carry that of
	// the version they touched.
	Sequencer uint64 `cbor:"13,keyasint,omitempty"`
	// Replay marks a record that is sent again on an operator's word.
	Replay bool `cbor:"14,keyasint,omitempty"`
	// Backfill marks a record of an object that was there already, made on an
	// operator's word: nothing happened to the object then. Listeners do not get
	// it.
	Backfill bool `cbor:"15,keyasint,omitempty"`
	// Expired marks what a lifecycle rule did: it has an Alias.
	Expired bool `cbor:"16,keyasint,omitempty"`
	// AliasFor are the consumers that get the record by its Alias: when it was
	// committed, their rules asked for that.
	AliasFor []string `cbor:"17,keyasint,omitempty"`
}

// Alias is Amazon S3's name for what a lifecycle rule did, 0 for any other
// record. The Name of such a record is MinIO's, since that is what rules made for
// MinIO ask for; who asks for Amazon's gets that instead.
func (r *Record) Alias() Name {
	switch {
	case !r.Expired:
		return 0
	case r.Name == ObjectRemovedDeleteMarkerCreated:
		return LifecycleExpirationMarkerCreated
	}
	return LifecycleExpirationDelete
}

// For returns the record as a consumer gets it: by the name that its rules had
// asked for.
func (r *Record) For(consumer string) *Record {
	if !slices.Contains(r.AliasFor, consumer) {
		return r
	}
	return r.aliased()
}

func (r *Record) aliased() *Record {
	told := *r
	told.Name = r.Alias()
	return &told
}

// Request is who asked for it, and how.
type Request struct {
	// Principal is the access key; empty for anonymous and internal requests.
	Principal string `cbor:"1,keyasint,omitempty"`
	// SourceIP has no port.
	SourceIP  string `cbor:"2,keyasint,omitempty"`
	UserAgent string `cbor:"3,keyasint,omitempty"`
	// ID is the request id that the client saw.
	ID string `cbor:"4,keyasint,omitempty"`
	// Range is the request's Range header.
	Range string `cbor:"5,keyasint,omitempty"`
	// Internal says that no client asked (lifecycle, replication): the event's
	// requestParameters are null.
	Internal bool `cbor:"6,keyasint,omitempty"`
}

// State is the version of a key that GET shows.
type State struct {
	VersionID    string            `cbor:"1,keyasint,omitempty"`
	Size         int64             `cbor:"2,keyasint,omitempty"`
	ETag         string            `cbor:"3,keyasint,omitempty"`
	ContentType  string            `cbor:"4,keyasint,omitempty"`
	UserMetadata map[string]string `cbor:"5,keyasint,omitempty"`
	// Stamp is the version's modification time in nanoseconds. 0 means the
	// stamp of the record itself.
	Stamp uint64 `cbor:"6,keyasint,omitempty"`
}

// Place is where the journal put a record.
type Place struct {
	Epoch     uint64
	Partition uint16
	Sequence  uint64
	// Stamp is nanoseconds since 1970, strictly rising within the partition.
	Stamp uint64
}
