package admin

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/iam"
)

// code is an error code with its status and standard message. It is an error
// itself.
type code struct {
	name    string
	status  int
	message string
}

// Error implements error.
func (c *code) Error() string { return c.message }

// The errors that we answer with. Names beginning with XMinio are those that
// the client knows.
var (
	errAccessDenied     = &code{"AccessDenied", http.StatusForbidden, "Access Denied."}
	errAccessKey        = &code{"InvalidAccessKeyId", http.StatusForbidden, "The Access Key Id you provided does not exist in our records."}
	errToken            = &code{"InvalidToken", http.StatusBadRequest, "The provided token is malformed or otherwise not valid."}
	errExpiredToken     = &code{"ExpiredToken", http.StatusBadRequest, "The provided token has expired."}
	errSignature        = &code{"SignatureDoesNotMatch", http.StatusForbidden, "The request signature we calculated does not match the signature you provided. Check your key and signing method."}
	errSkew             = &code{"RequestTimeTooSkewed", http.StatusForbidden, "The difference between the request time and the server's time is too large."}
	errBodyHash         = &code{"XAmzContentSHA256Mismatch", http.StatusBadRequest, "The provided 'x-amz-content-sha256' header does not match what was computed."}
	errIncomplete       = &code{"IncompleteBody", http.StatusBadRequest, "You did not provide the number of bytes specified by the Content-Length HTTP header."}
	errAuthorization    = &code{"AuthorizationHeaderMalformed", http.StatusBadRequest, "The authorization that you provided is not valid."}
	errVersion          = &code{"XMinioAdminVersionMismatch", http.StatusUpgradeRequired, "This 'admin' API is not supported by this server."}
	errNotImplemented   = &code{"NotImplemented", http.StatusNotImplemented, "This admin call is not implemented."}
	errInternal         = &code{"InternalError", http.StatusInternalServerError, "We encountered an internal error."}
	errTooLarge         = &code{"XMinioAdminConfigTooLarge", http.StatusBadRequest, "The configuration is larger than 256 KiB, or does not say its length."}
	errBadConfig        = &code{"XMinioAdminConfigBadJSON", http.StatusBadRequest, "The configuration provided has incorrect values."}
	errConfig           = &code{"XMinioConfigError", http.StatusBadRequest, "The configuration provided cannot be read."}
	errConfigNotFound   = &code{"XMinioConfigNotFoundError", http.StatusNotFound, "There is no such configuration."}
	errNoSuchCall       = &code{"NoSuchCall", http.StatusNotFound, "There is no such admin call, or it lacks a parameter."}
	errNoSuchTarget     = &code{"NoSuchTarget", http.StatusNotFound, "There is no such target."}
	errTargetConfigured = &code{"TargetIsConfigured", http.StatusConflict, "The target is configured, and would get what waits for it. It is dropped with force only."}
	errNoSuchBucket     = &code{"NoSuchBucket", http.StatusNotFound, "The specified bucket does not exist, or is not the one that it was."}
	errStorageFull      = &code{"XMinioStorageFull", http.StatusInsufficientStorage, "Free space is below the reserve."}
	errUnavailable      = &code{"ServiceUnavailable", http.StatusServiceUnavailable, "The store cannot take changes now. Ask again."}
	errInvalidQuery     = &code{"InvalidArgument", http.StatusBadRequest, "Invalid Argument"}
)

// detailed is a code with a sentence of its own.
type detailed struct {
	*code
	message string
}

func (d *detailed) Error() string { return d.message }
func (d *detailed) Unwrap() error { return d.code }

func (c *code) with(message string) error { return &detailed{c, message} }

// authCodes map what iam finds; everything else of it is a malformed
// authorization.
var authCodes = []struct {
	err  error
	code *code
}{
	{iam.ErrAccessDenied, errAccessDenied},
	{iam.ErrInvalidAccessKey, errAccessKey},
	{iam.ErrSignature, errSignature},
	{iam.ErrInvalidToken, errToken},
	{iam.ErrExpiredToken, errExpiredToken},
	{iam.ErrSkew, errSkew},
	{iam.ErrExpired, errAccessDenied},
	{iam.ErrContentSHA256Mismatch, errBodyHash},
	{iam.ErrIncompleteBody, errIncomplete},
}

// authError maps an error of iam.
func authError(err error) error {
	for _, m := range authCodes {
		if errors.Is(err, m.err) {
			return m.code
		}
	}
	return errAuthorization.with(err.Error())
}

// settingsError maps an error of the settings' store.
func settingsError(err error) error {
	var refused *config.Error
	if !errors.As(err, &refused) {
		return err
	}
	switch refused.Code {
	case config.Malformed:
		return errConfig.with(refused.Error())
	case config.NotFound:
		return errConfigNotFound.with(refused.Error())
	default:
		return errBadConfig.with(refused.Error())
	}
}

// errorBody is the JSON of an error; the order is that of the fields.
type errorBody struct {
	Code      string `json:"Code"`
	Message   string `json:"Message"`
	Resource  string `json:"Resource"`
	Region    string `json:"Region,omitempty"`
	RequestID string `json:"RequestId"`
	HostID    string `json:"HostId"`
}

// writeError answers err. What is no code is our own failure: it is logged, and
// the client is not told.
func (h *Handler) writeError(w http.ResponseWriter, r *http.Request, err error) {
	id := w.Header().Get("X-Amz-Request-Id")
	var c *code
	if !errors.As(err, &c) {
		if !errors.Is(err, context.Canceled) {
			h.Logger.Error("an admin request failed", "request", id, "path", r.URL.Path, "err", err)
		}
		c, err = errInternal, errInternal
	}
	body, jsonErr := json.Marshal(errorBody{
		Code: c.name, Message: err.Error(), Resource: r.URL.Path, Region: h.Region, RequestID: id, HostID: h.HostID,
	})
	if jsonErr != nil {
		body = []byte("{}") // strings always marshal
	}
	answer(w, c.status, body)
}

// answer sends a JSON body, or one in an envelope, which the client wants
// labelled so too.
func answer(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // nobody is left to be told
}
