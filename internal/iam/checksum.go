package iam

import (
	"crypto/sha1" //nolint:gosec // a checksum that S3 clients may choose, not a safeguard
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"net/http"
	"strings"
)

// crc64NVME is for the reflected polynomial of CRC-64/NVME, which S3 calls
// CRC64NVME ("Checking object integrity").
var crc64NVME = crc64.MakeTable(0x9a6c9329ac4bc9b5)

const checksumPrefix = "X-Amz-Checksum-"

// checksum is an additional checksum of the body that the client announced.
type checksum struct {
	// header is its canonical header name.
	header string
	hash   hash.Hash
	// want is the announced value in base64; for a trailer it comes last.
	want    string
	trailer bool
}

// newChecksum finds the checksum that a request announces, in a header or as a
// trailer. nil means none.
func newChecksum(h http.Header, trailer bool) (*checksum, error) {
	var c *checksum
	for name, values := range h {
		if !strings.HasPrefix(name, checksumPrefix) {
			continue
		}
		switch name {
		case "X-Amz-Checksum-Algorithm", "X-Amz-Checksum-Type", "X-Amz-Checksum-Mode":
			continue
		}
		if c != nil || len(values) != 1 {
			return nil, detail(ErrInvalidChecksumHeader, "Expecting a single x-amz-checksum- header. Multiple checksum types are not allowed.")
		}
		sum, err := checksumHash(name)
		if err != nil {
			return nil, err
		}
		want, err := base64.StdEncoding.DecodeString(values[0])
		if err != nil || len(want) != sum.Size() {
			return nil, detail(ErrInvalidChecksumHeader, "Value for %s header is invalid.", strings.ToLower(name))
		}
		c = &checksum{header: name, hash: sum, want: values[0]}
	}
	announced := h["X-Amz-Trailer"]
	if !trailer || len(announced) == 0 {
		return c, nil
	}
	if c != nil || len(announced) > 1 || strings.Contains(announced[0], ",") {
		return nil, detail(ErrInvalidChecksumHeader, "Expecting a single x-amz-checksum- header. Multiple checksum types are not allowed.")
	}
	name := http.CanonicalHeaderKey(strings.TrimSpace(announced[0]))
	if !strings.HasPrefix(name, checksumPrefix) {
		return nil, detail(ErrInvalidChecksumHeader, "The value specified in the x-amz-trailer header is not supported.")
	}
	sum, err := checksumHash(name)
	if err != nil {
		return nil, err
	}
	return &checksum{header: name, hash: sum, trailer: true}, nil
}

func checksumHash(header string) (hash.Hash, error) {
	switch header {
	case "X-Amz-Checksum-Crc32":
		return crc32.NewIEEE(), nil
	case "X-Amz-Checksum-Crc32c":
		return crc32.New(crc32.MakeTable(crc32.Castagnoli)), nil
	case "X-Amz-Checksum-Crc64nvme":
		return crc64.New(crc64NVME), nil
	case "X-Amz-Checksum-Sha1":
		return sha1.New(), nil //nolint:gosec // see the import
	case "X-Amz-Checksum-Sha256":
		return sha256.New(), nil
	}
	return nil, detail(ErrNotImplemented, "The checksum %s is not supported.", strings.ToLower(header))
}

// check compares the body's checksum with the announced one.
func (c *checksum) check() error {
	if base64.StdEncoding.EncodeToString(c.hash.Sum(nil)) != c.want {
		name := strings.ToUpper(strings.TrimPrefix(c.header, checksumPrefix))
		return detail(ErrChecksumMismatch, "The %s you specified did not match the calculated checksum.", name)
	}
	return nil
}
