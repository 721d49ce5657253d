package webhook

import (
	"net/http"
	"net/url"
	"testing"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/notify/payload"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// TestCloudEvents: a receiver that uses the SDK of CloudEvents gets the same
// event in both modes.
func TestCloudEvents(t *testing.T) {
	t.Parallel()
	at := event.Place{Epoch: 0xfeed, Partition: 3, Sequence: 7, Stamp: 1_795_440_065_756_999_999}
	rec := &event.Record{Name: event.ObjectCreatedPut, Bucket: "images", Key: `a "b"/ü%.png`, Size: 3, ETag: "e"}
	var events []cloudevents.Event
	for _, form := range []target.Body{target.CloudEvents, target.CloudEventsBinary} {
		var got *cloudevents.Event
		var header http.Header
		h := hookTo(t, func(_ http.ResponseWriter, r *http.Request) {
			header = r.Header
			var err error
			if got, err = cehttp.NewEventFromHTTPRequest(r); err != nil {
				t.Error(err)
			}
		}, nil)
		m := target.Message{ID: event.EventID(at), Key: rec.ResourceKey(), Record: rec}
		payload.Encoder{Events: &event.Encoder{Region: "eu ü"}}.Fill(&m, form, rec, at)
		if err := h.Send(t.Context(), []target.Message{m}); err != nil {
			t.Fatal(err)
		}
		if err := got.Validate(); err != nil {
			t.Errorf("form %d: %v", form, err)
		}
		if header.Get("Content-Type") != m.MediaType() || header.Get("Webhook-Id") != m.ID || got.ID() != m.ID {
			t.Errorf("form %d: headers %v", form, header)
		}
		if form == target.CloudEventsBinary {
			// The SDK leaves the headers encoded, which the binding asks receivers to
			// decode.
			got.SetSource(decoded(t, got.Source()))
			got.SetSubject(decoded(t, got.Subject()))
		}
		events = append(events, *got)
	}
	if diff := cmp.Diff(events[0].String(), events[1].String()); diff != "" {
		t.Errorf("(-structured +binary):\n%s", diff)
	}
}

func decoded(t *testing.T, value string) string {
	t.Helper()
	text, err := url.PathUnescape(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestPercentEncoded(t *testing.T) {
	t.Parallel()
	// The example of the HTTP binding, 3.1.3.2, and the ends of the ranges.
	for value, want := range map[string]string{
		"Euro € 😀":  "Euro%20%E2%82%AC%20%F0%9F%98%80",
		"!~":        "!~",
		"%\"\x7f\n": "%25%22%7F%0A",
		"":          "",
	} {
		if got := percentEncoded(value); got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
}
