package iam

import (
	"bytes"
	"hash"
	"net/http"
	"strings"

	"github.com/carillon-s3/carillon/internal/checksum"
)

// headerSDKAlgorithm is what SDKs send beside the checksum itself.
const headerSDKAlgorithm = "X-Amz-Sdk-Checksum-Algorithm"

const (
	singleChecksum = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
	noChecksum     = "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found."
)

// bodyChecksum is an additional checksum of the body that the client announced.
type bodyChecksum struct {
	algorithm checksum.Algorithm
	hash      hash.Hash
	// want is the announced digest; for a trailer it comes last.
	want    []byte
	trailer bool
}

// newChecksum finds the checksum that a request announces, in a header or as a
// trailer. nil means none.
func newChecksum(h http.Header, trailer bool) (*bodyChecksum, error) {
	c, err := headerChecksum(h)
	if err != nil {
		return nil, err
	}
	if announced := h["X-Amz-Trailer"]; trailer && len(announced) > 0 {
		if c != nil || len(announced) > 1 || strings.Contains(announced[0], ",") {
			return nil, detail(ErrInvalidChecksumHeader, singleChecksum)
		}
		name := http.CanonicalHeaderKey(strings.TrimSpace(announced[0]))
		algorithm, ok := checksum.ByHeader(name)
		if !ok {
			return nil, detail(ErrInvalidChecksumHeader, "The value specified in the x-amz-trailer header is not supported.")
		}
		c = &bodyChecksum{algorithm: algorithm, trailer: true}
	}
	if c == nil {
		return nil, checkSDKAlgorithm(h, 0)
	}
	c.hash = c.algorithm.New()
	return c, checkSDKAlgorithm(h, c.algorithm)
}

// headerChecksum finds the checksum in a header.
func headerChecksum(h http.Header) (*bodyChecksum, error) {
	var c *bodyChecksum
	for name, values := range h {
		if !strings.HasPrefix(name, checksum.HeaderPrefix) {
			continue
		}
		switch name {
		case "X-Amz-Checksum-Algorithm", "X-Amz-Checksum-Type", "X-Amz-Checksum-Mode":
			continue
		}
		if c != nil || len(values) != 1 {
			return nil, detail(ErrInvalidChecksumHeader, singleChecksum)
		}
		algorithm, ok := checksum.ByHeader(name)
		if !ok {
			return nil, detail(ErrInvalidChecksumHeader, "The algorithm type you specified in x-amz-checksum- header is invalid.")
		}
		want, err := algorithm.Decode(values[0])
		if err != nil {
			return nil, detail(ErrInvalidChecksumHeader, "Value for %s header is invalid.", strings.ToLower(name))
		}
		c = &bodyChecksum{algorithm: algorithm, want: want}
	}
	return c, nil
}

// checkSDKAlgorithm compares what an SDK says that it sends with what came
// ("PutObject", x-amz-sdk-checksum-algorithm).
func checkSDKAlgorithm(h http.Header, sent checksum.Algorithm) error {
	said := first(h, headerSDKAlgorithm)
	if said == "" {
		return nil
	}
	algorithm, ok := checksum.Parse(said)
	switch {
	case !ok:
		return detail(ErrInvalidChecksumHeader, "Value for x-amz-sdk-checksum-algorithm header is invalid.")
	case sent == 0:
		return detail(ErrInvalidChecksumHeader, noChecksum)
	case sent != algorithm:
		return detail(ErrChecksumMismatch, "The checksum that came is not of the algorithm in x-amz-sdk-checksum-algorithm.")
	}
	return nil
}

// received takes the value of the trailer.
func (c *bodyChecksum) received(value string) error {
	want, err := c.algorithm.Decode(value)
	if err != nil {
		return detail(ErrInvalidChecksumHeader, "Value for %s trailing header is invalid.", strings.ToLower(c.algorithm.Header()))
	}
	c.want = want
	return nil
}

// check compares the body's checksum with the announced one.
func (c *bodyChecksum) check() error {
	if !bytes.Equal(c.hash.Sum(nil), c.want) {
		return detail(ErrChecksumMismatch, "The %s you specified did not match the calculated checksum.", c.algorithm)
	}
	return nil
}
