package iam

import (
	"errors"
	"fmt"
)

// Errors of verification and authorisation. They may arrive wrapped, some with
// a Detail for the client; use errors.Is.
var (
	// ErrAccessDenied: the principal may not do this.
	ErrAccessDenied = errors.New("iam: access denied")
	// ErrInvalidAccessKey: no credential has this access key.
	ErrInvalidAccessKey = errors.New("iam: unknown access key")
	// ErrSignature: the signature is not the one we compute, for the request or
	// for a chunk of its body.
	ErrSignature = errors.New("iam: signature does not match")
	// ErrSkew: the request's date is too far from ours.
	ErrSkew = errors.New("iam: request time too skewed")
	// ErrExpired: a presigned request came too late.
	ErrExpired = errors.New("iam: request has expired")
	// ErrNotYetValid: a presigned request came before its date.
	ErrNotYetValid = errors.New("iam: request is not valid yet")
	// ErrHeaderMalformed: the Authorization header cannot be read.
	ErrHeaderMalformed = errors.New("iam: authorization header malformed")
	// ErrQueryMalformed: the X-Amz query parameters cannot be read.
	ErrQueryMalformed = errors.New("iam: authorization query parameters malformed")
	// ErrInvalidURI: the query is not percent-encoded correctly.
	ErrInvalidURI = errors.New("iam: malformed request URI")
	// ErrUnsignedHeaders: an x-amz header, or Host, is not among the signed.
	ErrUnsignedHeaders = errors.New("iam: headers present that were not signed")
	// ErrMissingDate: neither X-Amz-Date nor Date is there and readable.
	ErrMissingDate = errors.New("iam: no valid date")
	// ErrMissingContentSHA256: X-Amz-Content-Sha256 is not there.
	ErrMissingContentSHA256 = errors.New("iam: no x-amz-content-sha256 header")
	// ErrInvalidContentSHA256: X-Amz-Content-Sha256 has no form we know.
	ErrInvalidContentSHA256 = errors.New("iam: invalid x-amz-content-sha256 header")
	// ErrMultipleAuth: the request is signed in more than one way.
	ErrMultipleAuth = errors.New("iam: more than one authentication mechanism")
	// ErrSignatureVersion: the request is signed, but with neither version.
	ErrSignatureVersion = errors.New("iam: unsupported authorization mechanism")
	// ErrInvalidToken: a session token that is not ours, not of this access key, or
	// came with a credential that has none.
	ErrInvalidToken = errors.New("iam: invalid session token")
	// ErrExpiredToken: a session token of ours whose time is over.
	ErrExpiredToken = errors.New("iam: session token has expired")
	// ErrMissingLength: a streaming body does not say its decoded length.
	ErrMissingLength = errors.New("iam: missing content length")
	// ErrNotImplemented: a payload or checksum form that we do not support.
	ErrNotImplemented = errors.New("iam: not implemented")
	// ErrInvalidChecksumHeader: an x-amz-checksum or x-amz-trailer header that
	// makes no sense.
	ErrInvalidChecksumHeader = errors.New("iam: invalid checksum header")
)

// Errors of Body. After any of them nothing of the body may be kept.
var (
	// ErrContentSHA256Mismatch: the body is not the one that was signed.
	ErrContentSHA256Mismatch = errors.New("iam: body does not match x-amz-content-sha256")
	// ErrIncompleteBody: the body is shorter or longer than announced.
	ErrIncompleteBody = errors.New("iam: body has not the announced length")
	// ErrInvalidChunk: the chunked encoding is broken or a chunk is too large.
	ErrInvalidChunk = errors.New("iam: malformed chunked body")
	// ErrMalformedTrailer: the trailer is not the announced one.
	ErrMalformedTrailer = errors.New("iam: malformed trailer")
	// ErrChecksumMismatch: the body has not the announced checksum.
	ErrChecksumMismatch = errors.New("iam: body does not match its checksum")
)

// Detail is one of the errors above with a sentence for the client. It never
// holds a secret, nor what we computed.
type Detail struct {
	Err     error
	Message string
}

// Error returns both, for a log.
func (d *Detail) Error() string { return d.Err.Error() + ": " + d.Message }

// Unwrap returns the error that d details.
func (d *Detail) Unwrap() error { return d.Err }

func detail(err error, format string, args ...any) error {
	return &Detail{Err: err, Message: fmt.Sprintf(format, args...)}
}

// RegionError says that a request was signed for another region than ours.
type RegionError struct {
	Got, Want string
	// Query says that it was a presigned request.
	Query bool
}

// Error names both regions.
func (e *RegionError) Error() string {
	return fmt.Sprintf("iam: region %q is wrong; expecting %q", e.Got, e.Want)
}
