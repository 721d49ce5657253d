package event

import "strings"

// Filter selects object keys by prefix and suffix. The zero Filter selects all.
//
// Its meaning is the one that MinIO gives to the two values, found by trying:
// they form the pattern prefix + "*" + suffix, matched against the whole key as
// stored (not URL-encoded), so that prefix and suffix never overlap in the key.
// Within them, "*" stands for any text, and "?" for any one byte; a key that
// ends where a "?" stands matches whatever follows that "?" in the pattern.
// Amazon S3 knows no wildcards; the two differ only for values with "*" or "?".
type Filter struct {
	// segments are the texts between the stars: the first is at the key's start
	// and the last at its end.
	segments []string
}

// NewFilter compiles a filter; an empty value does not restrict.
func NewFilter(prefix, suffix string) Filter {
	if prefix == "" && suffix == "" {
		return Filter{}
	}
	parts := strings.Split(prefix+"*"+suffix, "*")
	last := len(parts) - 1
	segments := parts[:1]
	for _, middle := range parts[1:last] {
		if middle != "" {
			segments = append(segments, middle)
		}
	}
	return Filter{append(segments, parts[last])}
}

// Match reports whether the filter selects key. Its work is bounded by the
// product of the lengths of key and pattern, whatever the pattern: placing each
// segment as far left as it goes never has to be taken back.
func (f Filter) Match(key string) bool {
	ok, _ := f.match(key)
	return ok
}

// match also returns the number of bytes it compared, for the test of Match's
// bound.
func (f Filter) match(key string) (ok bool, steps int) {
	if f.segments == nil {
		return true, 0
	}
	m := matcher{key: key}
	return m.run(f.segments), m.steps
}

type matcher struct {
	key   string
	steps int
}

func (m *matcher) run(segments []string) bool {
	first, last := segments[0], segments[len(segments)-1]
	if !m.at(0, first) {
		return m.cut(0, 0, first)
	}
	from := len(first)
	for _, segment := range segments[1 : len(segments)-1] {
		start := m.find(from, segment)
		if m.cut(from, len(m.key), segment) {
			return true
		}
		if start < 0 {
			return false
		}
		from = start + len(segment)
	}
	start := len(m.key) - len(last)
	return start >= from && m.at(start, last) || m.cut(from, len(m.key), last)
}

// at reports whether segment stands at key[start:].
func (m *matcher) at(start int, segment string) bool {
	if len(m.key)-start < len(segment) {
		return false
	}
	for i := range len(segment) {
		m.steps++
		if segment[i] != '?' && segment[i] != m.key[start+i] {
			return false
		}
	}
	return true
}

// find returns the first place of segment at or after from, or -1.
func (m *matcher) find(from int, segment string) int {
	for start := from; start+len(segment) <= len(m.key); start++ {
		if m.at(start, segment) {
			return start
		}
	}
	return -1
}

// cut reports whether the key ends at one of segment's question marks, with
// the segment placed between first and last.
func (m *matcher) cut(first, last int, segment string) bool {
	for i := range len(segment) {
		start := len(m.key) - i
		if start < first {
			return false
		}
		if segment[i] == '?' && start <= last && m.at(start, segment[:i]) {
			return true
		}
	}
	return false
}
