package guide

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

// duplicates are events as they come: the second again, and an older one late.
const duplicates = `
def event(key, sequencer):
    return json.dumps({"Records": [{"s3": {"bucket": {"name": "b"}, "object": {"key": key, "sequencer": sequencer}}}]}).encode()

print([is_new(event(key, "18789D7A0000000" + n)) for key, n in
       [("a", "1"), ("a", "2"), ("a", "2"), ("a", "1"), ("c", "1"), ("a", "A")]])
`

// TestExamplesDropDuplicates runs the Python of the targets' pages.
func TestExamplesDropDuplicates(t *testing.T) {
	t.Parallel()
	python := harness.Tool(t, harness.EnvConsumers, "consumers/*/bin/python3")
	for _, page := range []string{"amqp.md", "mqtt.md"} {
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			program := write(t, "example.py", example(t, page)+duplicates)
			ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
			defer cancel()
			out, err := exec.CommandContext(ctx, python, program).CombinedOutput()
			const want = "[True, True, False, False, True, True]"
			if got := strings.TrimSpace(string(out)); err != nil || got != want {
				t.Errorf("%v: %s, want %s", err, got, want)
			}
		})
	}
}

// example is the code below "Dropping duplicates" on a page.
func example(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(harness.ModulePath(t, filepath.Join("docs", "targets", page)))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Dropping duplicates\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var code strings.Builder
	for line := range strings.Lines(section) {
		if rest, ok := strings.CutPrefix(line, "    "); ok {
			code.WriteString(rest)
		}
	}
	return code.String()
}
