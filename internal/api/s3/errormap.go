package s3api

import (
	"context"
	"errors"
	"net"
	"net/http"

	"github.com/carillon-s3/carillon/internal/bucketconfig"
	"github.com/carillon-s3/carillon/internal/cors"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/object"
	"github.com/carillon-s3/carillon/internal/policy"
)

// domainError is how an error of another layer is answered. An empty message
// means the code's own.
type domainError struct {
	err     error
	code    *code
	message string
}

// domainErrors gives the answers to the errors of iam and object. Those of the
// body come first: the object layer passes them on wrapped.
func domainErrors() []domainError {
	return []domainError{
		{iam.ErrContentSHA256Mismatch, errContentSHA256Mismatch, ""},
		{iam.ErrIncompleteBody, errIncompleteBody, ""},
		{iam.ErrInvalidChunk, errInvalidChunk, ""},
		{iam.ErrMalformedTrailer, errMalformedTrailer, ""},
		{iam.ErrChecksumMismatch, errBadDigest, ""},
		{iam.ErrSignature, errSignatureDoesNotMatch, ""},

		{iam.ErrAccessDenied, errAccessDenied, ""},
		{iam.ErrInvalidAccessKey, errInvalidAccessKeyID, ""},
		{iam.ErrSkew, errRequestTimeTooSkewed, ""},
		{iam.ErrExpired, errAccessDenied, "Request has expired"},
		{iam.ErrNotYetValid, errAccessDenied, "Request is not valid yet"},
		{iam.ErrHeaderMalformed, errAuthHeaderMalformed, ""},
		{iam.ErrQueryMalformed, errAuthQueryParameters, ""},
		{iam.ErrInvalidURI, errInvalidURI, ""},
		{iam.ErrUnsignedHeaders, errAccessDenied, "There were headers present in the request which were not signed"},
		{iam.ErrMissingDate, errAccessDenied, "AWS authentication requires a valid Date or x-amz-date header"},
		{iam.ErrMissingContentSHA256, errInvalidRequest, "Missing required header for this request: x-amz-content-sha256"},
		{iam.ErrInvalidContentSHA256, errInvalidArgument, "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a STREAMING- form, or a valid sha256 value."},
		{iam.ErrMultipleAuth, errInvalidArgument, "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified"},
		{iam.ErrSignatureVersion, errInvalidRequest, "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."},
		{iam.ErrInvalidToken, errInvalidToken, ""},
		{iam.ErrExpiredToken, errExpiredToken, ""},
		{iam.ErrMissingLength, errMissingContentLength, ""},
		{iam.ErrNotImplemented, errNotImplemented, ""},
		{iam.ErrInvalidChecksumHeader, errInvalidRequest, ""},

		{object.ErrNoSuchBucket, errNoSuchBucket, ""},
		{object.ErrNoSuchKey, errNoSuchKey, ""},
		{object.ErrNoSuchVersion, errNoSuchVersion, ""},
		{object.ErrInvalidVersionID, errInvalidArgument, "Invalid version id specified"},
		{object.ErrDeleteMarker, errMethodNotAllowed, ""},
		{object.ErrBucketExists, errBucketAlreadyOwnedByYou, ""},
		{object.ErrBucketNotEmpty, errBucketNotEmpty, ""},
		{object.ErrLocked, errAccessDenied, "Access Denied because object protected by object lock."},
		{object.ErrNoLock, errInvalidRequest, "Bucket is missing Object Lock Configuration"},
		{object.ErrLockUnversioned, errInvalidBucketState, "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"},
		{object.ErrLockedBucket, errInvalidBucketState, "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed."},
		{object.ErrRetentionPassed, errInvalidArgument, "The retain until date must be in the future!"},
		{object.ErrRetentionPeriod, errInvalidRetentionPeriod, ""},
		{object.ErrPublicPolicy, errAccessDenied, "Public policies are prevented by the BlockPublicPolicy setting of the bucket's public access block."},
		{object.ErrPreconditionFailed, errPreconditionFailed, ""},
		{object.ErrBadDigest, errBadDigest, "The Content-MD5 you specified did not match what we received."},
		{object.ErrIncompleteBody, errIncompleteBody, ""},
		{object.ErrEntityTooLarge, errEntityTooLarge, ""},
		{object.ErrInvalidBucketName, errInvalidBucketName, ""},
		{object.ErrInvalidObjectName, errXMinioInvalidObjectName, ""},
		{object.ErrKeyTooLong, errKeyTooLong, ""},
		{object.ErrMetadataTooLarge, errMetadataTooLarge, ""},
		{object.ErrCopyToItself, errInvalidRequest, "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes."},
		{object.ErrCopyTooLarge, errInvalidRequest, "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120"},
		{object.ErrNoSuchUpload, errNoSuchUpload, ""},
		{object.ErrInvalidPart, errInvalidPart, ""},
		{object.ErrInvalidPartOrder, errInvalidPartOrder, ""},
		{object.ErrInvalidPartNumber, errInvalidArgument, "Part number must be an integer between 1 and 10000, inclusive"},
		{object.ErrPartTooSmall, errEntityTooSmall, ""},
		{object.ErrWrongSize, errInvalidRequest, "The provided 'x-amz-mp-object-size' header does not match what was computed."},
		{object.ErrNoKMS, errNotImplemented, "Server side encryption specified but KMS is not configured"},
		{object.ErrUnknownKey, errKMSNotFound, ""},
		{object.ErrCustomerKeyMissing, errInvalidRequest, "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object."},
		{object.ErrCustomerKeyNeedless, errInvalidRequest, "The encryption parameters are not applicable to this object."},
		{object.ErrCustomerKeyWrong, errAccessDenied, "Access Denied because object was encrypted with another key."},
		{object.ErrNoSpace, errXMinioStorageFull, ""},
		{object.ErrBacklogFull, errServiceUnavailable, "The backlog of a notification target of this bucket is full, and its queue_full setting has writes refused until it has drained."},
		{object.ErrUnsure, errServiceUnavailable, "The outcome of the request is unknown. Please check and retry."},
		{object.ErrUnavailable, errServiceUnavailable, ""},
		{object.ErrContended, errSlowDown, ""},
		{object.ErrLogTarget, errInvalidTargetBucket, ""},
		{object.ErrQuotaExceeded, errQuotaExceeded, ""},
		{object.ErrNotVersioned, errInvalidRequest, "Versioning must be 'Enabled' on the bucket to apply a replication configuration"},
		{object.ErrReplicates, errInvalidBucketState, "A replication configuration is present on this bucket, so you cannot change the versioning state. To change the versioning state, first delete the replication configuration."},
		{object.ErrResumeToken, errInvalidArgument, "since must be empty, a time (RFC 3339), or a resume token of this server."},
		{object.ErrUnknownTarget, errInvalidArgument, "A specified destination ARN does not exist or is not well-formed. Verify the destination ARN."},
	}
}

// toAPIError says how an error is answered. What we do not know is an internal
// error, whose cause is for the log only.
func toAPIError(err error) *apiError {
	var api *apiError
	if errors.As(err, &api) {
		return api
	}
	var c *code
	if errors.As(err, &c) {
		return &apiError{code: c}
	}
	var region *iam.RegionError
	if errors.As(err, &region) {
		return regionError(region)
	}
	var config *event.ConfigError
	if errors.As(err, &config) {
		return configError(config)
	}
	var document *policy.Error
	if errors.As(err, &document) {
		return &apiError{code: errMalformedPolicy, message: document.Message, cause: err}
	}
	var sharing *cors.Error
	if errors.As(err, &sharing) {
		if sharing.Message == "" {
			return &apiError{code: errMalformedXML, cause: err}
		}
		return &apiError{code: errInvalidRequest, message: sharing.Message, cause: err}
	}
	var refused *bucketconfig.Error
	if errors.As(err, &refused) {
		return &apiError{code: configCode(refused.Code), message: refused.Message, cause: err}
	}
	var sum *object.ChecksumError
	if errors.As(err, &sum) {
		return checksumError(sum)
	}
	var marker *object.MarkerError
	if errors.As(err, &marker) {
		return markerError(marker)
	}
	for _, d := range domainErrors() {
		if !errors.Is(err, d.err) {
			continue
		}
		e := &apiError{code: d.code, message: d.message, cause: err}
		var detail *iam.Detail
		if errors.As(err, &detail) {
			e.message = detail.Message
		}
		return e
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() && !errors.Is(err, context.DeadlineExceeded) {
		return &apiError{code: errRequestTimeout, cause: err}
	}
	return &apiError{code: errInternal, cause: err}
}

func regionError(e *iam.RegionError) *apiError {
	c, what := errAuthHeaderMalformed, "The authorization header is malformed; "
	if e.Query {
		c, what = errAuthQueryParameters, "Error parsing the X-Amz-Credential parameter; "
	}
	return &apiError{code: c, message: what + "the region is wrong; expecting '" + e.Want + "'.", cause: e}
}

// markerError answers a read of a delete marker ("GetObject", special errors):
// where it was asked for by its version, nothing but deleting it is allowed.
func markerError(e *object.MarkerError) *apiError {
	out := &apiError{code: errNoSuchKey, cause: e, header: []element{
		{headerDeleteMarker, "true"}, {headerVersionID, e.VersionID},
	}}
	if errors.Is(e, object.ErrDeleteMarker) {
		out.code = errMethodNotAllowed
		out.header = append(out.header, element{"Last-Modified", e.Modified.UTC().Format(http.TimeFormat)}, element{"Allow", http.MethodDelete})
	}
	return out
}

// checksumError answers what is wrong with the checksums of an upload.
func checksumError(e *object.ChecksumError) *apiError {
	c := errInvalidRequest
	if e.Mismatch {
		c = errBadDigest
	}
	return &apiError{code: c, message: e.Message, cause: e}
}

// configError answers what is wrong with a notification document.
func configError(e *event.ConfigError) *apiError {
	return &apiError{code: newCode(e.Code, errInvalidArgument.status, e.Message), cause: e}
}
