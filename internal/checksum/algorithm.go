// Package checksum is the vocabulary of S3's additional checksums: the
// algorithms, their names, how the checksums of parts become that of an object,
// and how they are written (Amazon S3 User Guide, "Checking object integrity").
// It is pure.
package checksum

import (
	"crypto/md5"  //nolint:gosec // a checksum that S3 clients may choose, not a safeguard
	"crypto/sha1" //nolint:gosec // the same
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"hash/crc32"
	"net/http"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/minio/crc64nvme"
	"github.com/zeebo/xxh3"
)

// Algorithm is one of S3's checksum algorithms. Its number is its stored form:
// numbers are never changed or given to another one. The zero Algorithm is none.
type Algorithm uint8

// The algorithms (Amazon S3 API reference, "Checksum").
const (
	CRC32     Algorithm = 1
	CRC32C    Algorithm = 2
	CRC64NVME Algorithm = 3
	SHA1      Algorithm = 4
	SHA256    Algorithm = 5
	SHA512    Algorithm = 6
	MD5       Algorithm = 7
	XXHASH64  Algorithm = 8
	XXHASH3   Algorithm = 9
	XXHASH128 Algorithm = 10
	last                = XXHASH128
)

// HeaderPrefix is how the headers of checksums begin, in canonical form. Not
// every header that begins so is one: see ByHeader.
const HeaderPrefix = "X-Amz-Checksum-"

// String is the name in requests and answers, such as "CRC32"; empty for none.
func (a Algorithm) String() string {
	switch a {
	case CRC32:
		return "CRC32"
	case CRC32C:
		return "CRC32C"
	case CRC64NVME:
		return "CRC64NVME"
	case SHA1:
		return "SHA1"
	case SHA256:
		return "SHA256"
	case SHA512:
		return "SHA512"
	case MD5:
		return "MD5"
	case XXHASH64:
		return "XXHASH64"
	case XXHASH3:
		return "XXHASH3"
	case XXHASH128:
		return "XXHASH128"
	}
	return ""
}

// Parse finds an algorithm by its name, in capitals or not.
func Parse(name string) (Algorithm, bool) {
	for a := Algorithm(1); a <= last; a++ {
		if strings.EqualFold(name, a.String()) {
			return a, true
		}
	}
	return 0, false
}

// Names lists the algorithms, for error messages.
func Names() string {
	var names []string
	for a := Algorithm(1); a <= last; a++ {
		names = append(names, a.String())
	}
	return strings.Join(names, ", ")
}

// ByHeader finds the algorithm whose value a header of this canonical name has.
func ByHeader(canonical string) (Algorithm, bool) {
	name, ok := strings.CutPrefix(canonical, HeaderPrefix)
	if !ok {
		return 0, false
	}
	return Parse(name)
}

// Header is the canonical name of the header that has its value, such as
// "X-Amz-Checksum-Crc32".
func (a Algorithm) Header() string { return http.CanonicalHeaderKey(HeaderPrefix + a.String()) }

// Element is the name of the XML element that has its value, such as
// "ChecksumCRC32".
func (a Algorithm) Element() string { return "Checksum" + a.String() }

// New returns a hash that computes it. It is nil for an unknown algorithm.
func (a Algorithm) New() hash.Hash {
	switch a {
	case CRC32:
		return crc32.NewIEEE()
	case CRC32C:
		return crc32.New(crc32.MakeTable(crc32.Castagnoli))
	case CRC64NVME:
		return crc64nvme.New()
	case SHA1:
		return sha1.New() //nolint:gosec // see the import
	case SHA256:
		return sha256.New()
	case SHA512:
		return sha512.New()
	case MD5:
		return md5.New() //nolint:gosec // see the import
	case XXHASH64:
		return xxhash.New()
	case XXHASH3:
		return xxh3.New()
	case XXHASH128:
		return xxh3.New128()
	}
	return nil
}

// Size is the length of its digests in bytes.
func (a Algorithm) Size() int {
	switch a {
	case CRC32, CRC32C:
		return crc32.Size
	case CRC64NVME, XXHASH64, XXHASH3:
		return 8
	case SHA1:
		return sha1.Size
	case SHA256:
		return sha256.Size
	case SHA512:
		return sha512.Size
	case MD5, XXHASH128:
		return 16
	}
	return 0
}
