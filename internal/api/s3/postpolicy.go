package s3api

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// postPolicy is what the signer of a form demands of it ("POST Policy", Amazon S3
// API reference).
type postPolicy struct {
	expiration time.Time
	conditions []postCondition
	// minBytes and maxBytes bound the file.
	minBytes, maxBytes int64
}

// postCondition is one on a field: equality, or a beginning.
type postCondition struct {
	// field is the name in lower case.
	field, value string
	prefix       bool
}

// String is the condition as documents have it, but for a customer's key.
func (c postCondition) String() string {
	operator := "eq"
	if c.prefix {
		operator = "starts-with"
	}
	value := c.value
	if strings.EqualFold(c.field, headerCustomerKey) {
		value = "..."
	}
	return fmt.Sprintf("[%q, %q, %q]", operator, "$"+c.field, value)
}

func (c postCondition) holds(value string) bool {
	if !c.prefix {
		return value == c.value
	}
	if c.field != "content-type" {
		return strings.HasPrefix(value, c.value)
	}
	// Of a list of content types each must begin so.
	for one := range strings.SplitSeq(value, ",") {
		if !strings.HasPrefix(strings.TrimSpace(one), c.value) {
			return false
		}
	}
	return true
}

func invalidPolicy(format string, args ...any) error {
	return errInvalidPolicyDocument.says("Invalid Policy: " + fmt.Sprintf(format, args...))
}

// parsePostPolicy reads the policy field of a form.
func parsePostPolicy(field string) (*postPolicy, error) {
	document, err := base64.StdEncoding.DecodeString(field)
	if err != nil {
		return nil, invalidPolicy("it is not in base64.")
	}
	var raw struct {
		Expiration string            `json:"expiration"`
		Conditions []json.RawMessage `json:"conditions"`
	}
	if err := json.Unmarshal(document, &raw); err != nil {
		return nil, invalidPolicy("Invalid JSON.")
	}
	p := &postPolicy{maxBytes: math.MaxInt64}
	if p.expiration, err = time.Parse(time.RFC3339Nano, raw.Expiration); err != nil {
		return nil, invalidPolicy("Invalid 'expiration' value: '%s'", raw.Expiration)
	}
	if raw.Conditions == nil {
		return nil, invalidPolicy("Policy missing conditions.")
	}
	for _, c := range raw.Conditions {
		if err := p.add(c); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// add reads one condition: {"field": "value"}, ["eq" or "starts-with", "$field",
// "value"], or ["content-length-range", least, most].
func (p *postPolicy) add(raw json.RawMessage) error {
	var pairs map[string]string
	if json.Unmarshal(raw, &pairs) == nil {
		for field, value := range pairs {
			p.conditions = append(p.conditions, postCondition{field: strings.ToLower(field), value: value})
		}
		return nil
	}
	var list []any
	if err := json.Unmarshal(raw, &list); err != nil || len(list) != 3 {
		return invalidPolicy("Invalid condition: %s", raw)
	}
	operator, _ := list[0].(string)
	operator = strings.ToLower(operator)
	if operator == "content-length-range" {
		least, ok := wholeNumber(list[1])
		most, ok2 := wholeNumber(list[2])
		if !ok || !ok2 || least > most {
			return invalidPolicy("Invalid content-length-range: %s", raw)
		}
		p.minBytes, p.maxBytes = max(p.minBytes, least), min(p.maxBytes, most)
		return nil
	}
	field, _ := list[1].(string)
	value, isText := list[2].(string)
	field, named := strings.CutPrefix(field, "$")
	if !named || !isText || operator != "eq" && operator != "starts-with" {
		return invalidPolicy("Invalid condition: %s", raw)
	}
	p.conditions = append(p.conditions, postCondition{field: strings.ToLower(field), value: value, prefix: operator == "starts-with"})
	return nil
}

// wholeNumber reads a number that may be in quotes.
func wholeNumber(v any) (int64, bool) {
	switch n := v.(type) {
	case float64:
		return int64(n), n >= 0 && n == math.Trunc(n) && n < math.MaxInt64
	case string:
		i, err := strconv.ParseInt(n, 10, 64)
		return i, err == nil && i >= 0
	}
	return 0, false
}

// check wants every condition to hold, and every field to have one.
func (p *postPolicy) check(fields map[string]string, now time.Time) error {
	if !now.Before(p.expiration) {
		return errAccessDenied.says("Invalid according to Policy: Policy expired.")
	}
	covered := make(map[string]bool, len(p.conditions))
	for _, c := range p.conditions {
		covered[c.field] = true
		if !c.holds(fields[c.field]) {
			return errAccessDenied.says("Invalid according to Policy: Policy Condition failed: " + c.String())
		}
	}
	for name := range fields {
		if !covered[name] && !uncovered(name) {
			return errAccessDenied.says("Invalid according to Policy: Extra input fields: " + name)
		}
	}
	return nil
}

// uncovered are the fields that need no condition.
func uncovered(name string) bool {
	switch name {
	case "policy", "x-amz-signature", "signature", "awsaccesskeyid", "bucket":
		return true
	}
	return strings.HasPrefix(name, "x-ignore-")
}
