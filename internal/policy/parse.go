package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

const (
	// MaxBytes bounds a document: S3 takes 20 KiB for a bucket's policy.
	MaxBytes = 20 << 10
	// arnPrefix is before every resource of S3.
	arnPrefix = "arn:aws:s3:::"
)

// Error says what is wrong with a document, in S3's words where it has some.
type Error struct{ Message string }

// Error implements error.
func (e *Error) Error() string { return e.Message }

func malformed(format string, args ...any) error { return &Error{fmt.Sprintf(format, args...)} }

// ParseBucket reads the policy of a bucket, whose statements name principals and
// speak of that bucket alone. A document that S3 would refuse gives an *Error.
func ParseBucket(document []byte, bucket string) (*Document, error) {
	d, err := parse(document, true)
	if err != nil {
		return nil, err
	}
	for _, s := range d.statements {
		for _, p := range s.resources.of {
			if name, _, _ := strings.Cut(p.text, "/"); !glob(p.compiledName(name), []rune(bucket)) {
				return nil, malformed("Policy has invalid resource")
			}
		}
	}
	return d, nil
}

// compiledName compiles the bucket's part of a resource.
func (p *pattern) compiledName(name string) []rune {
	of := newPattern(name, false, false)
	return of.compiled
}

// ParseIdentity reads a policy of users or groups, whose statements name no
// principals. A document that IAM would refuse gives an *Error.
func ParseIdentity(document []byte) (*Document, error) { return parse(document, false) }

// words is a JSON string or a list of them; numbers and truth values are taken
// as their text.
type words []string

// UnmarshalJSON implements json.Unmarshaler.
func (w *words) UnmarshalJSON(raw []byte) error {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		list = []json.RawMessage{raw}
	}
	*w = make(words, 0, len(list))
	for _, item := range list {
		text := string(item)
		switch c := text[0]; {
		case c == '"':
			if err := json.Unmarshal(item, &text); err != nil {
				return err
			}
		case c == '{' || c == '[' || text == "null":
			return errors.New("policy: neither text nor a list of it")
		}
		*w = append(*w, text)
	}
	return nil
}

type jsonDocument struct {
	Version   string
	ID        string `json:"Id"`
	Statement json.RawMessage
}

type jsonStatement struct {
	SID          string `json:"Sid"`
	Effect       string
	Principal    json.RawMessage
	NotPrincipal json.RawMessage
	Action       words
	NotAction    words
	Resource     words
	NotResource  words
	Condition    map[string]map[string]words
}

// strictly decodes exactly one value and refuses unknown fields.
func strictly(raw []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("policy: something follows the document")
	}
	return nil
}

func parse(document []byte, ofBucket bool) (*Document, error) {
	if len(document) > MaxBytes {
		return nil, malformed("Policies must be at most %d bytes", MaxBytes)
	}
	var raw jsonDocument
	if !bytes.HasPrefix(bytes.TrimSpace(document), []byte{'{'}) {
		return nil, malformed("Policies must be valid JSON and the first byte must be '{'")
	}
	if err := strictly(document, &raw); err != nil {
		return nil, malformed("Policies must be valid JSON: %v", err)
	}
	switch raw.Version {
	case "", "2012-10-17", "2008-10-17":
	default:
		return nil, malformed("The policy must contain a valid version string")
	}
	if len(raw.Statement) == 0 {
		return nil, malformed("Missing required field Statement")
	}
	list := []byte(raw.Statement)
	if list[0] == '{' { // a single one
		list = slices.Concat([]byte{'['}, list, []byte{']'})
	}
	var all []jsonStatement
	if err := strictly(list, &all); err != nil {
		return nil, malformed("Invalid policy syntax: %v", err)
	}
	if len(all) == 0 {
		return nil, malformed("Missing required field Statement")
	}
	d := new(Document)
	known := operators()
	for i := range all {
		s, err := all[i].compile(ofBucket, known)
		if err != nil {
			return nil, err
		}
		d.statements = append(d.statements, s)
	}
	return d, nil
}

func (raw *jsonStatement) compile(ofBucket bool, known map[string]*operator) (statement, error) {
	var s statement
	switch raw.Effect {
	case "Allow":
	case "Deny":
		s.deny = true
	default:
		return s, malformed("Invalid effect: %s", raw.Effect)
	}
	var err error
	if s.principals, err = raw.principals(ofBucket); err != nil {
		return s, err
	}
	if s.actions, err = actions(raw.Action, raw.NotAction); err != nil {
		return s, err
	}
	if s.resources, err = resources(raw.Resource, raw.NotResource, &s.actions, ofBucket); err != nil {
		return s, err
	}
	if err := applicable(&s.actions, &s.resources); err != nil {
		return s, err
	}
	s.conditions, err = conditions(raw.Condition, known)
	return s, err
}

func (raw *jsonStatement) principals(ofBucket bool) (*principals, error) {
	switch {
	case !ofBucket && (raw.Principal != nil || raw.NotPrincipal != nil):
		return nil, malformed("Policy document should not specify a principal")
	case !ofBucket:
		return nil, nil
	case raw.Principal != nil && raw.NotPrincipal != nil:
		return nil, malformed("Principal and NotPrincipal cannot both be in a statement")
	case raw.Principal != nil:
		return parsePrincipals(raw.Principal, false)
	case raw.NotPrincipal != nil:
		return parsePrincipals(raw.NotPrincipal, true)
	}
	return nil, malformed("Missing required field Principal")
}

// one returns the one of an element and its Not form that is there.
func one(name string, is, not words) (words, bool, error) {
	switch {
	case len(is) > 0 && len(not) > 0:
		return nil, false, malformed("%s and Not%s cannot both be in a statement", name, name)
	case len(is) > 0:
		return is, false, nil
	case len(not) > 0:
		return not, true, nil
	}
	return nil, false, malformed("Missing required field %s", name)
}

// services are those whose actions a document may name. Those other than S3's
// have no resources here.
func isService(name string) bool {
	return name == "s3" || name == "admin" || name == "sts" || name == "kms"
}

func actions(is, not words) (patterns, error) {
	list, negated, err := one("Action", is, not)
	if err != nil {
		return patterns{}, err
	}
	out := patterns{not: negated}
	for _, a := range list {
		service, name, _ := strings.Cut(a, ":")
		if a != "*" && (!isService(strings.ToLower(service)) || name == "" || strings.ContainsFunc(name, notInAction)) {
			return patterns{}, malformed("Policy has invalid action")
		}
		out.of = append(out.of, newPattern(a, true, false))
	}
	return out, nil
}

func notInAction(c rune) bool {
	letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
	return !letter && c != '*' && c != '?'
}

// resources compiles resources without their ARN's prefix. Statements about the
// server itself need none.
func resources(is, not words, of *patterns, ofBucket bool) (patterns, error) {
	if len(is)+len(not) == 0 && !ofBucket && !of.ofS3() {
		return patterns{not: true}, nil
	}
	list, negated, err := one("Resource", is, not)
	if err != nil {
		return patterns{}, err
	}
	out := patterns{not: negated}
	for _, r := range list {
		name, ok := strings.CutPrefix(r, arnPrefix)
		switch {
		case !ofBucket && (r == "*" || strings.HasPrefix(r, "arn:minio:kms:::")):
			name = r
		case !ok || name == "" || strings.HasPrefix(name, "/"):
			return patterns{}, malformed("Policy has invalid resource")
		}
		out.of = append(out.of, newPattern(name, false, false))
	}
	return out, nil
}

// ofS3 reports whether any of the actions can be S3's.
func (p *patterns) ofS3() bool {
	if p.not {
		return true
	}
	for _, a := range p.of {
		if strings.HasPrefix(a.text, "s3:") || a.text == "*" {
			return true
		}
	}
	return false
}

// applicable refuses an action that no resource of its statement can have, as
// S3 does: it is a mistake that would grant or deny nothing.
func applicable(actions, resources *patterns) error {
	if actions.not || resources.not {
		return nil
	}
	var objects, buckets bool
	for _, r := range resources.of {
		objects = objects || strings.ContainsAny(r.text, "/*")
		buckets = buckets || !strings.Contains(r.text, "/")
	}
	for _, a := range actions.of {
		if !strings.HasPrefix(a.text, "s3:") || strings.ContainsAny(a.text, "*?") {
			continue
		}
		if onObjects := isObjectAction(a.text); onObjects && !objects || !onObjects && !buckets {
			return malformed("Action does not apply to any resource(s) in statement")
		}
	}
	return nil
}

// isObjectAction tells actions on objects from those on buckets, by the names
// that "Actions, resources, and condition keys for Amazon S3" has.
func isObjectAction(lower string) bool {
	switch lower {
	case "s3:abortmultipartupload", "s3:listmultipartuploadparts", "s3:bypassgovernanceretention":
		return true
	}
	return strings.Contains(lower, "object") && !strings.Contains(lower, "bucket")
}

func conditions(raw map[string]map[string]words, known map[string]*operator) ([]condition, error) {
	var out []condition
	for name, keys := range raw {
		lower := strings.ToLower(name)
		c := condition{}
		if rest, ok := strings.CutPrefix(lower, "forallvalues:"); ok {
			lower, c.quantifier = rest, allValues
		} else if rest, ok := strings.CutPrefix(lower, "foranyvalue:"); ok {
			lower = rest
		}
		lower, c.optional = strings.CutSuffix(lower, "ifexists")
		if c.op = known[lower]; c.op == nil || c.op.null && c.optional {
			return nil, malformed("Invalid Condition type : %s", name)
		}
		for key, values := range keys {
			one := c
			one.key = strings.ToLower(key)
			for _, v := range values {
				o, ok := c.op.parse(v)
				if !ok {
					return nil, malformed("Invalid value for condition key %s", key)
				}
				one.values = append(one.values, o)
			}
			if len(one.values) == 0 || !strings.Contains(key, ":") {
				return nil, malformed("Policy has an invalid condition key")
			}
			out = append(out, one)
		}
	}
	return out, nil
}
