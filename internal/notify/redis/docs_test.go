package redis_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/notify/target"
)

// TestScriptOfThePage runs what docs/targets/redis.md gives to consumers.
func TestScriptOfThePage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/targets/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "\n    local item")
	text, _, found := strings.Cut("local item"+text, "\n\n")
	if !found {
		t.Fatal("the page has no script")
	}
	script := filepath.Join(t.TempDir(), "pop.lua")
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, "access", nil)
	tgt := s.open(t, target.Env{})
	first, second := put("k", 0), removal("k", 1)
	send(t, tgt, first, first, second, first)
	var got []string
	for range 5 {
		got = append(got, s.cli(t, "--eval", script, key, key+":seen"))
	}
	for i, want := range []string{string(first.Body), "", string(second.Body), "", ""} {
		if want == "" && got[i] != "" || !strings.Contains(got[i], want) {
			t.Errorf("item %d is %q, want %q", i, got[i], want)
		}
	}
}
