package event

import (
	"net/url"
	"strconv"
	"strings"
)

// Versions of S3's event message, and which events have them ("Event message
// structure", https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html).
const (
	awsVersion            = "2.1"
	awsVersionReplication = "2.2"
	// awsVersionLifecycle is also that of tagging, ACLs and the expiry of restored copies.
	awsVersionLifecycle = "2.3"
)

// Event sources of the form that AppendAWS writes.
const (
	// SourceAWS is that of Amazon S3, by which its consumers know an event.
	SourceAWS = "aws:s3"
	// SourceMinIO is that of MinIO's events.
	SourceMinIO = "minio:s3"
)

// defaultRegion is the region of a site that has none: the one that clients sign
// with.
const defaultRegion = "us-east-1"

// AppendAWS appends {"Records":[…]}, the message that Amazon S3 sends to queues,
// topics and functions: its fields, in its order, and none of MinIO's.
func (e *Encoder) AppendAWS(dst []byte, rec *Record, at Place) []byte {
	dst = append(dst, `{"Records":[`...)
	dst = e.AppendAWSRecord(dst, SourceAWS, rec, at)
	return append(dst, `]}`...)
}

// AppendAWSRecord appends the record of AppendAWS alone, from an event source.
func (e *Encoder) AppendAWSRecord(dst []byte, source string, rec *Record, at Place) []byte {
	name := rec.AWSName()
	dst = append(dst, `{"eventVersion":"`...)
	dst = append(dst, awsVersionOf(name)...)
	dst = append(dst, `","eventSource":`...)
	dst = appendString(dst, source)
	dst = append(dst, `,"awsRegion":`...)
	dst = appendString(dst, e.AWSRegion())
	dst = append(dst, `,"eventTime":"`...)
	dst = at.AppendTime(dst)
	dst = append(dst, `","eventName":`...)
	dst = appendString(dst, name)
	dst = append(dst, `,"userIdentity":{"principalId":`...)
	dst = appendString(dst, rec.Request.Principal)
	dst = append(dst, `},"requestParameters":{"sourceIPAddress":`...)
	dst = appendString(dst, rec.Request.SourceIP)
	dst = append(dst, `},"responseElements":{"x-amz-request-id":`...)
	dst = appendString(dst, rec.Request.ID)
	dst = append(dst, `,"x-amz-id-2":`...)
	dst = appendString(dst, e.HostID)
	dst = append(dst, `},"s3":{"s3SchemaVersion":"1.0","configurationId":"Config","bucket":{"name":`...)
	dst = appendString(dst, rec.Bucket)
	dst = append(dst, `,"ownerIdentity":{"principalId":`...)
	dst = appendString(dst, rec.Request.Principal)
	dst = append(dst, `},"arn":`...)
	dst = appendString(dst, bucketARN(rec.Bucket))
	dst = append(dst, `},"object":`...)
	dst = appendAWSObject(dst, rec)
	dst = append(dst, `,"sequencer":"`...)
	dst = appendHex(dst, rec.sequencer(at))
	return append(dst, `"}}}`...)
}

// appendAWSObject appends the object up to its sequencer. Unlike MinIO's form it
// has a size of 0 too.
func appendAWSObject(dst []byte, rec *Record) []byte {
	dst = append(dst, `{"key":`...)
	dst = appendString(dst, url.QueryEscape(rec.Key))
	if !rec.Name.isDelete() {
		dst = append(dst, `,"size":`...)
		dst = strconv.AppendInt(dst, rec.Size, 10)
		if rec.ETag != "" {
			dst = append(dst, `,"eTag":`...)
			dst = appendString(dst, rec.ETag)
		}
	}
	if rec.VersionID != "" {
		dst = append(dst, `,"versionId":`...)
		dst = appendString(dst, rec.VersionID)
	}
	return dst
}

// AWSRegion is the site's region, also where it was given none.
func (e *Encoder) AWSRegion() string {
	if e.Region == "" {
		return defaultRegion
	}
	return e.Region
}

func bucketARN(bucket string) string { return "arn:aws:s3:::" + bucket }

// AWSName is the event's name as Amazon S3 writes it into events: without "s3:",
// and by S3's own name where that is another than MinIO's, such as
// "ObjectTagging:Put". Events that S3 does not have keep their names.
func (r *Record) AWSName() string { return strings.TrimPrefix(r.Name.awsText(), "s3:") }

// awsText is S3's name of an event, or else MinIO's.
func (n Name) awsText() string {
	switch n {
	case ObjectCreatedPutTagging:
		return "s3:ObjectTagging:Put"
	case ObjectCreatedDeleteTagging:
		return "s3:ObjectTagging:Delete"
	case ObjectTransitionComplete:
		return "s3:LifecycleTransition"
	case LifecycleDelMarkerExpirationDelete:
		return "s3:LifecycleExpiration:Delete"
	}
	return n.String()
}

// isDelete reports whether S3's events say of the object only which one it was.
func (n Name) isDelete() bool {
	return n.IsRemoved() || n == ObjectRemovedDeleteAllVersions || n == LifecycleDelMarkerExpirationDelete
}

func awsVersionOf(name string) string {
	switch group, _, _ := strings.Cut(name, ":"); group {
	case "Replication":
		return awsVersionReplication
	case "ObjectTagging", "ObjectAcl", "LifecycleExpiration", "LifecycleTransition":
		return awsVersionLifecycle
	}
	if name == "ObjectRestore:Delete" {
		return awsVersionLifecycle
	}
	return awsVersion
}
