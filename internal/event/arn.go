package event

import (
	"errors"
	"fmt"
	"strings"
)

// DefaultTargetID is the id of a target that was configured without one.
const DefaultTargetID = "_"

// arnPrefix starts every target's ARN; the rest is region, id and type.
const arnPrefix = "arn:minio:sqs:"

// ErrARN is returned, wrapped, for a text that is not a target's ARN.
var ErrARN = errors.New("event: malformed ARN")

// TargetID names a configured target: its id, and its type as ARNs spell it
// ("webhook", "postgresql").
type TargetID struct {
	ID   string `cbor:"1,keyasint"`
	Type string `cbor:"2,keyasint"`
}

// String returns "id:type", the form of logs and metrics.
func (t TargetID) String() string { return t.ID + ":" + t.Type }

// ParseTargetID reads the form that String writes.
func ParseTargetID(s string) (TargetID, error) {
	id, typ, ok := strings.Cut(s, ":")
	if !ok || id == "" || typ == "" || strings.Contains(typ, ":") {
		return TargetID{}, fmt.Errorf("event: %q is not of the form id:type", s)
	}
	return TargetID{ID: id, Type: typ}, nil
}

// Compare orders target ids by type, then id.
func (t TargetID) Compare(u TargetID) int {
	if c := strings.Compare(t.Type, u.Type); c != 0 {
		return c
	}
	return strings.Compare(t.ID, u.ID)
}

// ARN is how a rule names its target: arn:minio:sqs:<region>:<id>:<type>.
type ARN struct {
	// Region is the site's region, empty where it has none.
	Region string   `cbor:"1,keyasint,omitempty"`
	Target TargetID `cbor:"2,keyasint"`
}

// String returns the ARN's text.
func (a ARN) String() string {
	return arnPrefix + a.Region + ":" + a.Target.ID + ":" + a.Target.Type
}

// ParseARN reads the text of an ARN: exactly six fields, of which only the
// region may be empty. Whether there is such a target is not its question.
func ParseARN(s string) (ARN, error) {
	fields, ok := strings.CutPrefix(s, arnPrefix)
	if !ok {
		return ARN{}, fmt.Errorf("%w: %q does not start with %q", ErrARN, s, arnPrefix)
	}
	region, rest, ok := strings.Cut(fields, ":")
	if !ok {
		return ARN{}, fmt.Errorf("%w: %q has too few fields", ErrARN, s)
	}
	target, err := ParseTargetID(rest)
	if err != nil {
		return ARN{}, fmt.Errorf("%w: %q: id and type must follow the region", ErrARN, s)
	}
	return ARN{Region: region, Target: target}, nil
}
