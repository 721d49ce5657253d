// Package bucketconfig says which documents of a bucket's configuration Amazon S3
// takes: lifecycle and replication. It is pure; whoever reads a document guards
// against hostile XML first.
package bucketconfig

import (
	"encoding/xml"
	"fmt"
	"unicode/utf8"
)

const (
	// MaxBytes bounds a document: a thousand rules with all there can be in them.
	MaxBytes = 1 << 20
	// MaxRules bounds the rules of a document ("PutBucketLifecycleConfiguration",
	// "PutBucketReplication").
	MaxRules = 1000
	// maxIDRunes bounds a rule's ID ("LifecycleRule", "ReplicationRule").
	maxIDRunes = 255
	// maxPrefixBytes bounds a prefix: a key has no more.
	maxPrefixBytes = 1024
	// maxTagKeyRunes and maxTagValueRunes bound a tag ("Tag").
	maxTagKeyRunes   = 128
	maxTagValueRunes = 256
)

// Values of Status elements.
const (
	Enabled  = "Enabled"
	Disabled = "Disabled"
)

// Error says what is wrong with a document.
type Error struct {
	// Code is S3's: MalformedXML, InvalidArgument, InvalidRequest or InvalidTag.
	Code string
	// Message is in S3's words; empty for the code's own.
	Message string
}

// Error implements error.
func (e *Error) Error() string { return "bucket configuration: " + e.Code + ": " + e.Message }

func malformed() error { return &Error{Code: "MalformedXML"} }

func argument(format string, args ...any) error {
	return &Error{"InvalidArgument", fmt.Sprintf(format, args...)}
}

func request(format string, args ...any) error {
	return &Error{"InvalidRequest", fmt.Sprintf(format, args...)}
}

// unknown are elements that the schema does not have. S3 refuses them: what it
// would not do must not look as if it were done.
type unknown []struct{ XMLName xml.Name }

// first returns the first error.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// refuse returns err if it is the case.
func refuse(is bool, err error) error {
	if is {
		return err
	}
	return nil
}

// Tag is one that objects of a rule have.
type Tag struct {
	Key   string  `xml:"Key"`
	Value string  `xml:"Value"`
	Other unknown `xml:",any"`
}

func validateTags(tags []Tag) error {
	seen := map[string]bool{}
	for _, t := range tags {
		switch {
		case len(t.Other) > 0:
			return malformed()
		case t.Key == "" || utf8.RuneCountInString(t.Key) > maxTagKeyRunes:
			return &Error{"InvalidTag", "The TagKey you have provided is invalid"}
		case utf8.RuneCountInString(t.Value) > maxTagValueRunes:
			return &Error{"InvalidTag", "The TagValue you have provided is invalid"}
		case seen[t.Key]:
			return request("Duplicate Tag Keys are not allowed.")
		}
		seen[t.Key] = true
	}
	return nil
}

// ids makes sure that no two rules have one ID.
type ids map[string]bool

func (seen ids) add(id string) error {
	if utf8.RuneCountInString(id) > maxIDRunes {
		return argument("ID length should not exceed allowed limit of %d", maxIDRunes)
	}
	if id != "" && seen[id] {
		return argument("Rule ID must be unique. Found same ID for more than one rule")
	}
	seen[id] = true
	return nil
}

func validateStatus(status string) error {
	return refuse(status != Enabled && status != Disabled, malformed())
}
