// Package iam says who sent a request and what they may do: credentials, the
// verification of AWS Signature Version 4 in its header, presigned and
// streaming forms and of Version 2, and authorisation.
//
// It knows HTTP requests and signatures, not buckets or objects: the S3 and the
// admin surface call Verifier.Verify, then Authorize, then read the verified
// body. Nothing here writes a response.
package iam

import (
	"log/slog"
	"time"
)

// Credential is an access key with its secret.
type Credential struct {
	AccessKey string
	SecretKey string
	// Owner says that the credential may do everything.
	Owner bool
	// Parent is the user whose access key it is; empty for a user's own.
	Parent string
	// Temporary says that it is of a session, and has a session token.
	Temporary bool
	// Expires is when a temporary credential ends.
	Expires time.Time

	grants *grants
}

// Principal is who a request acts for; its zero value is the anonymous one.
type Principal struct {
	// AccessKey is what signed the request.
	AccessKey string
	Owner     bool
	// User is whose access key it is: a user's own, or that of its parent.
	User string
	// Temporary says that a session's credential signed, which ends at Expires.
	Temporary bool
	Expires   time.Time

	grants *grants
}

// Anonymous reports whether nobody signed the request.
func (p Principal) Anonymous() bool { return p.AccessKey == "" }

// Principal is the credential without its secret.
func (c Credential) Principal() Principal {
	p := Principal{AccessKey: c.AccessKey, Owner: c.Owner, User: c.AccessKey, Temporary: c.Temporary, Expires: c.Expires, grants: c.grants}
	if c.Parent != "" {
		p.User = c.Parent
	}
	return p
}

// String names the access key only: a secret must not reach a log by accident.
func (c Credential) String() string { return "access key " + c.AccessKey }

// GoString is String, so that %#v shows no secret either.
func (c Credential) GoString() string { return c.String() }

// LogValue is the access key only.
func (c Credential) LogValue() slog.Value { return slog.StringValue(c.AccessKey) }

// Lookup finds credentials by access key. It is called for every request, by
// many goroutines, and must not wait for anything slower than memory.
type Lookup interface {
	Lookup(accessKey string) (Credential, bool)
}

// Root is a Lookup that knows the root credential alone.
type Root Credential

// Lookup returns the root credential if accessKey is its.
func (r Root) Lookup(accessKey string) (Credential, bool) {
	if accessKey == "" || accessKey != r.AccessKey {
		return Credential{}, false
	}
	return Credential{AccessKey: r.AccessKey, SecretKey: r.SecretKey, Owner: true}, true
}
