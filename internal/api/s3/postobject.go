package s3api

import (
	"math"
	"net/http"
	"net/url"
	"strings"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/object"
	"github.com/carillon-s3/carillon/internal/s3"
)

// postObject answers PostObject, the upload of a browser's form ("POST Object",
// Amazon S3 API reference). Who sends it is told by the form, so the route says
// that it authenticates by itself.
func postObject(h *Handler, w *response, r *request) error {
	form, err := readForm(r.Request)
	if err != nil {
		return err
	}
	if r.key, err = form.key(); err != nil {
		return err
	}
	if err := checkKey(r.key); err != nil {
		return err
	}
	form.fields["key"], form.fields["bucket"] = r.key, r.bucket
	file := &formFile{Reader: form.file, most: math.MaxInt64}
	if err := h.authorizeForm(r, form, file); err != nil {
		return err
	}
	in, err := r.formInput(form, file)
	if err != nil {
		return err
	}
	if in.Tags, err = h.newTags(r); err != nil {
		return err
	}
	if err := h.checkUploadACL(r); err != nil {
		return err
	}
	if in.Lock, err = h.newLock(r); err != nil {
		return err
	}
	if in.Encryption, err = r.encryption(); err != nil {
		return err
	}
	info, err := h.Service.Put(r.Context(), in)
	if err != nil {
		return err
	}
	w.setWrittenEncryption(info.Encryption, in.Encryption.CustomerKey)
	return h.answerForm(w, r, form, info)
}

// authorizeForm finds out who signed the form and whether they may store the
// object, and has the file bounded as they said. From then on the request has
// the form's fields for headers.
func (h *Handler) authorizeForm(r *request, form *postForm, file *formFile) error {
	credential, err := h.Verifier.VerifyForm(func(name string) string { return form.fields[name] })
	if err != nil {
		return err
	}
	r.principal = credential.Principal()
	plain := *r.Request
	plain.Header = form.header(r.Header)
	r.Request = &plain
	var invalid error
	if document := form.fields["tagging"]; document != "" {
		r.tags, invalid = parseTagging([]byte(document), s3.MaxObjectTags)
	}
	if err := h.authorize(r, iam.ActionPutObject, r.bucket, r.key); err != nil {
		return err
	}
	if invalid != nil || r.principal.Anonymous() {
		return invalid
	}
	policy, err := parsePostPolicy(form.fields["policy"])
	if err != nil {
		return err
	}
	file.least, file.most = policy.minBytes, policy.maxBytes
	return policy.check(form.fields, h.Now())
}

// formInput is the object that a form describes.
func (r *request) formInput(form *postForm, file *formFile) (object.PutInput, error) {
	in := object.PutInput{
		Bucket: r.bucket, Key: r.key, Body: file, Size: -1, Event: event.ObjectCreatedPost, Request: r.event(), StorageClass: r.storageClass(),
	}
	if err := refuseUnsupported(r); err != nil {
		return in, err
	}
	var err error
	if in.Metadata, err = metadata(r); err != nil {
		return in, err
	}
	sum, err := r.objectChecksum()
	if err != nil {
		return in, err
	}
	if sum != nil {
		file.digest, file.want = sum.Algorithm.New(), sum.Digest
		in.Checksum = object.BodyChecksum{Algorithm: sum.Algorithm, Verified: func() []byte { return file.want }}
		return in, nil
	}
	in.Checksum.Algorithm, err = r.askedAlgorithm()
	if in.Checksum.Algorithm == 0 {
		in.Checksum.Algorithm = defaultChecksum
	}
	return in, err
}

// answerForm answers as the form wishes: with a redirection, or with a status.
func (h *Handler) answerForm(w *response, r *request, form *postForm, info object.Info) error {
	etag := `"` + info.ETag + `"`
	location := objectURL(r)
	w.set("Etag", etag)
	w.set("Location", location)
	w.setVersion(info.VersionID)
	h.tellExpiration(w, r, info)
	w.setChecksum(info.Checksum)
	redirect := form.fields["success_action_redirect"]
	if redirect == "" {
		redirect = form.fields["redirect"] // its old name
	}
	if to, err := url.Parse(redirect); err == nil && to.Host != "" && (to.Scheme == "http" || to.Scheme == "https") {
		query := to.Query()
		query.Set("bucket", r.bucket)
		query.Set("key", r.key)
		query.Set("etag", etag)
		to.RawQuery = query.Encode()
		w.set("Location", to.String())
		return w.empty(http.StatusSeeOther)
	}
	switch form.fields["success_action_status"] {
	case "200":
		return w.empty(http.StatusOK)
	case "201":
		d := h.document()
		defer h.release(d)
		d.declaration()
		d.open("PostResponse")
		d.text("Location", location)
		d.text("Bucket", r.bucket)
		d.text("Key", r.key)
		d.text("ETag", etag)
		d.close("PostResponse")
		return w.xml(http.StatusCreated, d)
	}
	return w.empty(http.StatusNoContent)
}

// objectURL is where the object is, by the host that the client knows.
func objectURL(r *request) string {
	u := url.URL{Scheme: "http", Host: r.Host, Path: "/" + r.bucket + "/" + r.key}
	if r.TLS != nil {
		u.Scheme = "https"
	}
	if r.hostBucket != "" {
		u.Path = "/" + strings.TrimPrefix(r.key, "/")
	}
	return u.String()
}
