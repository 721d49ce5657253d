package s3api

import (
	"encoding/xml"
	"net/http"

	"github.com/carillon-s3/carillon/internal/object"
)

// maxPublicAccessBytes bounds the body of PutPublicAccessBlock.
const maxPublicAccessBytes = 64 << 10

type publicAccessDocument struct {
	XMLName     xml.Name `xml:"PublicAccessBlockConfiguration"`
	BlockACLs   *bool    `xml:"BlockPublicAcls"`
	IgnoreACLs  *bool    `xml:"IgnorePublicAcls"`
	BlockPolicy *bool    `xml:"BlockPublicPolicy"`
	Restrict    *bool    `xml:"RestrictPublicBuckets"`
}

// putPublicAccessBlock answers PutPublicAccessBlock. It is in force for every
// request that comes after the answer.
func putPublicAccessBlock(h *Handler, w *response, r *request) error {
	body, err := readDocument(r, maxPublicAccessBytes)
	if err != nil {
		return err
	}
	var doc publicAccessDocument
	if err := decodeXML(body, &doc); err != nil {
		return err
	}
	if doc.BlockACLs == nil && doc.IgnoreACLs == nil && doc.BlockPolicy == nil && doc.Restrict == nil {
		return errInvalidRequest.says("Must specify at least one configuration.")
	}
	set := func(b *bool) bool { return b != nil && *b }
	err = h.Service.SetPublicAccessBlock(r.Context(), r.bucket, &object.PublicAccessBlock{
		BlockACLs: set(doc.BlockACLs), IgnoreACLs: set(doc.IgnoreACLs),
		BlockPolicy: set(doc.BlockPolicy), Restrict: set(doc.Restrict),
	})
	if err != nil {
		return err
	}
	return w.empty(http.StatusOK)
}

// getPublicAccessBlock answers GetPublicAccessBlock.
func getPublicAccessBlock(h *Handler, w *response, r *request) error {
	block, err := h.Service.PublicAccessBlock(r.Context(), r.bucket)
	if err != nil {
		return err
	}
	if block == nil {
		return errNoSuchPublicAccessBlock
	}
	d := h.document()
	defer h.release(d)
	d.root("PublicAccessBlockConfiguration")
	d.boolean("BlockPublicAcls", block.BlockACLs)
	d.boolean("IgnorePublicAcls", block.IgnoreACLs)
	d.boolean("BlockPublicPolicy", block.BlockPolicy)
	d.boolean("RestrictPublicBuckets", block.Restrict)
	d.close("PublicAccessBlockConfiguration")
	return w.ok(d)
}

// deletePublicAccessBlock answers DeletePublicAccessBlock; without one it succeeds.
func deletePublicAccessBlock(h *Handler, w *response, r *request) error {
	if err := h.Service.SetPublicAccessBlock(r.Context(), r.bucket, nil); err != nil {
		return err
	}
	return w.empty(http.StatusNoContent)
}
