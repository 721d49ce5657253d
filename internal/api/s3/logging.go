package s3api

import (
	"encoding/xml"
	"net/http"

	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/object"
	"github.com/carillon-s3/carillon/internal/s3"
)

// maxLoggingBytes bounds the body of PutBucketLogging.
const maxLoggingBytes = 64 << 10

type loggingDocument struct {
	XMLName xml.Name `xml:"BucketLoggingStatus"`
	Enabled *struct {
		Bucket string    `xml:"TargetBucket"`
		Prefix *string   `xml:"TargetPrefix"`
		Grants *struct{} `xml:"TargetGrants>Grant"`
		Format *struct {
			Simple      *struct{} `xml:"SimplePrefix"`
			Partitioned *struct{} `xml:"PartitionedPrefix"`
		} `xml:"TargetObjectKeyFormat"`
	} `xml:"LoggingEnabled"`
}

// formatSimple is the form of names that there is: the prefix, the time and a
// unique text.
const formatSimple = "SimplePrefix"

// putBucketLogging answers PutBucketLogging. Who has a log written into a bucket
// must be allowed to write there.
func putBucketLogging(h *Handler, w *response, r *request) error {
	body, err := readDocument(r, maxLoggingBytes)
	if err != nil {
		return err
	}
	to, err := parseLogging(body)
	if err != nil {
		return err
	}
	if to != nil {
		if err := h.authorizeVersion(r, iam.ActionPutObject, copySource{bucket: to.Bucket, key: to.Prefix + "log"}); err != nil {
			return err
		}
	}
	if err := h.Service.SetLogging(r.Context(), r.bucket, to); err != nil {
		return err
	}
	return w.empty(http.StatusOK)
}

// parseLogging reads a document; nil ends the log.
func parseLogging(body []byte) (*object.Logging, error) {
	var doc loggingDocument
	if err := decodeXML(body, &doc); err != nil {
		return nil, err
	}
	e := doc.Enabled
	switch {
	case e == nil:
		return nil, nil
	case e.Bucket == "" || e.Prefix == nil:
		return nil, errMalformedXML
	case !s3.ValidBucketName(e.Bucket):
		return nil, errInvalidTargetBucket
	case e.Grants != nil:
		return nil, errACLNotSupported
	case len(*e.Prefix) > maxLogPrefixBytes || *e.Prefix != "" && !s3.ValidObjectKey(*e.Prefix):
		return nil, errInvalidArgument.says("The prefix of the log is too long, or no key can begin with it.")
	}
	to := &object.Logging{Bucket: e.Bucket, Prefix: *e.Prefix}
	switch f := e.Format; {
	case f == nil:
	case f.Partitioned != nil:
		return nil, errNotImplemented.says("Names of logs in the form PartitionedPrefix are not implemented.")
	case f.Simple == nil:
		return nil, errMalformedXML
	default:
		to.Format = formatSimple
	}
	return to, nil
}

// maxLogPrefixBytes leaves room for the rest of a name.
const maxLogPrefixBytes = s3.MaxKeyBytes - 64

// getBucketLogging answers GetBucketLogging; nothing is in the document of a bucket
// of which no log is kept.
func getBucketLogging(h *Handler, w *response, r *request) error {
	to, err := h.Service.Logging(r.Context(), r.bucket)
	if err != nil {
		return err
	}
	d := h.document()
	defer h.release(d)
	d.root("BucketLoggingStatus")
	if to != nil {
		d.open("LoggingEnabled")
		d.text("TargetBucket", to.Bucket)
		d.text("TargetPrefix", to.Prefix)
		if to.Format != "" {
			d.open("TargetObjectKeyFormat")
			d.text(to.Format, "")
			d.close("TargetObjectKeyFormat")
		}
		d.close("LoggingEnabled")
	}
	d.close("BucketLoggingStatus")
	return w.ok(d)
}
