package s3api

import (
	"errors"
	"net/textproto"
	"strings"

	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/object"
	"github.com/carillon-s3/carillon/internal/policy"
	"github.com/carillon-s3/carillon/internal/s3"
)

// actionOf is the action that a request needs: that of its route, or of the
// version that it names.
func (rt *route) actionOf(r *request) iam.Action {
	if r.has("versionId") {
		return rt.action.OfVersion()
	}
	return rt.action
}

// authorize returns nil if the caller may take the action on a bucket, or a key
// in it. Nothing is said of whether they exist.
func (h *Handler) authorize(r *request, action iam.Action, bucket, key string) error {
	return h.authorizeVersion(r, action, copySource{bucket, key, r.version()})
}

// authorizeVersion is authorize where the version is another than the request's
// own.
func (h *Handler) authorizeVersion(r *request, action iam.Action, of copySource) error {
	ask := iam.Ask{Principal: r.principal, Action: action, Resource: iam.Resource{Bucket: of.bucket, Key: of.key}}
	if r.principal.Owner {
		return iam.Authorize(ask, nil)
	}
	var unread error
	ask.Value = func(name string) []string {
		if tag, ok := strings.CutPrefix(name, "s3:existingobjecttag/"); ok {
			values, err := h.existingTag(r, of, tag)
			unread = errors.Join(unread, err)
			return values
		}
		return h.conditionValues(r, name)
	}
	var ofBucket *policy.Document
	if of.bucket != "" {
		var err error
		if ofBucket, err = h.policyFor(r, of.bucket); err != nil {
			return err
		}
	}
	err := iam.Authorize(ask, ofBucket)
	if unread != nil { // what was decided was decided without them
		return unread
	}
	return err
}

// policyFor is the policy of a bucket, nil if there is none. To anonymous callers
// of a bucket that restricts public access, a public one grants nothing.
func (h *Handler) policyFor(r *request, bucket string) (*policy.Document, error) {
	p, _, err := h.Service.Policy(r.Context(), bucket)
	if errors.Is(err, object.ErrNoSuchBucket) {
		return nil, nil
	}
	if err != nil || p == nil || !r.principal.Anonymous() || !p.Public() {
		return p, err
	}
	block, err := h.Service.PublicAccessBlock(r.Context(), bucket)
	if err != nil && !errors.Is(err, object.ErrNoSuchBucket) {
		return nil, err
	}
	if block != nil && block.Restrict {
		return nil, nil
	}
	return p, nil
}

// existingTag gives the value of a tag that a version has; none if there is no
// such version.
func (h *Handler) existingTag(r *request, of copySource, key string) ([]string, error) {
	if of.key == "" {
		return nil, nil
	}
	info, err := h.Service.Tags(r.Context(), of.bucket, of.key, of.version)
	switch {
	case err == nil:
		return tagValues(info.Tags, key), nil
	case errors.Is(err, object.ErrNoSuchBucket), errors.Is(err, object.ErrNoSuchKey), errors.Is(err, object.ErrNoSuchVersion),
		errors.Is(err, object.ErrDeleteMarker), errors.Is(err, object.ErrInvalidVersionID):
		return nil, nil
	}
	return nil, err
}

// tagValues are the values of a tag. Names of condition keys, and so the tag's in
// them, are not case-sensitive.
func tagValues(tags []s3.Tag, key string) (values []string) {
	for _, t := range tags {
		if strings.EqualFold(t.Key, key) {
			values = append(values, t.Value)
		}
	}
	return values
}

// conceal has a caller who may not list a bucket not learn which keys and versions
// are in it, nor in that of a copy's source: a missing one is answered as one that
// may not be read (GetObject, "Permissions").
func (h *Handler) conceal(r *request, err error) error {
	if r.principal.Owner || err == nil {
		return err
	}
	var list iam.Action
	switch {
	case errors.Is(err, object.ErrNoSuchKey):
		list = iam.ActionListBucket
	case errors.Is(err, object.ErrNoSuchVersion):
		list = iam.ActionListBucketVersions
	default:
		return err
	}
	for _, bucket := range []string{r.bucket, r.sourceBucket} {
		if bucket == "" {
			continue
		}
		if denied := h.authorize(r, list, bucket, ""); denied != nil {
			return denied
		}
	}
	return err
}

// Values of the condition keys s3:authType and s3:signatureversion.
const (
	authHeader = "REST-HEADER"
	authQuery  = "REST-QUERY-STRING"
)

// conditionValues are a request's values of a condition key: the global ones, and
// those of "Condition keys for Amazon S3".
func (h *Handler) conditionValues(r *request, name string) []string {
	if rest, ok := strings.CutPrefix(name, "s3:object-lock-"); ok {
		return h.lockValues(r, rest)
	}
	if rest, ok := strings.CutPrefix(name, "s3:"); ok {
		return r.s3Values(rest)
	}
	return iam.GlobalValues(r.Request, r.principal, r.sourceIP, h.Now(), name)
}

// s3Values are those of s3:name. Names that begin with x-amz- are headers, or
// parameters of a presigned request.
func (r *request) s3Values(name string) []string {
	if strings.HasPrefix(name, "x-amz-") {
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		if v := r.Header[canonical]; len(v) > 0 {
			return v
		}
		return r.query[canonical]
	}
	if tag, ok := strings.CutPrefix(name, "requestobjecttag/"); ok {
		tags, _ := r.givenTags() // the handler refuses what is wrong with them
		return tagValues(tags, tag)
	}
	switch name {
	case "prefix", "delimiter", "max-keys":
		return r.query[name]
	case "requestobjecttagkeys":
		var keys []string
		tags, _ := r.givenTags() // see above
		for _, t := range tags {
			keys = append(keys, t.Key)
		}
		return keys
	case "if-match":
		return r.Header["If-Match"]
	case "if-none-match":
		return r.Header["If-None-Match"]
	case "versionid":
		return r.query["versionId"]
	case "authtype":
		switch {
		case r.has("X-Amz-Signature"), r.has("Signature"):
			return []string{authQuery}
		case r.head("Authorization") != "":
			return []string{authHeader}
		}
	}
	return nil
}
