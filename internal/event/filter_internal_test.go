package event

import (
	"strings"
	"testing"
)

// TestFilterBound counts the bytes compared for patterns that make a
// backtracking matcher try 200^5 placements.
func TestFilterBound(t *testing.T) {
	t.Parallel()
	key := strings.Repeat("a", 200)
	for _, tc := range []struct{ prefix, suffix string }{
		{"a*a*a*a*a*b", ""},
		{"a*a*a*a*a*", "b"},
		{"*a?*a?*a?*a?*a?b*", "a?b"},
		{strings.Repeat("a*", 90) + "b", ""},
		{strings.Repeat("?", 100) + "b*", strings.Repeat("a?", 40) + "b"},
		{"", strings.Repeat("aa?", 60) + "b"},
		{"*" + strings.Repeat("a?", 60) + "b", ""},
	} {
		f := NewFilter(tc.prefix, tc.suffix)
		ok, steps := f.match(key)
		// Placing a segment and looking for the key's end in it cost at most
		// the product each.
		bound := 2 * len(key) * (len(tc.prefix) + len(tc.suffix) + 1)
		if steps == 0 || steps > bound {
			t.Errorf("%q*%q: %d steps (match %v), want 1 to %d", tc.prefix, tc.suffix, steps, ok, bound)
		}
	}
}

// slowMatch is the definition, tried in every way; it is exponential.
func slowMatch(pattern, key string) bool {
	switch {
	case pattern == "":
		return key == ""
	case pattern[0] == '*':
		return slowMatch(pattern[1:], key) || key != "" && slowMatch(pattern, key[1:])
	case pattern[0] == '?' && key == "":
		return true
	case key == "":
		return false
	case pattern[0] == '?' || pattern[0] == key[0]:
		return slowMatch(pattern[1:], key[1:])
	}
	return false
}

func FuzzFilter(f *testing.F) {
	f.Add("img/", ".jpg", "img/1.jpg")
	f.Add("a?*", "z", "a")
	f.Add("*a?*z", "", "axya")
	f.Add("a?*a*?b?", "?", "aabab")
	f.Fuzz(func(t *testing.T, prefix, suffix, key string) {
		filter := NewFilter(prefix, suffix)
		got, steps := filter.match(key)
		if bound := 2 * (len(key) + 1) * (len(prefix) + len(suffix) + 1); steps > bound {
			t.Fatalf("%d steps, want at most %d", steps, bound)
		}
		if strings.Count(prefix+suffix, "*") > 4 || len(key) > 20 {
			return
		}
		want := prefix == "" && suffix == "" || slowMatch(prefix+"*"+suffix, key)
		if got != want {
			t.Fatalf("prefix %q suffix %q key %q: %v, want %v", prefix, suffix, key, got, want)
		}
	})
}

func BenchmarkFilter(b *testing.B) {
	key := "photos/2026/" + strings.Repeat("a", 188)
	for name, filter := range map[string]Filter{
		"none":          NewFilter("", ""),
		"prefix":        NewFilter("photos/", ""),
		"prefix suffix": NewFilter("photos/", ".jpg"),
		"five stars":    NewFilter("photos*a*a*a*a*b", ""),
		"worst":         NewFilter("*"+strings.Repeat("a?", 60)+"b", ""),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				filter.Match(key)
			}
		})
	}
}
