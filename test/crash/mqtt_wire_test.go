package crash

import (
	"slices"
	"strings"
	"testing"
)

// TestForgotten: only what a broker acknowledged last, in a life that was ended
// by a kill, may be missing.
func TestForgotten(t *testing.T) {
	t.Parallel()
	events := func(keys string) (all []seen) {
		for key := range strings.SplitSeq(keys, "") {
			all = append(all, seen{key: key})
		}
		return all
	}
	killed := func(acked string) life { return life{killed: true, acked: events(acked)} }
	ended := func(acked string) life { return life{acked: events(acked)} }
	tests := map[string]struct {
		lives     []life
		arrived   string
		forgotten string
	}{
		"all arrived":                       {[]life{killed("ab"), ended("c")}, "abc", ""},
		"the last of a killed one":          {[]life{killed("abc"), ended("d")}, "ad", "bc"},
		"all of a killed one":               {[]life{killed("ab"), ended("c")}, "c", "ab"},
		"of two killed ones":                {[]life{killed("ab"), killed("cd"), ended("e")}, "ace", "bd"},
		"of the last, which lives":          {[]life{killed("a"), ended("bc")}, "ab", ""},
		"of one that was stopped":           {[]life{ended("ab"), killed("c"), ended("d")}, "acd", ""},
		"with one behind that arrived":      {[]life{killed("abc"), ended("d")}, "acd", ""},
		"the one behind came from the next": {[]life{killed("abc"), ended("cd")}, "acd", "b"},
		"again in one that was stopped":     {[]life{killed("ab"), ended("b")}, "a", ""},
		"again in one that was killed too":  {[]life{killed("ab"), killed("b"), ended("c")}, "ac", "b"},
		"never acknowledged":                {[]life{killed("a"), ended("c")}, "ac", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, s := range (&mqttWire{lives: tt.lives}).forgotten(events(tt.arrived)) {
				got = append(got, s.key)
			}
			slices.Sort(got)
			if text := strings.Join(got, ""); text != tt.forgotten {
				t.Errorf("forgotten %q, want %q", text, tt.forgotten)
			}
		})
	}
}
