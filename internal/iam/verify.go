package iam

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"sync"
	"time"
)

// DefaultRegion is the region that clients which know no other sign for.
const DefaultRegion = "us-east-1"

// RegionRule says which regions a signature may be scoped to.
type RegionRule uint8

const (
	// RegionSite takes the site's region; every region if the site has none.
	RegionSite RegionRule = iota
	// RegionSiteOrDefault also takes DefaultRegion: GetBucketLocation and
	// ListBuckets are how clients learn the site's region.
	RegionSiteOrDefault
	// RegionAny takes every region, the empty one included: admin clients sign
	// with an empty region.
	RegionAny
)

// Config is what a Verifier needs.
type Config struct {
	Credentials Lookup
	// Sessions finds temporary credentials; nil knows none.
	Sessions Sessions
	// Region is the site's region; empty for none.
	Region string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Verifier verifies AWS Signature Version 4, and Version 2. It is safe for
// concurrent use.
type Verifier struct {
	credentials Lookup
	sessions    Sessions
	region      string
	now         func() time.Time
	keys        keyCache
	scratch     sync.Pool // of *scratch
	hashes      sync.Pool // of hash.Hash, SHA-256
	buffers     sync.Pool // of *[]byte, for chunks
}

// New returns a Verifier.
func New(c Config) *Verifier {
	v := &Verifier{credentials: c.Credentials, sessions: c.Sessions, region: c.Region, now: c.Now}
	if v.now == nil {
		v.now = time.Now
	}
	v.scratch.New = func() any { return new(scratch) }
	v.hashes.New = func() any { return sha256.New() }
	v.buffers.New = func() any {
		b := make([]byte, chunkBufferBytes)
		return &b
	}
	return v
}

// Options say how one operation wants its request verified.
type Options struct {
	Region RegionRule
	// IgnoreChecksums leaves x-amz-checksum headers alone: in some operations
	// they do not tell of the body.
	IgnoreChecksums bool
	// Version4Only refuses Version 2, which covers neither body nor query.
	Version4Only bool
	// HostBucket is the bucket that the request's host names; empty if its path
	// does. Version 2 signs it.
	HostBucket string
	// Service is what the request must be signed for; empty means s3.
	Service string
	// BodySHA256 is, in hexadecimal, the hash of a body that the caller has read
	// already. The signature must be of it: not every client of other services
	// sends X-Amz-Content-Sha256.
	BodySHA256 string
}

func (o *Options) service() string {
	if o.Service == "" {
		return serviceS3
	}
	return o.Service
}

// Verified is a request whose signature is right, or that has none.
type Verified struct {
	// Credential is what signed it; zero for an anonymous request. Its secret is
	// for the admin surface, whose bodies are encrypted with it.
	Credential Credential
	// Body is the decoded body. It is verified while it is read.
	Body *Body
}

// Verify checks the signature of a request: in the Authorization header or, for
// a presigned one, in the query. A request without either is anonymous, and
// that is no error here: Authorize refuses it.
//
// The body is not read; Verified.Body verifies it as the caller reads. The
// caller closes Verified.Body. r must not be changed meanwhile.
func (v *Verifier) Verify(r *http.Request, o Options) (Verified, error) {
	m, err := mechanismOf(r)
	if err != nil {
		return Verified{}, err
	}
	var sc scope // that of a request whose signature says nothing of its body
	var cred Credential
	var key *signingKey
	switch m {
	case anonymous:
	case header2, query2:
		if o.Version4Only {
			return Verified{}, ErrSignatureVersion
		}
		cred, err = v.verify2(r, m == query2, o)
	default:
		if m == query4 {
			sc, err = parseQuery(r.URL.RawQuery, o.service())
		} else {
			sc, err = parseHeader(first(r.Header, "Authorization"), o.service())
		}
		if err == nil {
			cred, key, err = v.verify(r, &sc, o)
		}
	}
	if err != nil {
		return Verified{}, err
	}
	b, err := v.newBody(r, &sc, key, o)
	if err != nil {
		return Verified{}, err
	}
	return Verified{Credential: cred, Body: b}, nil
}

// mechanism is how a request is signed.
type mechanism uint8

const (
	anonymous mechanism = iota
	header4             // version 4, in the Authorization header
	query4              // version 4, presigned
	header2             // version 2, in the Authorization header
	query2              // version 2, presigned
)

func mechanismOf(r *http.Request) (mechanism, error) {
	header := r.Header["Authorization"]
	raw := r.URL.RawQuery
	inQuery := anonymous
	switch {
	case hasParam(raw, "X-Amz-Signature"), hasParam(raw, "X-Amz-Credential"), hasParam(raw, "X-Amz-Algorithm"):
		inQuery = query4
	case hasParam(raw, "AWSAccessKeyId"):
		inQuery = query2
	}
	switch {
	case len(header) > 1, len(header) == 1 && inQuery != anonymous:
		return anonymous, ErrMultipleAuth
	case len(header) == 0:
		return inQuery, nil
	case strings.HasPrefix(header[0], version2+" "):
		return header2, nil
	}
	return header4, nil
}

// verify checks everything but the body.
func (v *Verifier) verify(r *http.Request, sc *scope, o Options) (Credential, *signingKey, error) {
	if err := v.checkRegion(sc, o.Region); err != nil {
		return Credential{}, nil, err
	}
	token, err := sessionToken(r, "X-Amz-Security-Token")
	if err != nil {
		return Credential{}, nil, err
	}
	cred, err := v.credential(sc.accessKey, token)
	if err != nil {
		return Credential{}, nil, err
	}
	if !sc.query {
		if err := sc.headerDate(r.Header); err != nil {
			return Credential{}, nil, err
		}
	}
	if err := sc.checkTime(v.now()); err != nil {
		return Credential{}, nil, err
	}
	if err := checkSignedHeaders(r, sc); err != nil {
		return Credential{}, nil, err
	}
	if sc.payload, err = canonicalPayload(r, sc, o.BodySHA256); err != nil {
		return Credential{}, nil, err
	}
	key := v.keys.get(cred, sc)
	s := v.scratch.Get().(*scratch)
	defer v.scratch.Put(s)
	var signature [signatureLen]byte
	copy(signature[:], sc.signature)
	for _, s.asSent = range [...]bool{false, true} {
		if err := s.canonicalRequest(r, sc); err != nil {
			return Credential{}, nil, err
		}
		if key.verify(s.stringToSign(sc), &signature) {
			return cred, key, nil
		}
		if !s.repeated {
			break
		}
	}
	return Credential{}, nil, ErrSignature
}

func (v *Verifier) checkRegion(sc *scope, rule RegionRule) error {
	if rule == RegionAny || v.region == "" || sc.region == v.region {
		return nil
	}
	if rule == RegionSiteOrDefault && sc.region == DefaultRegion {
		return nil
	}
	return &RegionError{Got: sc.region, Want: v.region, Query: sc.query}
}

// checkSignedHeaders refuses a request with an x-amz header that anybody on the
// way could have added.
func checkSignedHeaders(r *http.Request, sc *scope) error {
	if !sc.signs("host") {
		return ErrUnsignedHeaders
	}
	for name := range r.Header {
		if len(name) < len("X-Amz-") || name[:len("X-Amz-")] != "X-Amz-" || sc.signs(name) {
			continue
		}
		// A presigned URL signs UNSIGNED-PAYLOAD whatever this header says.
		if sc.query && name == "X-Amz-Content-Sha256" {
			continue
		}
		return detail(ErrUnsignedHeaders, "There were headers present in the request which were not signed: %s", strings.ToLower(name))
	}
	return nil
}

// canonicalPayload is the last line of the canonical request: read, if the body
// has been.
func canonicalPayload(r *http.Request, sc *scope, read string) (string, error) {
	if read != "" {
		if v := first(r.Header, "X-Amz-Content-Sha256"); v != "" && v != read {
			return "", ErrContentSHA256Mismatch
		}
		return read, nil
	}
	if sc.query {
		v, n, err := queryValue(r.URL.RawQuery, "X-Amz-Content-Sha256")
		if err != nil {
			return "", err
		}
		if n > 0 {
			return v, nil
		}
		if v := first(r.Header, "X-Amz-Content-Sha256"); v != "" && sc.signs("x-amz-content-sha256") {
			return v, nil
		}
		return unsignedPayload, nil
	}
	if v := first(r.Header, "X-Amz-Content-Sha256"); v != "" {
		return v, nil
	}
	return "", ErrMissingContentSHA256
}

// stringToSign is step 2: algorithm, date, scope, hash of the canonical request.
func (s *scratch) stringToSign(sc *scope) []byte {
	sum := sha256.Sum256(s.canonical)
	b := append(s.toSign[:0], algorithm...)
	b = append(b, '\n')
	b = append(b, sc.amzDate...)
	b = append(b, '\n')
	b = append(b, sc.text...)
	b = append(b, '\n')
	s.toSign = hex.AppendEncode(b, sum[:])
	return s.toSign
}
