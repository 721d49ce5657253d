package s3api

import (
	"encoding/xml"
	"net/http"

	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/s3"
)

const (
	// maxCreateBucketBytes bounds the body of CreateBucket: one region.
	maxCreateBucketBytes = 8 << 10
	// maxRegionBytes bounds a region's name; Amazon's longest has 14.
	maxRegionBytes = 64

	// OwnerID and ownerName are who owns everything: one owner is all there is.
	// The id has the form of Amazon's canonical user ids.
	OwnerID   = "4f7f5c0e8b1b3f4d5ae1d51be1fd0a0bb1cfbe0eb2d8b4c1b7f0f2a2c9d86e35"
	ownerName = "carillon"
)

func (d *document) owner(name string) {
	d.open(name)
	d.text("ID", OwnerID)
	d.text("DisplayName", ownerName)
	d.close(name)
}

// listBuckets answers ListBuckets with all buckets in one page.
func listBuckets(h *Handler, w *response, r *request) error {
	buckets, err := h.Service.Buckets(r.Context())
	if err != nil {
		return err
	}
	d := h.document()
	defer h.release(d)
	d.root("ListAllMyBucketsResult")
	d.owner("Owner")
	d.open("Buckets")
	for _, b := range buckets {
		if h.authorize(r, iam.ActionListBucket, b.Name, "") != nil {
			continue
		}
		d.open("Bucket")
		d.text("Name", b.Name)
		d.time("CreationDate", b.Created)
		d.close("Bucket")
	}
	d.close("Buckets")
	d.close("ListAllMyBucketsResult")
	return w.ok(d)
}

type createBucketConfiguration struct {
	XMLName  xml.Name `xml:"CreateBucketConfiguration"`
	Location string   `xml:"LocationConstraint"`
}

// createBucket answers CreateBucket.
func createBucket(h *Handler, w *response, r *request) error {
	if !s3.ValidBucketName(r.bucket) {
		return errInvalidBucketName
	}
	create := h.Service.CreateBucket
	locked, err := h.asksForLock(r)
	if err != nil {
		return err
	}
	if locked {
		create = h.Service.CreateLockedBucket
	}
	region, err := h.locationConstraint(r)
	if err != nil {
		return err
	}
	if err := create(r.Context(), r.event(), r.bucket, region); err != nil {
		return err
	}
	w.set("Location", "/"+r.bucket)
	return w.empty(http.StatusOK)
}

// locationConstraint reads the region that a new bucket is asked to be in: the
// site's, or any if the site has none.
func (h *Handler) locationConstraint(r *request) (string, error) {
	body, err := readDocument(r, maxCreateBucketBytes)
	if err != nil || len(body) == 0 {
		return h.Region, err
	}
	var c createBucketConfiguration
	if err := decodeXML(body, &c); err != nil {
		return "", err
	}
	switch {
	case c.Location == "":
		return h.Region, nil
	case !validRegion(c.Location):
		return "", errInvalidLocation
	case h.Region != "" && c.Location != h.Region:
		return "", errInvalidRegion
	case c.Location == iam.DefaultRegion && h.Region == "":
		return "", nil
	}
	return c.Location, nil
}

func validRegion(name string) bool {
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return len(name) <= maxRegionBytes
}

// getBucketLocation answers GetBucketLocation: empty means us-east-1. A site's
// region is that of all its buckets, whatever they were created for.
func getBucketLocation(h *Handler, w *response, r *request) error {
	b, err := h.Service.Bucket(r.Context(), r.bucket)
	if err != nil {
		return err
	}
	region := h.Region
	if region == "" {
		region = b.Region
	}
	if region == iam.DefaultRegion {
		region = ""
	}
	d := h.document()
	defer h.release(d)
	d.root("LocationConstraint")
	_ = xml.EscapeText(&d.Buffer, []byte(region)) // a buffer does not fail
	d.close("LocationConstraint")
	return w.ok(d)
}

// headBucket answers HeadBucket.
func headBucket(h *Handler, w *response, r *request) error {
	if _, err := h.Service.Bucket(r.Context(), r.bucket); err != nil {
		return err
	}
	return w.empty(http.StatusOK)
}

// deleteBucket answers DeleteBucket. The bucket must be empty, also where
// X-Minio-Force-Delete asks for more: clients empty it themselves then.
func deleteBucket(h *Handler, w *response, r *request) error {
	if err := h.Service.DeleteBucket(r.Context(), r.event(), r.bucket); err != nil {
		return err
	}
	return w.empty(http.StatusNoContent)
}
