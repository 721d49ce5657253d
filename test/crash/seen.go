package crash

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/carillon-s3/carillon/test/harness"
)

// seen is one delivery of an event, in the order of arrival.
type seen struct {
	key, name string
	// label is the user agent of the request that the event tells of.
	label     string
	etag      string
	size      int64
	sequencer string
	// id is the event's, as the webhook-id or the broker's messages have it; empty
	// if there is none.
	id string
}

// identity tells events apart: by their id or, without one, by what makes a
// mutation unique.
func (s seen) identity() string {
	if s.id != "" {
		return s.id
	}
	return s.mutation()
}

// mutation is what the body says of which mutation this is.
func (s seen) mutation() string {
	return strings.Join([]string{s.key, s.sequencer, s.name, s.label, s.etag}, "\x00")
}

// bySequencer compares sequencers as numbers: hex digits of one length.
func bySequencer(a, b seen) int {
	if c := cmp.Compare(len(a.sequencer), len(b.sequencer)); c != 0 {
		return c
	}
	return cmp.Compare(a.sequencer, b.sequencer)
}

// sightings are the deliveries that the receiver has; the server may not have
// seen all of their answers.
func sightings(all []harness.Delivery) []seen {
	out := make([]seen, 0, len(all))
	for _, d := range all {
		out = append(out, sighting(d))
	}
	return out
}

func sighting(d harness.Delivery) seen {
	s := seen{key: d.Key, name: d.EventName, id: d.ID}
	if len(d.Records) == 1 {
		s.record(d.Records[0])
	}
	return s
}

// parseEvent reads an event from its JSON, of which only Records need be there;
// id is empty where the broker carries none beside it.
func parseEvent(body []byte, id string) (seen, error) {
	var e harness.Envelope
	if err := json.Unmarshal(body, &e); err != nil {
		return seen{}, fmt.Errorf("%q: %w", body, err)
	}
	if len(e.Records) != 1 {
		return seen{}, fmt.Errorf("%q has %d records", body, len(e.Records))
	}
	r := e.Records[0]
	name, err := url.QueryUnescape(r.S3.Object.Key)
	if err != nil {
		return seen{}, fmt.Errorf("%q: %w", body, err)
	}
	s := seen{key: r.S3.Bucket.Name + "/" + name, name: r.EventName, id: id}
	s.record(r)
	return s, nil
}

// record takes what a record says of the mutation.
func (s *seen) record(r harness.Record) {
	o := r.S3.Object
	s.label = r.Source.UserAgent
	s.etag, s.size, s.sequencer = strings.Trim(o.ETag, `"`), o.Size, o.Sequencer
}
