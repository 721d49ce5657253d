package kv_test

import (
	"testing"

	"github.com/carillon-s3/carillon/internal/kv"
)

func TestPrefixEnd(t *testing.T) {
	t.Parallel()
	for prefix, want := range map[string]string{
		"": "", "a": "b", "ab": "ac", "a\x00": "a\x01", "a\xff": "b", "a\xff\xff": "b", "\xff": "", "\xff\xff": "",
	} {
		if got := string(kv.PrefixEnd([]byte(prefix))); got != want {
			t.Errorf("PrefixEnd(%q) = %q, want %q", prefix, got, want)
		}
	}
	if kv.PrefixEnd([]byte("\xff")) != nil {
		t.Error("the end of the map is not nil")
	}
}
