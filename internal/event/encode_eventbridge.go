package event

import (
	"strconv"
	"time"
)

// account stands where EventBridge has the 12 digits of the bucket owner's
// account: there are no accounts here.
const account = "000000000000"

// markerETag is the ETag of a delete marker in EventBridge's events: that of no
// bytes.
const markerETag = "d41d8cd98f00b204e9800998ecf8427e"

// AppendEventBridge appends the event that Amazon S3 sends to EventBridge
// ("EventBridge event message structure",
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html), with the
// event's id. The object's key is not URL-encoded, and the time is in seconds.
func (e *Encoder) AppendEventBridge(dst []byte, id string, rec *Record, at Place) []byte {
	dst = append(dst, `{"version":"0","id":`...)
	dst = appendString(dst, id)
	dst = append(dst, `,"detail-type":`...)
	dst = appendString(dst, rec.detailType())
	dst = append(dst, `,"source":"aws.s3","account":"`+account+`","time":"`...)
	dst = at.Time().AppendFormat(dst, time.RFC3339)
	dst = append(dst, `","region":`...)
	dst = appendString(dst, e.AWSRegion())
	dst = append(dst, `,"resources":[`...)
	dst = appendString(dst, bucketARN(rec.Bucket))
	dst = append(dst, `],"detail":{"version":"0","bucket":{"name":`...)
	dst = appendString(dst, rec.Bucket)
	dst = append(dst, `},"object":`...)
	dst = appendDetailObject(dst, rec)
	dst = append(dst, `,"sequencer":"`...)
	dst = appendHex(dst, rec.sequencer(at))
	dst = append(dst, `"},"request-id":`...)
	dst = appendString(dst, rec.Request.ID)
	dst = append(dst, `,"requester":`...)
	dst = appendString(dst, rec.requester())
	if rec.Request.SourceIP != "" && !rec.Request.Internal {
		dst = append(dst, `,"source-ip-address":`...)
		dst = appendString(dst, rec.Request.SourceIP)
	}
	dst = appendReason(dst, rec)
	return append(dst, `}}`...)
}

// appendDetailObject appends the object up to its sequencer.
func appendDetailObject(dst []byte, rec *Record) []byte {
	dst = append(dst, `{"key":`...)
	dst = appendString(dst, rec.Key)
	etag := rec.ETag
	if rec.Name.isDelete() {
		etag = ""
		if rec.Name == ObjectRemovedDeleteMarkerCreated || rec.Name == LifecycleExpirationMarkerCreated {
			etag = markerETag
		}
	} else {
		dst = append(dst, `,"size":`...)
		dst = strconv.AppendInt(dst, rec.Size, 10)
	}
	if etag != "" {
		dst = append(dst, `,"etag":`...)
		dst = appendString(dst, etag)
	}
	if rec.VersionID != "" {
		dst = append(dst, `,"version-id":`...)
		dst = appendString(dst, rec.VersionID)
	}
	return dst
}

// requester is who asked; S3 names itself for what no client asked for.
func (r *Record) requester() string {
	if r.Request.Internal {
		return "s3.amazonaws.com"
	}
	return r.Request.Principal
}

// detailType is EventBridge's type of the event ("Using EventBridge",
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventBridge.html). What
// S3 does not send there has its name as the type.
func (r *Record) detailType() string {
	switch r.Name {
	case ObjectCreatedPut, ObjectCreatedPost, ObjectCreatedCopy, ObjectCreatedCompleteMultipartUpload:
		return "Object Created"
	case ObjectRemovedDelete, ObjectRemovedDeleteMarkerCreated, ObjectRemovedDeleteAllVersions, LifecycleDelMarkerExpirationDelete,
		LifecycleExpirationDelete, LifecycleExpirationMarkerCreated:
		return "Object Deleted"
	case ObjectCreatedPutTagging:
		return "Object Tags Added"
	case ObjectCreatedDeleteTagging:
		return "Object Tags Deleted"
	case ObjectRestorePost:
		return "Object Restore Initiated"
	case ObjectRestoreCompleted:
		return "Object Restore Completed"
	case ObjectTransitionComplete:
		return "Object Storage Class Changed"
	}
	return r.AWSName()
}

// appendReason appends what only creations and deletes have: by which request,
// and what became of the object.
func appendReason(dst []byte, rec *Record) []byte {
	var reason, deletion string
	switch rec.Name {
	case ObjectCreatedPut:
		reason = "PutObject"
	case ObjectCreatedPost:
		reason = "POST Object"
	case ObjectCreatedCopy:
		reason = "CopyObject"
	case ObjectCreatedCompleteMultipartUpload:
		reason = "CompleteMultipartUpload"
	case ObjectRemovedDelete, ObjectRemovedDeleteAllVersions, LifecycleDelMarkerExpirationDelete, LifecycleExpirationDelete:
		deletion = "Permanently Deleted"
	case ObjectRemovedDeleteMarkerCreated, LifecycleExpirationMarkerCreated:
		deletion = "Delete Marker Created"
	}
	if deletion != "" {
		reason = "DeleteObject"
		if rec.Request.Internal {
			reason = "Lifecycle Expiration"
		}
	}
	if reason == "" {
		return dst
	}
	dst = append(dst, `,"reason":"`...)
	dst = append(append(dst, reason...), '"')
	if deletion != "" {
		dst = append(dst, `,"deletion-type":"`...)
		dst = append(append(dst, deletion...), '"')
	}
	return dst
}
