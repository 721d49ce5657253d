package s3api

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/object"
	"github.com/carillon-s3/carillon/internal/s3"
)

const (
	// headerTagging has the tags of a new object, as a URL query.
	headerTagging          = "X-Amz-Tagging"
	headerTaggingCount     = "X-Amz-Tagging-Count"
	headerTaggingDirective = "X-Amz-Tagging-Directive"
	// maxTaggingBytes bounds a document of tags: the largest set of a bucket is
	// 77 KiB in UTF-8, beside its elements and escapes.
	maxTaggingBytes = 256 << 10
)

type taggingDocument struct {
	XMLName xml.Name `xml:"Tagging"`
	TagSet  *struct {
		Tags []struct {
			Key   *string `xml:"Key"`
			Value *string `xml:"Value"`
		} `xml:"Tag"`
	} `xml:"TagSet"`
}

// parseTagging reads a document of at most so many tags.
func parseTagging(body []byte, most int) ([]s3.Tag, error) {
	var doc taggingDocument
	if err := decodeXML(body, &doc); err != nil {
		return nil, err
	}
	if doc.TagSet == nil {
		return nil, errMalformedXML
	}
	var tags []s3.Tag
	for _, t := range doc.TagSet.Tags {
		if t.Key == nil || t.Value == nil {
			return nil, errMalformedXML
		}
		tags = append(tags, s3.Tag{Key: *t.Key, Value: *t.Value})
	}
	return tags, tagsError(s3.CheckTags(tags, most), most)
}

// tagsError is how an error of the tags of an object or a bucket is answered
// ("PutObjectTagging" and "PutBucketTagging", errors).
func tagsError(err error, most int) error {
	switch {
	case errors.Is(err, s3.ErrTooManyTags) && most == s3.MaxObjectTags:
		return errBadRequest.says(fmt.Sprintf("Object tags cannot be greater than %d", most))
	case errors.Is(err, s3.ErrTooManyTags):
		return errBadRequest.says(fmt.Sprintf("Bucket tag count cannot be greater than %d", most))
	case errors.Is(err, s3.ErrTagKey):
		return errInvalidTag.says("The TagKey you have provided is invalid")
	case errors.Is(err, s3.ErrTagValue):
		return errInvalidTag.says("The TagValue you have provided is invalid")
	case errors.Is(err, s3.ErrDuplicateTag):
		return errInvalidTag.says("Cannot provide multiple Tags with the same key")
	case errors.Is(err, s3.ErrReservedTag):
		return errInvalidTag.says("System tags cannot be added/updated by requester")
	}
	return err
}

// givenTags are the tags that a request gives an object: those of its document
// or form, which were read before, or of its header. The header of a copy counts
// only if it replaces the source's tags ("CopyObject", x-amz-tagging).
func (r *request) givenTags() ([]s3.Tag, error) {
	kept := r.head(headerCopySource) != "" && r.head(headerTaggingDirective) != directiveReplace
	if r.tags != nil || kept || r.head(headerTagging) == "" {
		return r.tags, nil
	}
	tags, err := s3.ParseTags(r.head(headerTagging))
	if errors.Is(err, s3.ErrMalformedQuery) || errors.Is(err, s3.ErrDuplicateTag) {
		return nil, errInvalidArgument.says("The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.")
	}
	return tags, tagsError(err, s3.MaxObjectTags)
}

// newTags are the tags of an object that a request makes. To give it any takes a
// right of its own ("PutObject", permissions).
func (h *Handler) newTags(r *request) ([]s3.Tag, error) {
	if r.tags == nil && r.head(headerTagging) == "" {
		return nil, nil
	}
	if err := h.authorize(r, iam.ActionPutObjectTagging, r.bucket, r.key); err != nil {
		return nil, err
	}
	return r.givenTags()
}

// countTags tells how many tags a version has, if the caller may read them.
func (h *Handler) countTags(w *response, r *request, info object.Info) {
	if len(info.Tags) == 0 {
		return
	}
	action := iam.ActionGetObjectTagging
	if r.has("versionId") {
		action = action.OfVersion()
	}
	if h.authorize(r, action, r.bucket, r.key) == nil {
		w.set(headerTaggingCount, strconv.Itoa(len(info.Tags)))
	}
}

// getObjectTagging answers GetObjectTagging.
func getObjectTagging(h *Handler, w *response, r *request) error {
	info, err := h.Service.Tags(r.Context(), r.bucket, r.key, r.version())
	if err != nil {
		return err
	}
	w.setVersion(info.VersionID)
	return h.answerTags(w, info.Tags)
}

func (h *Handler) answerTags(w *response, tags []s3.Tag) error {
	d := h.document()
	defer h.release(d)
	d.root("Tagging")
	d.open("TagSet")
	for _, t := range tags {
		d.open("Tag")
		d.text("Key", t.Key)
		d.text("Value", t.Value)
		d.close("Tag")
	}
	d.close("TagSet")
	d.close("Tagging")
	return w.ok(d)
}

// putObjectTagging answers PutObjectTagging. A policy may look at the tags, so
// they are read before the caller is known to have the right; what is wrong with
// them is said afterwards.
func putObjectTagging(h *Handler, w *response, r *request) error {
	body, invalid := readDocument(r, maxTaggingBytes)
	if invalid == nil {
		r.tags, invalid = parseTagging(body, s3.MaxObjectTags)
	}
	if err := h.authorize(r, r.route.actionOf(r), r.bucket, r.key); err != nil {
		return err
	}
	if invalid != nil {
		return invalid
	}
	in := object.TagsInput{Bucket: r.bucket, Key: r.key, VersionID: r.version(), Tags: r.tags, Request: r.event()}
	version, err := h.Service.SetTags(r.Context(), in)
	if err != nil {
		return err
	}
	w.setVersion(version)
	return w.empty(http.StatusOK)
}

// deleteObjectTagging answers DeleteObjectTagging.
func deleteObjectTagging(h *Handler, w *response, r *request) error {
	in := object.TagsInput{Bucket: r.bucket, Key: r.key, VersionID: r.version(), Request: r.event()}
	version, err := h.Service.DeleteTags(r.Context(), in)
	if err != nil {
		return err
	}
	w.setVersion(version)
	return w.empty(http.StatusNoContent)
}

// getBucketTagging answers GetBucketTagging.
func getBucketTagging(h *Handler, w *response, r *request) error {
	tags, err := h.Service.BucketTags(r.Context(), r.bucket)
	if err != nil {
		return err
	}
	if len(tags) == 0 {
		return errNoSuchTagSet
	}
	return h.answerTags(w, tags)
}

// putBucketTagging answers PutBucketTagging.
func putBucketTagging(h *Handler, w *response, r *request) error {
	body, err := readDocument(r, maxTaggingBytes)
	if err != nil {
		return err
	}
	tags, err := parseTagging(body, s3.MaxBucketTags)
	if err != nil {
		return err
	}
	if err := h.Service.SetBucketTags(r.Context(), r.bucket, tags); err != nil {
		return err
	}
	return w.empty(http.StatusNoContent)
}

// deleteBucketTagging answers DeleteBucketTagging; without tags it succeeds.
func deleteBucketTagging(h *Handler, w *response, r *request) error {
	if err := h.Service.SetBucketTags(r.Context(), r.bucket, nil); err != nil {
		return err
	}
	return w.empty(http.StatusNoContent)
}
