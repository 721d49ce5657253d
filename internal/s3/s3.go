// Package s3 is the vocabulary of S3 that every layer shares: names, limits and
// their rules. It is pure and imports the standard library only.
package s3

import "time"

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
