package payload

import (
	"bytes"
	"net/url"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// cloudEvent is the event by the CloudEvents adapter for S3
// (https://github.com/cloudevents/spec, cloudevents/adapters/aws-s3.md). Its id
// is the event's own, which the adapter makes of two request ids that events can
// share. As the adapter asks of services other than Amazon's, the event source
// is not "aws:s3". dst is the memory of its data.
func cloudEvent(dst []byte, id string, e *event.Encoder, rec *event.Record, at event.Place) cloudevents.Event {
	dataType := cloudevents.ApplicationJSON
	subject := url.QueryEscape(rec.Key) // as it stands in the data
	// Opaque is what follows "minio:".
	source := url.URL{Scheme: "minio", Opaque: "s3." + url.PathEscape(e.AWSRegion()) + "." + url.PathEscape(rec.Bucket)}
	ce := cloudevents.EventContextV1{
		ID:              id,
		Source:          types.URIRef{URL: source},
		Type:            "com.amazonaws.s3." + rec.AWSName(),
		DataContentType: &dataType,
		Time:            &types.Timestamp{Time: at.Time().Truncate(time.Millisecond)}, // as in the data,
	}
	if subject != "" { // an attribute is never empty
		ce.Subject = &subject
	}
	return cloudevents.Event{Context: &ce, DataEncoded: e.AppendAWSRecord(dst, event.SourceMinIO, rec, at)}
}

// structured is the event with its attributes as one JSON text (CloudEvents JSON
// event format 1.0).
func structured(ce cloudevents.Event) []byte {
	var out bytes.Buffer
	out.Grow(2 * bodyBytes)
	_ = cloudevents.WriteJson(&ce, &out) // memory takes everything
	return out.Bytes()
}

// attributes are those that travel beside the data in binary mode. The type of
// the data is not among them: every binding has its own place for that.
func attributes(ce cloudevents.Event) []target.Attribute {
	all := []target.Attribute{
		{Name: "specversion", Value: ce.SpecVersion()},
		{Name: "id", Value: ce.ID()},
		{Name: "source", Value: ce.Source()},
		{Name: "type", Value: ce.Type()},
		{Name: "time", Value: types.FormatTime(ce.Time())},
	}
	if subject := ce.Subject(); subject != "" {
		all = append(all, target.Attribute{Name: "subject", Value: subject})
	}
	return all
}
