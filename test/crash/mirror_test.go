package crash

import (
	"fmt"
	"maps"
	"testing"
)

// row is the JSON of an event.
func row(s seen) []byte {
	return fmt.Appendf(nil, `{"Records":[{"eventName":%q,"s3":{"bucket":{"name":"b"},"object":{"key":%q,"size":%d,"eTag":%q,"sequencer":%q}},"source":{"userAgent":%q}}]}`,
		s.name, s.key[len("b/"):], s.size, s.etag, s.sequencer, s.label)
}

// shownRow is a row that is right: the content's mark is the label of its write.
func shownRow(key, sequencer string) seen {
	return seen{key: key, name: puts.event(), label: key, etag: "e", size: 1, sequencer: sequencer}
}

// TestMirrorCheck gives the comparison of a mirror one fault at a time.
func TestMirrorCheck(t *testing.T) {
	t.Parallel()
	const a, c = "b/a", "b/c"
	shows := func(key string) state { return state{content: content{mark: key, etag: "e", size: 1}} }
	now := map[string]state{a: shows(a), c: shows(c)}
	events := []seen{shownRow(a, "01"), shownRow(c, "02"), shownRow(a, "03"), shownRow(a, "01")}
	good := map[string][]byte{a: row(shownRow(a, "03")), c: row(shownRow(c, "02"))}
	change := func(edit func(rows map[string][]byte)) map[string][]byte {
		rows := maps.Clone(good)
		edit(rows)
		return rows
	}
	instead := func(s seen) map[string][]byte { return change(func(rows map[string][]byte) { rows[a] = row(s) }) }
	tests := map[string]struct {
		rows map[string][]byte
		want int
	}{
		"all is well":        {good, 0},
		"a row is missing":   {change(func(rows map[string][]byte) { delete(rows, a) }), 1},
		"a row is too many":  {change(func(rows map[string][]byte) { rows["b/x"] = rows[a] }), 1},
		"no row":             {nil, 2},
		"rows are exchanged": {map[string][]byte{a: good[c], c: good[a]}, 2},
		"not JSON":           {change(func(rows map[string][]byte) { rows[a] = []byte("x") }), 1},
		"older event":        {instead(shownRow(a, "01")), 1},
		"event of a removal": {instead(with(shownRow(a, "03"), func(s *seen) { s.name = deletes.event() })), 1},
		"other ETag":         {instead(with(shownRow(a, "03"), func(s *seen) { s.etag = "x" })), 1},
		"other size":         {instead(with(shownRow(a, "03"), func(s *seen) { s.size = 2 })), 1},
		"of another write":   {instead(with(shownRow(a, "03"), func(s *seen) { s.label = "x" })), 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &report{}
			r.mirror(tt.rows, []string{a, c}, now, events)
			if r.staleRows != tt.want {
				t.Errorf("%d stale rows, want %d: %q", r.staleRows, tt.want, r.details)
			}
		})
	}
}
