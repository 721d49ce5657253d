package switching

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

// told is an event as a destination got it.
type told struct {
	key       string // bucket/key
	sequencer string
	change    change
}

// tell reads what tests need of a record.
func tell(r harness.Record) told {
	key := strings.ReplaceAll(r.S3.Object.Key, "%2F", "/")
	e := told{key: r.S3.Bucket.Name + "/" + key, sequencer: r.S3.Object.Sequencer}
	if strings.HasPrefix(r.EventName, "s3:ObjectCreated:") {
		e.change = change{r.S3.Object.ETag}
	}
	return e
}

// parse reads a document with one record. It may be called from any goroutine.
func parse(t testing.TB, text []byte) told {
	var doc struct{ Records []harness.Record }
	if err := json.Unmarshal(text, &doc); err != nil || len(doc.Records) != 1 {
		t.Errorf("not an event: %v\n%s", err, text)
		return told{}
	}
	return tell(doc.Records[0])
}

// received are the events that receivers acknowledged, in the order in which
// they came to any of them.
func received(receivers ...*harness.Receiver) (all []told) {
	var deliveries []harness.Delivery
	for _, r := range receivers {
		deliveries = append(deliveries, r.Accepted()...)
	}
	slices.SortStableFunc(deliveries, func(a, b harness.Delivery) int { return a.Arrived.Compare(b.Arrived) })
	for _, d := range deliveries {
		if len(d.Records) == 1 {
			all = append(all, tell(d.Records[0]))
		}
	}
	return all
}

// distinct are the events without duplicates, by key, in their order.
func distinct(events []told) history {
	out := make(history)
	seen := make(map[[2]string]bool)
	for _, e := range events {
		if id := [2]string{e.key, e.sequencer}; !seen[id] {
			seen[id] = true
			out[e.key] = append(out[e.key], e.change)
		}
	}
	return out
}

// matches says why the events are not those of the history: each of its changes
// once or more, and the first of each in the order of its key.
func (h history) matches(events []told) error {
	got := distinct(events)
	var errs []error
	for key, want := range h {
		for i, c := range want {
			if i >= len(got[key]) || got[key][i] != c {
				errs = append(errs, fmt.Errorf("%s: of %d changes, number %d (%s) is not told in its place; there are %d", key, len(want), i, c, len(got[key])))
				break
			}
		}
		if len(got[key]) > len(want) {
			errs = append(errs, fmt.Errorf("%s: %d events of %d changes", key, len(got[key]), len(want)))
		}
	}
	if got.total() > h.total() {
		errs = append(errs, fmt.Errorf("%d events of %d changes", got.total(), h.total()))
	}
	return errors.Join(errs...)
}

// wantTold waits until a destination was told of all changes, in order.
func wantTold(t testing.TB, what string, h history, read func() []told) {
	t.Helper()
	if h.total() == 0 {
		t.Fatalf("%s: there is no change to be told of", what)
	}
	harness.Poll(t, "all events at "+what, func() error { return h.matches(read()) })
}

// wantShown waits until a mirror has these keys and ETags and no other.
func wantShown(t testing.TB, what string, want map[string]string, read func() map[string]string) {
	t.Helper()
	harness.Poll(t, what+" to show what the bucket has", func() error {
		got := read()
		for key, etag := range want {
			if got[key] != etag {
				return fmt.Errorf("%s is %q, want %s", key, got[key], etag)
			}
		}
		for key := range got {
			if _, ok := want[key]; !ok {
				return fmt.Errorf("%s is shown, and not there", key)
			}
		}
		return nil
	})
}
