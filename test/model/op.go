package model

import "fmt"

// kind is what an operation is.
type kind string

const (
	puts    kind = "put"
	copies  kind = "copy"
	uploads kind = "upload"
	deletes kind = "delete" // without a version
	removes kind = "remove" // of one version
	tags    kind = "tag"    // sets the tags of a version
	retains kind = "retain" // sets the retention of a version
	holds   kind = "hold"   // sets the legal hold of a version
	fewGoes kind = "few"    // deletes several keys with one request
	// Reads have no op.
	reads kind = "read"
	lists kind = "list"
)

// op is what a client asked for, of one key.
type op struct {
	// label is the user agent of its request.
	label string
	kind  kind
	key   string
	// version is the one that the request names; empty for the latest.
	version string
	// content is what is created; the ETag of a copy is in its answer.
	content
	tags map[string]string
	retention
	hold, bypass bool
	// onlyNew and match are the request's If-None-Match: * and If-Match.
	onlyNew bool
	match   string
	// source is what is copied: the key and its version, which may be empty.
	source, sourceVersion string

	// acked says that the server answered that it is done; refused is the S3
	// error code of another answer. With neither there was none.
	acked   bool
	refused string
	// answered are the version, marker or not, and ETag of the answer.
	answered, answeredETag string
}

func (o *op) String() string {
	outcome := "unanswered"
	if o.acked {
		outcome = "done, version " + o.answered
	} else if o.refused != "" {
		outcome = "refused with " + o.refused
	}
	return fmt.Sprintf("%s of %s, version %q (%s)", o.label, o.key, o.version, outcome)
}
