package policy

import (
	"encoding/base64"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// quantifier says how the values of a request must hold.
type quantifier uint8

const (
	anyValue  quantifier = iota // one of them, and there is one; also without a word
	allValues                   // each, also if there is none
)

// condition is one key of one operator: its values are alternatives.
type condition struct {
	op         *operator
	quantifier quantifier
	// optional holds where the request has no such value: ...IfExists.
	optional bool
	key      string // in lower case
	values   []operand
}

// operator compares one value of a request with one of a condition.
type operator struct {
	// parse reads a value of a condition, and says whether it is one.
	parse func(text string) (operand, bool)
	// match compares a request's value with it.
	match func(o *operand, value string, r *Request) bool
	// negated operators hold if none of their values matches.
	negated bool
	// null asks whether there is a value at all.
	null bool
}

// operand is a value of a condition, as its operator wants it.
type operand struct {
	text    string
	pattern pattern
	number  float64
	prefix  netip.Prefix
	order   func(int) bool
}

// holds evaluates the condition ("IAM JSON policy elements: Condition
// operators", and "Conditions with multiple context keys or values").
func (c *condition) holds(r *Request) bool {
	values := r.values(c.key)
	switch {
	case c.op.null:
		absent := len(values) == 0
		return (c.values[0].text == "true") == absent
	case len(values) == 0:
		return c.optional || c.op.negated || c.quantifier == allValues
	}
	for _, v := range values {
		held := c.one(v, r)
		if held != (c.quantifier == allValues) {
			return held
		}
	}
	return c.quantifier == allValues
}

func (c *condition) one(value string, r *Request) bool {
	for i := range c.values {
		if c.op.match(&c.values[i], value, r) {
			return !c.op.negated
		}
	}
	return c.op.negated
}

// fixed reports whether no value is everything.
func (c *condition) fixed() bool {
	for _, v := range c.values {
		if strings.ContainsAny(v.text, "*?$") || v.prefix.IsValid() && v.prefix.Bits() == 0 {
			return false
		}
	}
	return true
}

// operators are all, by name in lower case and without ForAnyValue:,
// ForAllValues: and IfExists.
func operators() map[string]*operator {
	ops := map[string]*operator{
		"bool":         {parse: parseBool, match: equalFold},
		"binaryequals": {parse: parseBinary, match: equalText},
		"ipaddress":    {parse: parseAddress, match: within},
		"notipaddress": {parse: parseAddress, match: within, negated: true},
		"null":         {parse: parseBool, null: true},
	}
	for name, p := range map[string]func(string) (operand, bool){
		"stringequals": patternParser(false, true), "stringequalsignorecase": patternParser(true, true), "stringlike": patternParser(false, false),
		"arnequals": patternParser(false, false), "arnlike": patternParser(false, false),
	} {
		ops[name] = &operator{parse: p, match: fitsPattern}
		negated := strings.NewReplacer("equals", "notequals", "like", "notlike").Replace(name)
		ops[negated] = &operator{parse: p, match: fitsPattern, negated: true}
	}
	for name, order := range map[string]func(int) bool{
		"equals": func(c int) bool { return c == 0 }, "lessthan": func(c int) bool { return c < 0 }, "lessthanequals": func(c int) bool { return c <= 0 },
		"greaterthan": func(c int) bool { return c > 0 }, "greaterthanequals": func(c int) bool { return c >= 0 },
	} {
		ops["numeric"+name] = &operator{parse: ordered(parseNumber, order), match: comparesAs(parseNumber)}
		ops["date"+name] = &operator{parse: ordered(parseDate, order), match: comparesAs(parseDate)}
	}
	for _, of := range []string{"numeric", "date"} {
		equal := ops[of+"equals"]
		ops[of+"notequals"] = &operator{parse: equal.parse, match: equal.match, negated: true}
	}
	return ops
}

func patternParser(fold, plain bool) func(string) (operand, bool) {
	return func(text string) (operand, bool) {
		return operand{text: text, pattern: newPattern(text, fold, plain)}, true
	}
}

func fitsPattern(o *operand, value string, r *Request) bool { return o.pattern.match(value, r) }

func parseBool(text string) (operand, bool) {
	text = strings.ToLower(text)
	return operand{text: text}, text == "true" || text == "false"
}

func equalFold(o *operand, value string, _ *Request) bool { return strings.EqualFold(o.text, value) }

func parseBinary(text string) (operand, bool) {
	_, err := base64.StdEncoding.DecodeString(text)
	return operand{text: text}, err == nil
}

func equalText(o *operand, value string, _ *Request) bool { return o.text == value }

// parseAddress reads an address or a range of them.
func parseAddress(text string) (operand, bool) {
	o := operand{text: text}
	if addr, err := netip.ParseAddr(text); err == nil {
		addr = addr.Unmap()
		o.prefix = netip.PrefixFrom(addr, addr.BitLen())
		return o, true
	}
	p, err := netip.ParsePrefix(text)
	o.prefix = p.Masked()
	return o, err == nil
}

func within(o *operand, value string, _ *Request) bool {
	addr, err := netip.ParseAddr(value)
	return err == nil && o.prefix.Contains(addr.Unmap())
}

// ordered reads a number and keeps how it is compared.
func ordered(parse func(string) (float64, bool), order func(int) bool) func(string) (operand, bool) {
	return func(text string) (operand, bool) {
		n, ok := parse(text)
		return operand{text: text, number: n, order: order}, ok
	}
}

func comparesAs(parse func(string) (float64, bool)) func(*operand, string, *Request) bool {
	return func(o *operand, value string, _ *Request) bool {
		n, ok := parse(value)
		switch {
		case !ok:
			return false
		case n < o.number:
			return o.order(-1)
		case n > o.number:
			return o.order(1)
		}
		return o.order(0)
	}
}

func parseNumber(text string) (float64, bool) {
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil && !math.IsNaN(n)
}

// parseDate reads a W3C date or seconds since 1970.
func parseDate(text string) (float64, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return float64(t.UnixMilli()) / 1000, true
		}
	}
	return parseNumber(text)
}
