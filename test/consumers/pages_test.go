package consumers

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

// TestPagesShowTheExamples: what readers see is what runs.
func TestPagesShowTheExamples(t *testing.T) {
	t.Parallel()
	docs := harness.ModulePath(t, "docs")
	var pages strings.Builder
	for _, pattern := range []string{"*.md", "targets/*.md"} {
		for path, text := range read(t, filepath.Join(docs, pattern)) {
			pages.WriteString("\n" + path + "\n" + text)
		}
	}
	for path, text := range read(t, filepath.Join(docs, "examples", "*")) {
		var block strings.Builder
		for line := range strings.Lines(text) {
			if line != "\n" {
				block.WriteString("    ")
			}
			block.WriteString(line)
		}
		if !strings.Contains(pages.String(), "\n\n"+block.String()) {
			t.Errorf("no page shows %s as it is", filepath.Base(path))
		}
	}
}

// read returns the text of each file that a pattern finds.
func read(t *testing.T, pattern string) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: %v, %v", pattern, paths, err)
	}
	texts := make(map[string]string)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts[path] = string(text)
	}
	return texts
}
