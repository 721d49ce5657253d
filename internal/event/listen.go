package event

import (
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/carillon-s3/carillon/internal/s3"
)

// ListenFilter is what a listener asked for (ListenBucketNotification and
// ListenNotification of the MinIO extension). The zero value selects nothing.
type ListenFilter struct {
	// Bucket restricts to one bucket; empty means all.
	Bucket string
	// Names are the events asked for.
	Names Names

	filter Filter
}

// ParseListen reads the parameters of a listener: events (at least one), prefix
// and suffix (at most one each). The error is a *ConfigError. bucket is empty
// for a listener of all buckets; whether it exists is not asked here.
func ParseListen(bucket string, query url.Values) (ListenFilter, error) {
	prefix, err := listenValue(query[filterPrefix], msgTwoPrefixes)
	if err != nil {
		return ListenFilter{}, err
	}
	suffix, err := listenValue(query[filterSuffix], msgTwoSuffixes)
	if err != nil {
		return ListenFilter{}, err
	}
	f := ListenFilter{Bucket: bucket, filter: NewFilter(prefix, suffix)}
	for _, text := range query["events"] {
		names, err := ParsePattern(text)
		if err != nil {
			return ListenFilter{}, invalid(msgBadEvent)
		}
		f.Names |= names
	}
	if f.Names == 0 {
		return ListenFilter{}, invalid(msgBadEvent)
	}
	return f, nil
}

// listenValue checks a prefix or suffix. A listener's values are checked though
// a rule's are not: this is what MinIO answers.
func listenValue(values []string, twice string) (string, error) {
	switch {
	case len(values) == 0:
		return "", nil
	case len(values) > 1:
		return "", invalid(twice)
	}
	value := values[0]
	for segment := range strings.SplitSeq(value, "/") {
		if segment == "." || segment == ".." {
			return "", &ConfigError{Code: CodeInvalidResourceName, Message: msgBadResource}
		}
	}
	if len(value) > s3.MaxKeyBytes || !utf8.ValidString(value) || strings.Contains(value, `\`) {
		return "", invalid(msgBadFilterValue)
	}
	return value, nil
}

// ParsePing reads a listener's ping parameter: the whole seconds between two
// signs of life, at least 1; absent or empty means 0. The error is a
// *ConfigError.
func ParsePing(query url.Values) (time.Duration, error) {
	text := query.Get("ping")
	if text == "" {
		return 0, nil
	}
	// 31 bits of seconds fit a Duration.
	seconds, err := strconv.ParseUint(text, 10, 31)
	if err != nil || seconds == 0 {
		return 0, &ConfigError{Code: CodeBadQueryParameters, Message: "ping must be a whole number of seconds, at least 1."}
	}
	return time.Duration(seconds) * time.Second, nil
}

// Match reports whether the listener gets the record.
func (f *ListenFilter) Match(rec *Record) bool {
	return (f.Names.Has(rec.Name) || f.Names.Has(rec.Alias())) && (f.Bucket == "" || f.Bucket == rec.Bucket) && f.filter.Match(rec.Key)
}

// Told is a record that Match selected, by the name that the listener asked for.
func (f *ListenFilter) Told(rec *Record) *Record {
	if alias := rec.Alias(); alias != 0 && f.Names.Has(alias) {
		return rec.aliased()
	}
	return rec
}
