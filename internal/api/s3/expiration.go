package s3api

import "github.com/carillon-s3/carillon/internal/object"

const headerExpiration = "X-Amz-Expiration"

// tellExpiration tells when a lifecycle rule removes the key's latest version (S3,
// "GetObject", "PutObject"). Of a version that was asked for by its id nothing is
// told: it may not be the latest.
func (h *Handler) tellExpiration(w *response, r *request, info object.Info) {
	if h.Expiration == nil || r.version() != "" {
		return
	}
	if when := h.Expiration(r.Context(), &info); when != "" {
		w.set(headerExpiration, when)
	}
}
