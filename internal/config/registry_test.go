package config

import (
	"strings"
	"testing"
)

func TestNewRegistryRefuses(t *testing.T) {
	t.Parallel()
	make1 := func(name string, keys ...listedKey) SubSystem {
		return SubSystem{Name: name, New: func() Settings { return &listed{keys: keys} }}
	}
	tests := map[string]struct {
		subs []SubSystem
		want string
	}{
		"twice":          {[]SubSystem{make1("a"), make1("a")}, "a is declared twice"},
		"name":           {[]SubSystem{make1("Notify")}, "malformed name"},
		"key twice":      {[]SubSystem{make1("a", listedKey{key: "x"}, listedKey{key: "x"})}, `key "x" is malformed or declared twice`},
		"alias taken":    {[]SubSystem{make1("a", listedKey{key: "x"}, listedKey{key: "y", options: []Option{Alias("x")}})}, `key "x" is malformed or declared twice`},
		"enable":         {[]SubSystem{make1("a", listedKey{key: "enable"})}, `key "enable" is malformed or declared twice`},
		"key's spelling": {[]SubSystem{make1("a", listedKey{key: "a-b"})}, `key "a-b" is malformed`},
		"default":        {[]SubSystem{make1("a", listedKey{key: "x", value: "v", options: []Option{OneOf("w")}})}, "default of x"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := NewRegistry(tt.subs); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}
