package payload

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

const id = "000000000000feed-3-7"

func place() event.Place {
	return event.Place{Epoch: 0xfeed, Partition: 3, Sequence: 7, Stamp: 1795440065756999999}
}

func put(key string) *event.Record {
	return &event.Record{
		Name: event.ObjectCreatedPut, Bucket: "images", Key: key, Size: 3, ETag: "e", VersionID: "v", ContentType: "image/png",
		Request: event.Request{Principal: "user", SourceIP: "127.0.0.1", ID: "R", UserAgent: "mc"},
	}
}

func fill(form target.Body, rec *event.Record) target.Message {
	m := target.Message{ID: id}
	Encoder{&event.Encoder{HostID: "H"}}.Fill(&m, form, rec, place())
	return m
}

func TestForms(t *testing.T) {
	t.Parallel()
	e := &event.Encoder{HostID: "H"}
	rec := put("a b/ü.png")
	for name, tt := range map[string]struct {
		form  target.Body
		body  []byte
		media string
	}{
		"envelope":    {target.Envelope, e.AppendEnvelope(nil, rec, place()), "application/json"},
		"records":     {target.Records, e.AppendRecords(nil, rec, place()), "application/json"},
		"aws":         {target.AWS, e.AppendAWS(nil, rec, place()), "application/json"},
		"eventbridge": {target.EventBridge, e.AppendEventBridge(nil, id, rec, place()), "application/json"},
		"binary":      {target.CloudEventsBinary, e.AppendAWSRecord(nil, event.SourceMinIO, rec, place()), "application/json"},
		"structured": {
			target.CloudEvents, []byte(`{"specversion":"1.0","id":"` + id + `","source":"minio:s3.us-east-1.images",` +
				`"type":"com.amazonaws.s3.ObjectCreated:Put","subject":"a+b%2F%C3%BC.png","datacontenttype":"application/json",` +
				`"time":"2026-11-23T13:21:05.756Z","data":` + string(e.AppendAWSRecord(nil, event.SourceMinIO, rec, place())) + `}`),
			"application/cloudevents+json",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := fill(tt.form, rec)
			if diff := cmp.Diff(string(tt.body), string(m.Body)); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			if m.MediaType() != tt.media || m.Form != tt.form || m.ID != id || (len(m.Attributes) > 0) != (tt.form == target.CloudEventsBinary) {
				t.Errorf("media type %s, message %+v", m.MediaType(), m)
			}
		})
	}
}

// TestCloudEvents: what the SDK makes of our JSON is a valid event, whatever the
// key and the region, and the attributes beside a body are the same.
func TestCloudEvents(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"k", "a b+c%20&<>\"\\", "ü/日本/😀", "\x01\t\x7f\u2028", "\xff\xfe", strings.Repeat("k", 1024), ""} {
		for _, region := range []string{"", "eu-west-7", "a b/ü:?#%"} {
			rec := put(key)
			p := Encoder{&event.Encoder{Region: region}}
			whole, parted := target.Message{ID: id}, target.Message{ID: id}
			p.Fill(&whole, target.CloudEvents, rec, place())
			p.Fill(&parted, target.CloudEventsBinary, rec, place())
			var got cloudevents.Event
			if err := json.Unmarshal(whole.Body, &got); err != nil {
				t.Fatalf("key %q: %v: %s", key, err, whole.Body)
			}
			if err := got.Validate(); err != nil {
				t.Errorf("key %q, region %q: %v", key, region, err)
			}
			if diff := cmp.Diff(string(parted.Body), string(got.Data())); diff != "" {
				t.Errorf("data (-binary +structured):\n%s", diff)
			}
			var data struct {
				EventSource, AWSRegion, EventName, EventTime string
				S3                                           struct {
					Bucket struct{ Name string }
					Object struct{ Key string }
				}
			}
			if err := json.Unmarshal(got.Data(), &data); err != nil {
				t.Fatal(err)
			}
			if got.ID() != id || got.Type() != "com.amazonaws.s3."+data.EventName || got.Subject() != data.S3.Object.Key || got.Time().Format(time.RFC3339Nano) != data.EventTime {
				t.Errorf("key %q: %s", key, got)
			}
			if region != "a b/ü:?#%" && got.Source() != data.EventSource+"."+data.AWSRegion+"."+data.S3.Bucket.Name {
				t.Errorf("source %s", got.Source())
			}
			if diff := cmp.Diff(attributes(got), parted.Attributes); diff != "" {
				t.Errorf("attributes (-structured +binary):\n%s", diff)
			}
		}
	}
}

func TestAttributes(t *testing.T) {
	t.Parallel()
	want := []target.Attribute{
		{Name: "specversion", Value: "1.0"},
		{Name: "id", Value: id},
		{Name: "source", Value: "minio:s3.us-east-1.images"},
		{Name: "type", Value: "com.amazonaws.s3.ObjectTagging:Put"},
		{Name: "time", Value: "2026-11-23T13:21:05.756Z"},
		{Name: "subject", Value: "a+b"},
	}
	rec := put("a b")
	rec.Name = event.ObjectCreatedPutTagging
	if diff := cmp.Diff(want, fill(target.CloudEventsBinary, rec).Attributes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
