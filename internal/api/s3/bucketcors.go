package s3api

import (
	"encoding/xml"
	"net/http"

	"github.com/carillon-s3/carillon/internal/cors"
)

type corsDocument struct {
	XMLName xml.Name `xml:"CORSConfiguration"`
	Rules   []struct {
		ID      string   `xml:"ID"`
		Origins []string `xml:"AllowedOrigin"`
		Methods []string `xml:"AllowedMethod"`
		Headers []string `xml:"AllowedHeader"`
		Expose  []string `xml:"ExposeHeader"`
		MaxAge  *uint32  `xml:"MaxAgeSeconds"`
	} `xml:"CORSRule"`
}

// putBucketCORS answers PutBucketCors. The rules are in force for every request
// that comes after the answer.
func putBucketCORS(h *Handler, w *response, r *request) error {
	body, err := readDocument(r, cors.MaxBytes)
	if err != nil {
		return err
	}
	config, err := parseCORS(body)
	if err != nil {
		return err
	}
	if err := h.Service.SetCORS(r.Context(), r.bucket, config); err != nil {
		return err
	}
	return w.empty(http.StatusOK)
}

// parseCORS reads a document; whether S3 would take its rules is for Validate.
func parseCORS(body []byte) (*cors.Config, error) {
	var doc corsDocument
	if err := decodeXML(body, &doc); err != nil {
		return nil, err
	}
	config := &cors.Config{Rules: make([]cors.Rule, 0, len(doc.Rules))}
	for _, rule := range doc.Rules {
		config.Rules = append(config.Rules, cors.Rule(rule))
	}
	return config, nil
}

// getBucketCORS answers GetBucketCors with the rules as they were put.
func getBucketCORS(h *Handler, w *response, r *request) error {
	config, err := h.Service.CORS(r.Context(), r.bucket)
	if err != nil {
		return err
	}
	if config == nil {
		return errNoSuchCORSConfiguration
	}
	d := h.document()
	defer h.release(d)
	d.cors(config)
	return w.ok(d)
}

func (d *document) cors(config *cors.Config) {
	d.root("CORSConfiguration")
	for i := range config.Rules {
		rule := &config.Rules[i]
		d.open("CORSRule")
		d.optional("ID", rule.ID)
		d.texts("AllowedHeader", rule.Headers)
		d.texts("AllowedMethod", rule.Methods)
		d.texts("AllowedOrigin", rule.Origins)
		d.texts("ExposeHeader", rule.Expose)
		if rule.MaxAge != nil {
			d.number("MaxAgeSeconds", int64(*rule.MaxAge))
		}
		d.close("CORSRule")
	}
	d.close("CORSConfiguration")
}

// deleteBucketCORS answers DeleteBucketCors; without a configuration it succeeds.
func deleteBucketCORS(h *Handler, w *response, r *request) error {
	if err := h.Service.SetCORS(r.Context(), r.bucket, nil); err != nil {
		return err
	}
	return w.empty(http.StatusNoContent)
}
