package sts

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"strconv"

	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/openid"
	"github.com/carillon-s3/carillon/internal/policy"
)

// code is an error of STS with its status and standard message ("Common errors",
// and those of the two actions, AWS STS API reference). It is an error itself.
type code struct {
	name    string
	status  int
	message string
}

// Error implements error.
func (c *code) Error() string { return c.name + ": " + c.message }

func (c *code) says(message string) error { return &code{c.name, c.status, message} }

// The errors that we answer with.
var (
	errMissingAction     = &code{"MissingAction", http.StatusBadRequest, "The request is missing an action or a required parameter."}
	errInvalidAction     = &code{"InvalidAction", http.StatusBadRequest, "The action or operation requested is not valid."}
	errMissingParameter  = &code{"MissingParameter", http.StatusBadRequest, "A required parameter is not supplied."}
	errInvalidParameter  = &code{"InvalidParameterValue", http.StatusBadRequest, "An input parameter has a value that is not valid."}
	errTooLarge          = &code{"RequestEntityTooLarge", http.StatusRequestEntityTooLarge, "The request is larger than 80 KiB."}
	errIncomplete        = &code{"IncompleteBody", http.StatusBadRequest, "The body of the request did not arrive."}
	errMissingToken      = &code{"MissingAuthenticationToken", http.StatusForbidden, "The request must be signed with an access key."}
	errAccessDenied      = &code{"AccessDenied", http.StatusForbidden, "Access Denied."}
	errAccessKey         = &code{"InvalidClientTokenId", http.StatusForbidden, "The access key or the security token of the request is not valid."}
	errExpired           = &code{"ExpiredToken", http.StatusForbidden, "The security token of the request has expired."}
	errSignature         = &code{"SignatureDoesNotMatch", http.StatusForbidden, "The request signature we calculated does not match the signature you provided. Check your key and signing method."}
	errIncompleteSign    = &code{"IncompleteSignature", http.StatusForbidden, "The signature of the request is not valid."}
	errSkew              = &code{"RequestExpired", http.StatusBadRequest, "The time of the request is too far from the server's."}
	errMalformedPolicy   = &code{"MalformedPolicyDocument", http.StatusBadRequest, "The policy is malformed."}
	errPackedTooLarge    = &code{"PackedPolicyTooLarge", http.StatusBadRequest, "The policy is too large."}
	errInvalidIdentity   = &code{"InvalidIdentityToken", http.StatusBadRequest, "The web identity token is not valid."}
	errExpiredIdentity   = &code{"ExpiredTokenException", http.StatusBadRequest, "The web identity token has expired."}
	errRejected          = &code{"IDPRejectedClaim", http.StatusForbidden, "The web identity token names no policy."}
	errIssuerUnreachable = &code{"IDPCommunicationError", http.StatusBadRequest, "The identity provider did not answer. Ask again."}
	errBusy              = &code{"ServiceUnavailable", http.StatusServiceUnavailable, "Too many web identities are being verified. Ask again."}
	errSealed            = &code{"ServiceUnavailable", http.StatusServiceUnavailable, "The server can make no temporary credentials: it was started with another root password and without its key file."}
	errInternal          = &code{"InternalFailure", http.StatusInternalServerError, "The request failed because of an unknown error."}
)

// codeOf says how an error is answered, nil if that is for the log alone.
func codeOf(err error) *code {
	var c *code
	if errors.As(err, &c) {
		return c
	}
	if refused := (*policy.Error)(nil); errors.As(err, &refused) {
		return &code{errMalformedPolicy.name, errMalformedPolicy.status, refused.Message}
	}
	for _, m := range []struct {
		err  error
		code *code
	}{
		{iam.ErrAccessDenied, errAccessDenied},
		{iam.ErrInvalidAccessKey, errAccessKey},
		{iam.ErrInvalidToken, errAccessKey},
		{iam.ErrExpiredToken, errExpired},
		{iam.ErrSignature, errSignature},
		{iam.ErrContentSHA256Mismatch, errSignature},
		{iam.ErrSkew, errSkew},
		{iam.ErrExpired, errSkew},
		{iam.ErrNotYetValid, errSkew},
		{iam.ErrHeaderMalformed, errIncompleteSign},
		{iam.ErrQueryMalformed, errIncompleteSign},
		{iam.ErrUnsignedHeaders, errIncompleteSign},
		{iam.ErrMissingDate, errIncompleteSign},
		{iam.ErrMultipleAuth, errIncompleteSign},
		{iam.ErrSignatureVersion, errIncompleteSign},
		{iam.ErrInvalidURI, errInvalidParameter},
		{iam.ErrSessionTooLarge, errPackedTooLarge},
		{iam.ErrInvalidArgument, errInvalidParameter},
		{iam.ErrSealed, errSealed},
		{openid.ErrExpired, errExpiredIdentity},
		{openid.ErrUnreachable, errIssuerUnreachable},
		{openid.ErrNoPolicy, errRejected},
		{openid.ErrInvalid, errInvalidIdentity},
	} {
		if !errors.Is(err, m.err) {
			continue
		}
		if d := (*iam.Detail)(nil); errors.As(err, &d) {
			return &code{m.code.name, m.code.status, d.Message}
		}
		return m.code
	}
	return nil
}

type errorAnswer struct {
	XMLName xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ ErrorResponse"`
	Error   struct {
		Type    string `xml:"Type"`
		Code    string `xml:"Code"`
		Message string `xml:"Message"`
	} `xml:"Error"`
	RequestID string `xml:"RequestId"`
}

// write answers, and returns what was sent.
func (h *Handler) write(w http.ResponseWriter, c *call, id string, answer any, err error) (int, int64) {
	status := http.StatusOK
	switch a := answer.(type) {
	case *assumeRoleAnswer:
		a.Metadata.RequestID = id
	case *webIdentityAnswer:
		a.Metadata.RequestID = id
	}
	if err != nil {
		status, answer = h.failure(c, id, err)
	}
	var b bytes.Buffer
	b.WriteString(xml.Header)
	if err := xml.NewEncoder(&b).Encode(answer); err != nil {
		h.Logger.Error("an answer of STS cannot be written", "request", id, "err", err)
		status = http.StatusInternalServerError
		b.Reset()
	}
	header := w.Header()
	header.Set("Content-Type", "application/xml")
	header.Set("Content-Length", strconv.Itoa(b.Len()))
	header.Set("Cache-Control", "no-store") // the answer is a secret
	w.WriteHeader(status)
	n, _ := w.Write(b.Bytes()) // the client may be gone
	return status, int64(n)
}

func (h *Handler) failure(c *call, id string, err error) (int, *errorAnswer) {
	known := codeOf(err)
	if known == nil {
		if !errors.Is(err, context.Canceled) {
			h.Logger.Error("a request of STS failed", "request", id, "action", c.form.action, "err", err)
		}
		known = errInternal
	}
	out := &errorAnswer{RequestID: id}
	out.Error.Type, out.Error.Code, out.Error.Message = "Sender", known.name, known.message
	if known.status >= http.StatusInternalServerError {
		out.Error.Type = "Receiver"
	}
	return known.status, out
}
