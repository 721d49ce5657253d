// Package s3 is the vocabulary of S3 that every layer shares: names, limits and
// their rules. It is pure and imports the standard library only.
package s3

import "time"

// Storage classes that are taken. They say what an object is worth to its owner;
// all objects are stored alike.
const (
	StorageStandard          = "STANDARD"
	StorageReducedRedundancy = "REDUCED_REDUNDANCY"
)

// Limits of S3, from the API reference ("Amazon S3 multipart upload limits",
// "Creating object key names", "Working with object metadata") unless said
// otherwise.
const (
	// MaxKeyBytes is the longest object key, in bytes of UTF-8.
	MaxKeyBytes = 1024
	// MaxListKeys is the largest page of a listing.
	MaxListKeys = 1000
	// MaxDeleteKeys is the largest number of keys in one DeleteObjects.
	MaxDeleteKeys = 1000
	// MaxPutBytes is the largest object of a single PUT.
	MaxPutBytes = 5 << 30
	// MaxCopyBytes is the largest source of a CopyObject or UploadPartCopy.
	MaxCopyBytes = 5 << 30
	// MaxParts is the largest number of parts of an upload, and the highest part
	// number.
	MaxParts = 10_000
	// MinPartBytes is the smallest part that may have another after it.
	MinPartBytes = 5 << 20
	// MaxPartBytes is the largest part.
	MaxPartBytes = 5 << 30
	// MaxObjectBytes is the largest object, which only an upload in parts makes.
	MaxObjectBytes = 5 << 40
	// MaxListParts and MaxListUploads are the largest pages of those listings.
	MaxListParts   = 1000
	MaxListUploads = 1000
	// MaxCompleteXMLBytes bounds a CompleteMultipartUpload document: 10,000
	// parts, each with number, ETag and checksums in some 500 bytes.
	MaxCompleteXMLBytes = 8 << 20
	// MaxUserMetadataBytes bounds the names and values of x-amz-meta headers.
	MaxUserMetadataBytes = 2 << 10
	// MaxPresignExpiry is the longest life of a presigned URL.
	MaxPresignExpiry = 7 * 24 * time.Hour
	// MaxClockSkew is how far a request's date may be from ours.
	MaxClockSkew = 15 * time.Minute
	// MaxNotificationXMLBytes bounds a bucket's notification document; S3
	// allows 100 rules, and 1,024 bytes of filter each fit well within.
	MaxNotificationXMLBytes = 1 << 20
	// MaxDeleteXMLBytes bounds a DeleteObjects document: 1,000 keys of 1,024
	// bytes, escaped at worst.
	MaxDeleteXMLBytes = 8 << 20
)
