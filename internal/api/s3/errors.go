package s3api

import "net/http"

// code is an S3 error code with its status and standard message (Amazon S3 API
// reference, "Error responses"). It is an error itself.
type code struct {
	name    string
	status  int
	message string
}

// Error implements error.
func (c *code) Error() string { return c.name + ": " + c.message }

func newCode(name string, status int, message string) *code { return &code{name, status, message} }

// The errors that we answer with, one line each. Codes beginning with XMinio are
// those that clients of the notification guide's server know.
var (
	errACLNotSupported            = newCode("AccessControlListNotSupported", http.StatusBadRequest, "The bucket does not allow ACLs")
	errAccessDenied               = newCode("AccessDenied", http.StatusForbidden, "Access Denied.")
	errAccessForbidden            = newCode("AccessForbidden", http.StatusForbidden, "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.")
	errAuthHeaderMalformed        = newCode("AuthorizationHeaderMalformed", http.StatusBadRequest, "The authorization header that you provided is not valid.")
	errAuthQueryParameters        = newCode("AuthorizationQueryParametersError", http.StatusBadRequest, "The authorization query parameters that you provided are not valid.")
	errBadDigest                  = newCode("BadDigest", http.StatusBadRequest, "The Content-MD5 or checksum value that you specified did not match what the server received.")
	errBadRequest                 = newCode("BadRequest", http.StatusBadRequest, "Bad Request")
	errBucketAlreadyOwnedByYou    = newCode("BucketAlreadyOwnedByYou", http.StatusConflict, "Your previous request to create the named bucket succeeded and you already own it.")
	errBucketNotEmpty             = newCode("BucketNotEmpty", http.StatusConflict, "The bucket that you tried to delete is not empty.")
	errExpiredToken               = newCode("ExpiredToken", http.StatusBadRequest, "The provided token has expired.")
	errEntityTooLarge             = newCode("EntityTooLarge", http.StatusBadRequest, "Your proposed upload exceeds the maximum allowed object size.")
	errEntityTooSmall             = newCode("EntityTooSmall", http.StatusBadRequest, "Your proposed upload is smaller than the minimum allowed object size.")
	errIllegalVersioning          = newCode("IllegalVersioningConfigurationException", http.StatusBadRequest, "The Versioning element must be specified")
	errIncompleteBody             = newCode("IncompleteBody", http.StatusBadRequest, "You did not provide the number of bytes specified by the Content-Length HTTP header.")
	errInternal                   = newCode("InternalError", http.StatusInternalServerError, "We encountered an internal error. Please try again.")
	errInvalidAccessKeyID         = newCode("InvalidAccessKeyId", http.StatusForbidden, "The Access Key Id you provided does not exist in our records.")
	errInvalidArgument            = newCode("InvalidArgument", http.StatusBadRequest, "Invalid Argument")
	errInvalidBucketName          = newCode("InvalidBucketName", http.StatusBadRequest, "The specified bucket is not valid.")
	errInvalidBucketState         = newCode("InvalidBucketState", http.StatusConflict, "The request is not valid with the current state of the bucket.")
	errIncorrectNumberOfFiles     = newCode("IncorrectNumberOfFilesInPostRequest", http.StatusBadRequest, "POST requires exactly one file upload per request.")
	errInvalidPolicyDocument      = newCode("InvalidPolicyDocument", http.StatusBadRequest, "The content of the form does not meet the conditions specified in the policy document.")
	errMalformedPOST              = newCode("MalformedPOSTRequest", http.StatusBadRequest, "The body of your POST request is not well-formed multipart/form-data.")
	errMaxPostPreData             = newCode("MaxPostPreDataLengthExceeded", http.StatusBadRequest, "Your POST request fields preceding the upload file was too large.")
	errInvalidChunk               = newCode("InvalidChunkSizeError", http.StatusBadRequest, "The chunked encoding of the body is not valid.")
	errInvalidDigest              = newCode("InvalidDigest", http.StatusBadRequest, "The Content-MD5 you specified is not valid.")
	errInvalidEncryptionAlgorithm = newCode("InvalidEncryptionAlgorithmError", http.StatusBadRequest, "The encryption request that you specified is not valid. The valid value is AES256.")
	errInvalidLocation            = newCode("InvalidLocationConstraint", http.StatusBadRequest, "The specified location (Region) constraint is not valid.")
	errInvalidPart                = newCode("InvalidPart", http.StatusBadRequest, "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.")
	errInvalidPartOrder           = newCode("InvalidPartOrder", http.StatusBadRequest, "The list of parts was not in ascending order. The parts list must be specified in order by part number.")
	errInvalidPartNumber          = newCode("InvalidPartNumber", http.StatusRequestedRangeNotSatisfiable, "The requested partnumber is not satisfiable")
	errInvalidRange               = newCode("InvalidRange", http.StatusRequestedRangeNotSatisfiable, "The requested range is not satisfiable")
	errInvalidRegion              = newCode("InvalidRegion", http.StatusBadRequest, "Region does not match.")
	errInvalidRequest             = newCode("InvalidRequest", http.StatusBadRequest, "Invalid Request")
	errInvalidRetentionPeriod     = newCode("InvalidRetentionPeriod", http.StatusBadRequest, "The default retention period must be from 1 to 36500 days, or from 1 to 100 years.")
	errInvalidStorageClass        = newCode("InvalidStorageClass", http.StatusBadRequest, "The storage class you specified is not valid.")
	errInvalidTag                 = newCode("InvalidTag", http.StatusBadRequest, "The tag provided was not a valid tag.")
	errInvalidTargetBucket        = newCode("InvalidTargetBucketForLogging", http.StatusBadRequest, "The target bucket for logging does not exist")
	errInvalidToken               = newCode("InvalidToken", http.StatusBadRequest, "The provided token is malformed or otherwise not valid.")
	errInvalidURI                 = newCode("InvalidURI", http.StatusBadRequest, "Couldn't parse the specified URI.")
	errKeyTooLong                 = newCode("KeyTooLongError", http.StatusBadRequest, "Your key is too long.")
	errKMSNotFound                = newCode("KMS.NotFoundException", http.StatusBadRequest, "The key that was named, or that the object is encrypted with, is not configured.")
	errMalformedPolicy            = newCode("MalformedPolicy", http.StatusBadRequest, "Policy has invalid resource.")
	errMalformedTrailer           = newCode("MalformedTrailerError", http.StatusBadRequest, "The request contained trailing data that was not well-formed or did not conform to our published schema.")
	errMalformedXML               = newCode("MalformedXML", http.StatusBadRequest, "The XML you provided was not well-formed or did not validate against our published schema.")
	errMaxMessageLength           = newCode("MaxMessageLengthExceeded", http.StatusBadRequest, "Your request was too big.")
	errMetadataTooLarge           = newCode("MetadataTooLarge", http.StatusBadRequest, "Your metadata headers exceed the maximum allowed metadata size.")
	errMissingSecurityHeader      = newCode("MissingSecurityHeader", http.StatusBadRequest, "Your request was missing a required header.")
	errMethodNotAllowed           = newCode("MethodNotAllowed", http.StatusMethodNotAllowed, "The specified method is not allowed against this resource.")
	errMissingContentLength       = newCode("MissingContentLength", http.StatusLengthRequired, "You must provide the Content-Length HTTP header.")
	errNoSuchBucket               = newCode("NoSuchBucket", http.StatusNotFound, "The specified bucket does not exist")
	errNoSuchBucketPolicy         = newCode("NoSuchBucketPolicy", http.StatusNotFound, "The bucket policy does not exist")
	errNoSuchConfiguration        = newCode("NoSuchConfiguration", http.StatusNotFound, "The specified configuration does not exist.")
	errNoSuchCORSConfiguration    = newCode("NoSuchCORSConfiguration", http.StatusNotFound, "The CORS configuration does not exist")
	errNoSuchKey                  = newCode("NoSuchKey", http.StatusNotFound, "The specified key does not exist.")
	errNoSuchLifecycle            = newCode("NoSuchLifecycleConfiguration", http.StatusNotFound, "The lifecycle configuration does not exist")
	errNoSuchObjectLock           = newCode("NoSuchObjectLockConfiguration", http.StatusNotFound, "The specified object does not have a ObjectLock configuration")
	errNoSuchPublicAccessBlock    = newCode("NoSuchPublicAccessBlockConfiguration", http.StatusNotFound, "The public access block configuration was not found")
	errNoSuchTagSet               = newCode("NoSuchTagSet", http.StatusNotFound, "The TagSet does not exist")
	errNoSuchUpload               = newCode("NoSuchUpload", http.StatusNotFound, "The specified multipart upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.")
	errNoSuchVersion              = newCode("NoSuchVersion", http.StatusNotFound, "The specified version does not exist.")
	errNoSuchWebsite              = newCode("NoSuchWebsiteConfiguration", http.StatusNotFound, "The specified bucket does not have a website configuration")
	errNotImplemented             = newCode("NotImplemented", http.StatusNotImplemented, "A header or query you provided requested a function that is not implemented.")
	errNotModified                = newCode("NotModified", http.StatusNotModified, "Not Modified")
	errObjectLockNotFound         = newCode("ObjectLockConfigurationNotFoundError", http.StatusNotFound, "Object Lock configuration does not exist for this bucket")
	errOwnershipControlsNotFound  = newCode("OwnershipControlsNotFoundError", http.StatusNotFound, "The bucket ownership controls were not found")
	errPreconditionFailed         = newCode("PreconditionFailed", http.StatusPreconditionFailed, "At least one of the pre-conditions you specified did not hold.")
	errReplicationNotFound        = newCode("ReplicationConfigurationNotFoundError", http.StatusNotFound, "The replication configuration was not found")
	errRequestTimeTooSkewed       = newCode("RequestTimeTooSkewed", http.StatusForbidden, "The difference between the request time and the server's time is too large.")
	errRequestTimeout             = newCode("RequestTimeout", http.StatusBadRequest, "Your socket connection to the server was not read from or written to within the timeout period.")
	errServerSideEncryptionAbsent = newCode("ServerSideEncryptionConfigurationNotFoundError", http.StatusNotFound, "The server side encryption configuration was not found")
	errServiceUnavailable         = newCode("ServiceUnavailable", http.StatusServiceUnavailable, "The service is unavailable. Please retry.")
	errSignatureDoesNotMatch      = newCode("SignatureDoesNotMatch", http.StatusForbidden, "The request signature we calculated does not match the signature you provided. Check your key and signing method.")
	errSlowDown                   = newCode("SlowDown", http.StatusServiceUnavailable, "Please reduce your request rate.")
	errContentSHA256Mismatch      = newCode("XAmzContentSHA256Mismatch", http.StatusBadRequest, "The provided 'x-amz-content-sha256' header does not match what was computed.")
	errQuotaExceeded              = newCode("XMinioAdminBucketQuotaExceeded", http.StatusBadRequest, "Bucket quota exceeded")
	errXMinioInvalidObjectName    = newCode("XMinioInvalidObjectName", http.StatusBadRequest, "Object name contains unsupported characters.")
	errXMinioStorageFull          = newCode("XMinioStorageFull", http.StatusInsufficientStorage, "The server has too little free space to accept writes. Delete objects or free some space, and try again.")
)

// apiError is a code with more to say.
type apiError struct {
	*code
	// message replaces the code's, if not empty.
	message string
	// cause is logged, never shown.
	cause error
	// extra are further elements of the XML, header further headers.
	extra, header []element
}

// element is a child of the Error document, or a header.
type element struct{ name, value string }

// Error implements error.
func (e *apiError) Error() string {
	s := e.name + ": " + e.text()
	if e.cause != nil {
		s += ": " + e.cause.Error()
	}
	return s
}

// Unwrap gives the code, so that errors.Is finds it.
func (e *apiError) Unwrap() []error {
	if e.cause != nil {
		return []error{e.code, e.cause}
	}
	return []error{e.code}
}

func (e *apiError) text() string {
	if e.message != "" {
		return e.message
	}
	return e.code.message
}

// says is the code with another message.
func (c *code) says(message string) error { return &apiError{code: c, message: message} }
