package event

import (
	"fmt"
	"slices"
	"strings"
)

// Codes of ConfigError, as S3 answers spell them.
const (
	CodeInvalidArgument         = "InvalidArgument"
	CodeMalformedXML            = "MalformedXML"
	CodeUnsupportedNotification = "UnsupportedNotification"
	// CodeInvalidResourceName is MinIO's own, for a listener's prefix with "."
	// or ".." segments.
	CodeInvalidResourceName = "XMinioInvalidResourceName"
	// CodeBadQueryParameters is what MinIO answers to a listener's bad ping.
	CodeBadQueryParameters = "AuthorizationQueryParametersError"
)

// ConfigError says what is wrong with a bucket's notification document or with
// the parameters of a listener. All of them are answered with status 400.
type ConfigError struct {
	// Code is one of the Code constants.
	Code string
	// Message is for the user. Clients look for parts of some of them.
	Message string
}

func (e *ConfigError) Error() string { return e.Code + ": " + e.Message }

func invalid(message string) error {
	return &ConfigError{Code: CodeInvalidArgument, Message: message}
}

// The messages that S3 gives (API reference, "PutBucketNotificationConfiguration"
// and the answers of the service). msgRuleTwice is looked for by `mc event add
// --ignore-existing`.
const (
	msgBadEvent    = "A specified event is not supported for notifications."
	msgBadARN      = "A specified destination ARN does not exist or is not well-formed. Verify the destination ARN."
	msgOtherRegion = "A specified destination is in a different region than the bucket. " +
		"You must use a destination that resides in the same region as the bucket."
	msgBadFilterName = "filter rule name must be either prefix or suffix"
	msgTwoPrefixes   = "Cannot specify more than one prefix rule in a filter."
	msgTwoSuffixes   = "Cannot specify more than one suffix rule in a filter."
	msgEventTwice    = "Configurations overlap. Configurations on the same bucket cannot share a common event type."
	msgRuleTwice     = "An object key name filtering rule defined with overlapping prefixes, overlapping suffixes, " +
		"or overlapping combinations of prefixes and suffixes for the same event types."
	msgBadFilterValue = "A filter rule value must be valid UTF-8 of at most 1024 bytes without backslash."
	msgBadResource    = "Resource name contains bad components such as \"..\" or \".\"."
	msgMalformed      = "The XML you provided was not well-formed or did not validate against our published schema."
	msgUnsupported    = "Topic and Cloud Function notifications are not supported; use a Queue configuration."
)

// The names that a filter rule may have.
const (
	filterPrefix = "prefix"
	filterSuffix = "suffix"
)

// Config is a bucket's notification configuration as its users wrote it: what
// GET answers with and `mc event remove` compares against, so nothing in it is
// expanded or reordered. The numbers in the tags are its stored format.
type Config struct {
	Queues []Queue `cbor:"1,keyasint,omitempty"`
}

// Queue is one rule: the events of the keys that its filters select go to its
// target.
type Queue struct {
	// ID is the user's name for the rule, often empty. It means nothing.
	ID      string       `cbor:"1,keyasint,omitempty"`
	Filters []FilterRule `cbor:"2,keyasint,omitempty"`
	// Events are names and groups, at least one.
	Events []string `cbor:"3,keyasint"`
	// Target is what the rule's ARN names. Its region is always the site's.
	Target TargetID `cbor:"4,keyasint"`
}

// FilterRule is one value of a rule's filter.
type FilterRule struct {
	// Name is "prefix" or "suffix", in any case of letters: the SDK for Java
	// writes "Prefix". Each is at most once in a rule.
	Name  string `cbor:"1,keyasint"`
	Value string `cbor:"2,keyasint,omitempty"`
}

// Filter returns the compiled form of the rule's filters.
func (q *Queue) Filter() Filter {
	var prefix, suffix string
	for _, rule := range q.Filters {
		switch strings.ToLower(rule.Name) {
		case filterPrefix:
			prefix = rule.Value
		case filterSuffix:
			suffix = rule.Value
		}
	}
	return NewFilter(prefix, suffix)
}

// Targets returns the targets that the configuration names, each once, in the
// order of its rules.
func (c *Config) Targets() []TargetID {
	if c == nil {
		return nil
	}
	var targets []TargetID
	for i := range c.Queues {
		if !slices.Contains(targets, c.Queues[i].Target) {
			targets = append(targets, c.Queues[i].Target)
		}
	}
	return targets
}

// validate checks a rule on its own.
func (q *Queue) validate() error {
	seen := make(map[string]bool, len(q.Events))
	for _, text := range q.Events {
		set, err := ParsePattern(text)
		if err != nil {
			return invalid(msgBadEvent)
		}
		// Both spellings of a bucket event are the same event.
		if names := set.Slice(); names[0].IsBucket() {
			text = names[0].String()
		}
		if seen[text] {
			return invalid(msgEventTwice)
		}
		seen[text] = true
	}
	if len(q.Events) == 0 {
		return &ConfigError{Code: CodeMalformedXML, Message: msgMalformed}
	}
	return validateFilters(q.Filters)
}

func validateFilters(rules []FilterRule) error {
	var prefixes, suffixes int
	for _, rule := range rules {
		switch strings.ToLower(rule.Name) {
		case filterPrefix:
			prefixes++
		case filterSuffix:
			suffixes++
		default:
			return invalid(msgBadFilterName)
		}
	}
	switch {
	case prefixes > 1:
		return invalid(msgTwoPrefixes)
	case suffixes > 1:
		return invalid(msgTwoSuffixes)
	}
	return nil
}

// checkTwice refuses a rule that is in the configuration twice: same id, target,
// and events and filters in the same order. Rules that merely overlap are fine:
// a target gets one event however many of its rules match.
func (c *Config) checkTwice() error {
	seen := make(map[string]bool, len(c.Queues))
	for i := range c.Queues {
		q := &c.Queues[i]
		// Quoting keeps different rules different.
		text := fmt.Sprintf("%q %q %q %q", q.ID, q.Target, q.Events, q.Filters)
		if seen[text] {
			return invalid(msgRuleTwice)
		}
		seen[text] = true
	}
	return nil
}

// Site is what a new configuration is checked against.
type Site struct {
	// Region is the site's region, empty if it has none.
	Region string
	// Known reports whether a target is configured; nil knows none.
	Known func(TargetID) bool
	// Stored is the bucket's present configuration, nil if it has none. A
	// target that it names is accepted although it is not (or no longer)
	// configured; else adding a rule would fail on every bucket of a target
	// that was removed.
	Stored *Config
}

func (s *Site) check(arns []ARN) error {
	stored := s.Stored.Targets()
	for _, arn := range arns {
		if s.Region != "" && arn.Region != "" && arn.Region != s.Region {
			return invalid(msgOtherRegion)
		}
		known := s.Known != nil && s.Known(arn.Target)
		if !known && !slices.Contains(stored, arn.Target) {
			return invalid(msgBadARN)
		}
	}
	return nil
}
