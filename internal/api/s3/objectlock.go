package s3api

import (
	"encoding/xml"
	"net/http"
	"strings"

	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/object"
)

const (
	// headerBucketLock asks for a bucket with object lock.
	headerBucketLock = "X-Amz-Bucket-Object-Lock-Enabled"
	// maxLockBytes bounds the documents of object lock, which have a few elements.
	maxLockBytes = 64 << 10
	lockEnabled  = "Enabled"
)

// asksForLock reads whether a new bucket is to have object lock, which takes
// rights of its own ("CreateBucket", permissions).
func (h *Handler) asksForLock(r *request) (bool, error) {
	switch strings.ToLower(r.head(headerBucketLock)) {
	case "", "false":
		return false, nil
	case "true":
	default:
		return false, errInvalidArgument.says("The value of x-amz-bucket-object-lock-enabled must be true or false.")
	}
	for _, action := range []iam.Action{iam.ActionPutBucketObjectLock, iam.ActionPutBucketVersioning} {
		if err := h.authorize(r, action, r.bucket, ""); err != nil {
			return false, err
		}
	}
	return true, nil
}

// getObjectLockConfiguration answers GetObjectLockConfiguration.
func getObjectLockConfiguration(h *Handler, w *response, r *request) error {
	config, err := h.Service.LockConfig(r.Context(), r.bucket)
	if err != nil {
		return err
	}
	if config == nil {
		return errObjectLockNotFound
	}
	d := h.document()
	defer h.release(d)
	d.root("ObjectLockConfiguration")
	d.text("ObjectLockEnabled", lockEnabled)
	if keep := config.Default; keep.Mode != 0 {
		d.open("Rule")
		d.open("DefaultRetention")
		d.text("Mode", keep.Mode.String())
		if keep.Days != 0 {
			d.number("Days", int64(keep.Days))
		} else {
			d.number("Years", int64(keep.Years))
		}
		d.close("DefaultRetention")
		d.close("Rule")
	}
	d.close("ObjectLockConfiguration")
	return w.ok(d)
}

type lockConfigDocument struct {
	XMLName xml.Name `xml:"ObjectLockConfiguration"`
	Enabled string   `xml:"ObjectLockEnabled"`
	Rules   []struct {
		Default *struct {
			Mode  string `xml:"Mode"`
			Days  *int   `xml:"Days"`
			Years *int   `xml:"Years"`
		} `xml:"DefaultRetention"`
	} `xml:"Rule"`
}

// putObjectLockConfiguration answers PutObjectLockConfiguration.
func putObjectLockConfiguration(h *Handler, w *response, r *request) error {
	body, err := readDocument(r, maxLockBytes)
	if err != nil {
		return err
	}
	config, err := parseLockConfig(body)
	if err != nil {
		return err
	}
	if err := h.Service.SetLockConfig(r.Context(), r.bucket, config); err != nil {
		return err
	}
	return w.empty(http.StatusOK)
}

func parseLockConfig(body []byte) (config object.LockConfig, err error) {
	var doc lockConfigDocument
	if err := decodeXML(body, &doc); err != nil {
		return config, err
	}
	if doc.Enabled != lockEnabled || len(doc.Rules) > 1 {
		return config, errMalformedXML
	}
	if len(doc.Rules) == 0 {
		return config, nil
	}
	keep := doc.Rules[0].Default
	if keep == nil || (keep.Days == nil) == (keep.Years == nil) {
		return config, errMalformedXML
	}
	mode, ok := object.ParseLockMode(keep.Mode)
	if !ok {
		return config, errMalformedXML
	}
	config.Default.Mode = mode
	if keep.Days != nil {
		config.Default.Days = *keep.Days
	} else {
		config.Default.Years = *keep.Years
	}
	return config, nil
}
