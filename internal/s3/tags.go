package s3

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of tags (Amazon S3 user guide, "Categorizing your objects using tags"
// and "Using cost allocation S3 bucket tags").
const (
	MaxObjectTags = 10
	MaxBucketTags = 50
	// MaxTagKeyChars and MaxTagValueChars count characters, not bytes.
	MaxTagKeyChars   = 128
	MaxTagValueChars = 256
)

// reservedTagPrefix is that of tags which only the service itself gives.
const reservedTagPrefix = "aws:"

// Tag is a label of an object or bucket. Both of its parts are case-sensitive.
type Tag struct {
	_     struct{} `cbor:",toarray"`
	Key   string
	Value string
}

// Errors of sets of tags.
var (
	ErrTooManyTags    = errors.New("s3: too many tags")
	ErrTagKey         = errors.New("s3: invalid tag key")
	ErrTagValue       = errors.New("s3: invalid tag value")
	ErrDuplicateTag   = errors.New("s3: several tags with the same key")
	ErrReservedTag    = errors.New("s3: tag key is reserved")
	ErrMalformedQuery = errors.New("s3: tags are not a URL query")
)

// CheckTags says what is wrong with a set of tags that may have most members.
func CheckTags(tags []Tag, most int) error {
	if len(tags) > most {
		return fmt.Errorf("%w: %d, the most is %d", ErrTooManyTags, len(tags), most)
	}
	seen := make(map[string]bool, len(tags))
	for _, t := range tags {
		switch {
		case t.Key == "" || !validTagText(t.Key, MaxTagKeyChars):
			return fmt.Errorf("%w: %q", ErrTagKey, t.Key)
		case strings.HasPrefix(strings.ToLower(t.Key), reservedTagPrefix):
			return fmt.Errorf("%w: %q", ErrReservedTag, t.Key)
		case !validTagText(t.Value, MaxTagValueChars):
			return fmt.Errorf("%w: %q", ErrTagValue, t.Value)
		case seen[t.Key]:
			return fmt.Errorf("%w: %q", ErrDuplicateTag, t.Key)
		}
		seen[t.Key] = true
	}
	return nil
}

// validTagText reports whether text has letters, digits, white space and
// + - = . _ : / @ only, and most of them at most.
func validTagText(text string, most int) bool {
	if !utf8.ValidString(text) || utf8.RuneCountInString(text) > most {
		return false
	}
	for _, c := range text {
		if !unicode.IsLetter(c) && !unicode.IsNumber(c) && !unicode.In(c, unicode.Z) && !strings.ContainsRune("+-=._:/@", c) {
			return false
		}
	}
	return true
}

// ParseTags reads the tags of an object as the x-amz-tagging header has them, a
// URL query, in their order. ErrMalformedQuery and the errors of CheckTags.
func ParseTags(query string) ([]Tag, error) {
	var tags []Tag
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		if len(tags) == MaxObjectTags {
			return nil, ErrTooManyTags
		}
		key, value, _ := strings.Cut(pair, "=")
		key, err := url.QueryUnescape(key)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMalformedQuery, err)
		}
		if value, err = url.QueryUnescape(value); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMalformedQuery, err)
		}
		tags = append(tags, Tag{Key: key, Value: value})
	}
	return tags, CheckTags(tags, MaxObjectTags)
}

// EncodeTags is a set of tags as ParseTags reads it, in the same order.
func EncodeTags(tags []Tag) string {
	var b strings.Builder
	for i, t := range tags {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(t.Key) + "=" + url.QueryEscape(t.Value))
	}
	return b.String()
}
