package s3

import (
	"strings"
	"unicode/utf8"
)

const (
	// MinBucketNameBytes is the shortest bucket name (S3 API reference, "General
	// purpose bucket naming rules").
	MinBucketNameBytes = 3
	// MaxBucketNameBytes is the longest one (same page).
	MaxBucketNameBytes = 63

	// reservedBucket and ownReservedBucket would hide the admin, health and
	// metric paths, which live under /minio/ and /carillon/.
	reservedBucket    = "minio"
	ownReservedBucket = "carillon"
)

// ValidBucketName reports whether name can be given to a bucket: 3 to 63 lower
// case letters, digits, dots and hyphens, a letter or digit at both ends, every
// dot between two letters or digits, not of the form of an IPv4 address, and
// not reserved ("General purpose bucket naming rules"). The prefixes and
// suffixes that only Amazon's own services take (xn--, -s3alias) are allowed,
// as S3-compatible servers do.
func ValidBucketName(name string) bool {
	if len(name) < MinBucketNameBytes || len(name) > MaxBucketNameBytes || name == reservedBucket || name == ownReservedBucket {
		return false
	}
	prev := byte('.') // so that a dot or hyphen cannot come first
	for i := range len(name) {
		c := name[i]
		switch {
		case isLowerAlnum(c):
		case c == '.':
			if !isLowerAlnum(prev) {
				return false
			}
		case c == '-':
			if prev == '.' {
				return false
			}
		default:
			return false
		}
		prev = c
	}
	return isLowerAlnum(prev) && !looksLikeIPv4(name)
}

func isLowerAlnum(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }

// looksLikeIPv4 reports whether name is four groups of digits. S3 speaks of the
// format only, so 999.1.1.1 is refused too.
func looksLikeIPv4(name string) bool {
	groups := 0
	for group := range strings.SplitSeq(name, ".") {
		if len(group) == 0 || len(group) > 3 || strings.Trim(group, "0123456789") != "" {
			return false
		}
		groups++
	}
	return groups == 4
}

// ValidObjectKey reports whether key can name an object: 1 to MaxKeyBytes bytes
// of valid UTF-8 without NUL ("Creating object key names").
//
// Keys are never mapped to paths of a file system, so a leading slash, "//",
// "." and ".." segments are plain text, as in S3. NUL is refused because the
// JSON of its events could not be stored in a PostgreSQL JSONB column and
// because no XML answer can hold it.
func ValidObjectKey(key string) bool {
	return key != "" && len(key) <= MaxKeyBytes &&
		utf8.ValidString(key) && strings.IndexByte(key, 0) < 0
}
