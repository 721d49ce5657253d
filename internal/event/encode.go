package event

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// Encoder writes records as the JSON that targets and listeners get. Its fields
// are what all events of a site have in common. It is safe for concurrent use.
//
// Field order, escaping and omissions are those of MinIO's events, byte for
// byte (testdata/golden), so that a consumer sees no difference; of its
// responseElements only the content-length is left out, since it is the size of
// an answer that no consumer sees. A replayed record has one element more,
// "x-carillon-replay", and so has one of a backfill, "x-carillon-backfill".
type Encoder struct {
	// Region is the site's region, often empty.
	Region string
	// DeploymentID is the site's x-minio-deployment-id.
	DeploymentID string
	// HostID is the x-amz-id-2 of the site's answers.
	HostID string
	// Endpoint is the site's URL, without a slash at its end.
	Endpoint string
}

// AppendEnvelope appends {"EventName":…,"Key":…,"Records":[…]}, the body for
// message brokers and webhooks.
func (e *Encoder) AppendEnvelope(dst []byte, rec *Record, at Place) []byte {
	dst = append(dst, `{"EventName":`...)
	dst = appendString(dst, rec.Name.String())
	dst = append(dst, `,"Key":`...)
	dst = appendString(dst, rec.ResourceKey())
	dst = append(dst, `,"Records":[`...)
	dst = e.AppendRecord(dst, rec, at)
	return append(dst, `]}`...)
}

// AppendRecords appends {"Records":[…]}, the value that databases store.
func (e *Encoder) AppendRecords(dst []byte, rec *Record, at Place) []byte {
	dst = append(dst, `{"Records":[`...)
	dst = e.AppendRecord(dst, rec, at)
	return append(dst, `]}`...)
}

// AppendListen appends a listener's line, without its line feed. It is the form
// of AppendRecords, but for the object's key, which is not URL-encoded here.
func (e *Encoder) AppendListen(dst []byte, rec *Record, at Place) []byte {
	dst = append(dst, `{"Records":[`...)
	dst = e.appendRecord(dst, rec, at, rec.Key)
	return append(dst, `]}`...)
}

// AppendRecord appends the record alone.
func (e *Encoder) AppendRecord(dst []byte, rec *Record, at Place) []byte {
	return e.appendRecord(dst, rec, at, url.QueryEscape(rec.Key))
}

func (e *Encoder) appendRecord(dst []byte, rec *Record, at Place, key string) []byte {
	dst = append(dst, `{"eventVersion":"2.0","eventSource":"minio:s3","awsRegion":`...)
	dst = appendString(dst, e.Region)
	dst = append(dst, `,"eventTime":"`...)
	dst = at.AppendTime(dst)
	dst = append(dst, `","eventName":`...)
	dst = appendString(dst, rec.Name.String())
	dst = append(dst, `,"userIdentity":{"principalId":`...)
	dst = appendString(dst, rec.Request.Principal)
	dst = append(dst, `},"requestParameters":`...)
	dst = e.appendRequest(dst, &rec.Request)
	dst = append(dst, `,"responseElements":`...)
	dst = e.appendResponse(dst, rec)
	dst = append(dst, `,"s3":{"s3SchemaVersion":"1.0","configurationId":"Config","bucket":{"name":`...)
	dst = appendString(dst, rec.Bucket)
	dst = append(dst, `,"ownerIdentity":{"principalId":`...)
	dst = appendString(dst, rec.Request.Principal)
	dst = append(dst, `},"arn":`...)
	dst = appendString(dst, "arn:aws:s3:::"+rec.Bucket)
	dst = append(dst, `},"object":`...)
	dst = appendObject(dst, rec, key)
	dst = append(dst, `,"sequencer":"`...)
	dst = appendHex(dst, rec.sequencer(at))
	dst = append(dst, `"}},"source":{"host":`...)
	dst = appendString(dst, rec.Request.SourceIP)
	dst = append(dst, `,"port":"","userAgent":`...)
	dst = appendString(dst, rec.Request.UserAgent)
	return append(dst, `}}`...)
}

func (e *Encoder) appendRequest(dst []byte, req *Request) []byte {
	if req.Internal {
		return append(dst, `null`...)
	}
	dst = append(dst, `{"principalId":`...)
	dst = appendString(dst, req.Principal)
	if req.Range != "" {
		dst = append(dst, `,"range":`...)
		dst = appendString(dst, req.Range)
	}
	dst = append(dst, `,"region":`...)
	dst = appendString(dst, e.Region)
	dst = append(dst, `,"sourceIPAddress":`...)
	dst = appendString(dst, req.SourceIP)
	return append(dst, '}')
}

func (e *Encoder) appendResponse(dst []byte, rec *Record) []byte {
	dst = append(dst, `{"x-amz-id-2":`...)
	dst = appendString(dst, e.HostID)
	dst = append(dst, `,"x-amz-request-id":`...)
	dst = appendString(dst, rec.Request.ID)
	if rec.Backfill {
		dst = append(dst, `,"x-carillon-backfill":"true"`...)
	}
	if rec.Replay {
		dst = append(dst, `,"x-carillon-replay":"true"`...)
	}
	dst = append(dst, `,"x-minio-deployment-id":`...)
	dst = appendString(dst, e.DeploymentID)
	dst = append(dst, `,"x-minio-origin-endpoint":`...)
	dst = appendString(dst, e.Endpoint)
	return append(dst, '}')
}

// appendObject appends the object up to its sequencer, which the caller adds
// with the closing brace.
func appendObject(dst []byte, rec *Record, key string) []byte {
	dst = append(dst, `{"key":`...)
	dst = appendString(dst, key)
	if !rec.Name.IsRemoved() {
		dst = appendVersion(dst, rec)
	}
	if rec.VersionID != "" {
		dst = append(dst, `,"versionId":`...)
		dst = appendString(dst, rec.VersionID)
	}
	return dst
}

func appendVersion(dst []byte, rec *Record) []byte {
	if rec.Size != 0 {
		dst = append(dst, `,"size":`...)
		dst = strconv.AppendInt(dst, rec.Size, 10)
	}
	if rec.ETag != "" {
		dst = append(dst, `,"eTag":`...)
		dst = appendString(dst, rec.ETag)
	}
	if rec.ContentType != "" {
		dst = append(dst, `,"contentType":`...)
		dst = appendString(dst, rec.ContentType)
	}
	if len(rec.UserMetadata) == 0 {
		return dst
	}
	dst = append(dst, `,"userMetadata":{`...)
	for i, name := range slices.Sorted(maps.Keys(rec.UserMetadata)) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, name)
		dst = append(dst, ':')
		dst = appendString(dst, rec.UserMetadata[name])
	}
	return append(dst, '}')
}

// ResourceKey returns "<bucket>/<key>", not escaped: the Key of envelopes, and
// what brokers partition and order by.
func (r *Record) ResourceKey() string { return r.Bucket + "/" + r.Key }

// Sequencer returns the s3.object.sequencer of a record at its place: 16
// upper-case hex digits, ordered as text like the mutations of a key.
func Sequencer(rec *Record, at Place) string {
	return string(appendHex(make([]byte, 0, sequencerDigits), rec.sequencer(at)))
}

func (r *Record) sequencer(at Place) uint64 {
	if r.Sequencer != 0 {
		return r.Sequencer
	}
	return at.Stamp
}

// Time returns when the event happened, in UTC.
func (p Place) Time() time.Time {
	//nolint:gosec // G115: nanoseconds pass 63 bits in the year 2262.
	return time.Unix(0, int64(p.Stamp)).UTC()
}

// AppendTime appends the time in the form of the eventTime field: UTC with
// milliseconds, cut and not rounded, such as 2026-11-23T04:08:11.404Z.
func (p Place) AppendTime(dst []byte) []byte {
	return p.Time().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
}
