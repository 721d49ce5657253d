package s3api

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/carillon-s3/carillon/internal/checksum"
	"github.com/carillon-s3/carillon/internal/object"
	"github.com/carillon-s3/carillon/internal/s3"
)

// createMultipartUpload answers CreateMultipartUpload.
func createMultipartUpload(h *Handler, w *response, r *request) error {
	if err := checkKey(r.key); err != nil {
		return err
	}
	if err := refuseUnsupported(r); err != nil {
		return err
	}
	if err := h.checkUploadACL(r); err != nil {
		return err
	}
	in := object.CreateUploadInput{Bucket: r.bucket, Key: r.key, StorageClass: r.storageClass()}
	var err error
	if in.Metadata, err = metadata(r); err != nil {
		return err
	}
	if in.Checksum, err = r.uploadChecksum(); err != nil {
		return err
	}
	if in.Tags, err = h.newTags(r); err != nil {
		return err
	}
	if in.Lock, err = h.newLock(r); err != nil {
		return err
	}
	if in.Encryption, err = r.encryption(); err != nil {
		return err
	}
	in.Encrypted = func(e object.Encryption) { w.setWrittenEncryption(e, in.Encryption.CustomerKey) }
	id, err := h.Service.CreateUpload(r.Context(), in)
	if err != nil {
		return err
	}
	if !in.Checksum.Implied {
		w.set(headerChecksumAlgorithm, in.Checksum.Algorithm.String())
		w.set(headerChecksumType, in.Checksum.Type.String())
	}
	d := h.document()
	defer h.release(d)
	d.root("InitiateMultipartUploadResult")
	d.text("Bucket", r.bucket)
	d.text("Key", r.key)
	d.text("UploadId", id)
	d.close("InitiateMultipartUploadResult")
	return w.ok(d)
}

// upload names the upload of a request.
func (r *request) upload() object.UploadInput {
	return object.UploadInput{Bucket: r.bucket, Key: r.key, UploadID: r.query.Get("uploadId")}
}

// uploadPart answers UploadPart. Like that of PutObject, the body goes to the
// object layer in one pass.
func uploadPart(h *Handler, w *response, r *request) error {
	if err := refuseUnsupported(r); err != nil {
		return err
	}
	number, err := partNumber(r)
	if err != nil {
		return err
	}
	size, err := bodySize(r)
	if err != nil {
		return err
	}
	in := object.PartInput{UploadInput: r.upload(), Number: number, Body: r.body, Size: size, Checksum: r.sentChecksum()}
	if in.ContentMD5, err = contentMD5(r); err != nil {
		return err
	}
	if in.CustomerKey, err = r.customerKey(); err != nil {
		return err
	}
	part, err := h.Service.UploadPart(r.Context(), in)
	if err != nil {
		return partKeyError(err)
	}
	w.setEncryption(part.Encryption, in.CustomerKey)
	w.set("Etag", `"`+part.ETag+`"`)
	// What the client sent was verified, whether it is what is kept or not.
	if sent := r.body.ChecksumAlgorithm(); sent != 0 {
		part.Checksum = &checksum.Sum{Algorithm: sent, Digest: r.body.Checksum()}
	}
	w.setChecksum(part.Checksum)
	return w.empty(http.StatusOK)
}

// uploadPartCopy answers UploadPartCopy.
func uploadPartCopy(h *Handler, w *response, r *request) error {
	if err := refuseUnsupported(r); err != nil {
		return err
	}
	in := object.CopyPartInput{UploadInput: r.upload(), Request: r.event()}
	var err error
	if in.Number, err = partNumber(r); err != nil {
		return err
	}
	source, err := h.copySource(r)
	if err != nil {
		return err
	}
	if in.CustomerKey, err = r.customerKey(); err != nil {
		return err
	}
	if in.SourceCustomerKey, err = r.sourceKey(); err != nil {
		return err
	}
	in.SourceBucket, in.SourceKey, in.SourceVersion = source.bucket, source.key, source.version
	var copied string // the version
	in.Select = func(source object.Info) (offset, length int64, err error) {
		copied = source.VersionID
		if err := checkSourceConditions(r, source); err != nil {
			return 0, 0, err
		}
		return copiedRange(r, source.Size)
	}
	part, err := h.Service.CopyPart(r.Context(), in)
	if err != nil {
		return sourceError(err)
	}
	w.setSourceVersion(copied)
	w.setEncryption(part.Encryption, in.CustomerKey)
	d := h.document()
	defer h.release(d)
	d.root("CopyPartResult")
	d.time("LastModified", part.Modified)
	d.etag(part.ETag)
	d.checksum(part.Checksum)
	d.close("CopyPartResult")
	return w.ok(d)
}

// copiedRange reads x-amz-copy-source-range: both ends are given, and lie within
// the source ("UploadPartCopy").
func copiedRange(r *request, size int64) (offset, length int64, err error) {
	value := r.head(headerCopySource + "-Range")
	if value == "" {
		return 0, size, nil
	}
	from, to, _ := strings.Cut(strings.TrimPrefix(value, "bytes="), "-")
	first, isFirst := parsePosition(from)
	last, isLast := parsePosition(to)
	if !strings.HasPrefix(value, "bytes=") || !isFirst || !isLast || first > last {
		return 0, 0, errInvalidArgument.says("The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy")
	}
	if last >= size {
		return 0, 0, errInvalidArgument.says("Range specified is not valid for the source object")
	}
	return first, last - first + 1, nil
}

type completeDocument struct {
	XMLName xml.Name `xml:"CompleteMultipartUpload"`
	Parts   []struct {
		PartNumber int    `xml:"PartNumber"`
		ETag       string `xml:"ETag"`
		// Others are the checksums, by the names of their elements.
		Others []struct {
			XMLName xml.Name
			Value   string `xml:",chardata"`
		} `xml:",any"`
	} `xml:"Part"`
}

// completeMultipartUpload answers CompleteMultipartUpload.
func completeMultipartUpload(h *Handler, w *response, r *request) error {
	in := object.CompleteInput{UploadInput: r.upload(), Request: r.event()}
	var err error
	if in.Parts, err = readComplete(r); err != nil {
		return err
	}
	if in.IfMatch, in.IfNoneMatch, err = putConditions(r); err != nil {
		return err
	}
	if in.Checksum, err = r.objectChecksum(); err != nil {
		return err
	}
	if in.ChecksumType, err = r.askedType(); err != nil {
		return err
	}
	if in.Size, in.SizeKnown, err = r.objectSize(); err != nil {
		return err
	}
	if in.CustomerKey, err = r.customerKey(); err != nil {
		return err
	}
	info, err := h.Service.CompleteUpload(r.Context(), in)
	if err != nil {
		return partKeyError(err)
	}
	w.setEncryption(info.Encryption, in.CustomerKey)
	w.setVersion(info.VersionID)
	h.tellExpiration(w, r, info)
	d := h.document()
	defer h.release(d)
	d.root("CompleteMultipartUploadResult")
	d.text("Location", r.location())
	d.text("Bucket", r.bucket)
	d.text("Key", r.key)
	d.etag(info.ETag)
	d.checksumOfObject(info.Checksum)
	d.close("CompleteMultipartUploadResult")
	return w.ok(d)
}

func readComplete(r *request) ([]object.CompletedPart, error) {
	body, err := readDocument(r, s3.MaxCompleteXMLBytes)
	if err != nil {
		return nil, err
	}
	return parseComplete(body)
}

// parseComplete reads the list of parts. Clients write ETags with or without
// their quotes.
func parseComplete(body []byte) ([]object.CompletedPart, error) {
	var doc completeDocument
	if err := decodeXML(body, &doc); err != nil {
		return nil, err
	}
	if len(doc.Parts) == 0 || len(doc.Parts) > s3.MaxParts {
		return nil, errMalformedXML
	}
	parts := make([]object.CompletedPart, len(doc.Parts))
	for i, p := range doc.Parts {
		parts[i] = object.CompletedPart{Number: p.PartNumber, ETag: strings.Trim(strings.TrimSpace(p.ETag), `"`)}
		for _, e := range p.Others {
			sum, err := parseChecksumElement(e.XMLName.Local, e.Value)
			if err != nil {
				return nil, err
			}
			if sum == nil {
				continue
			}
			if parts[i].Checksum != nil {
				return nil, errInvalidRequest.says("More than one checksum is listed for part " + strconv.Itoa(p.PartNumber) + ".")
			}
			parts[i].Checksum = sum
		}
	}
	return parts, nil
}

// parseChecksumElement reads an element such as ChecksumCRC32; nil if it is
// another one, or empty.
func parseChecksumElement(name, value string) (*checksum.Sum, error) {
	name, ok := strings.CutPrefix(name, "Checksum")
	if !ok {
		return nil, nil
	}
	algorithm, ok := checksum.Parse(name)
	if value = strings.TrimSpace(value); !ok || value == "" {
		return nil, nil
	}
	digest, err := algorithm.Decode(value)
	if err != nil {
		return nil, errInvalidRequest.says("Value for " + algorithm.Element() + " is invalid.")
	}
	return &checksum.Sum{Algorithm: algorithm, Digest: digest}, nil
}

// location is the URL of the object, as the client sees the server.
func (r *request) location() string {
	u := url.URL{Scheme: "http", Host: r.Host, Path: "/" + r.bucket + "/" + r.key}
	if r.hostBucket != "" {
		u.Path = "/" + r.key
	}
	if r.TLS != nil {
		u.Scheme = "https"
	}
	return u.String()
}

// abortMultipartUpload answers AbortMultipartUpload.
func abortMultipartUpload(h *Handler, w *response, r *request) error {
	if err := h.Service.AbortUpload(r.Context(), r.upload()); err != nil {
		return err
	}
	return w.empty(http.StatusNoContent)
}
