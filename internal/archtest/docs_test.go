package archtest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// checkArchitecture wants docs/ARCHITECTURE.md to name only what is there:
// every path between backquotes.
func checkArchitecture(p *project) (bad []string) {
	const name = "docs/ARCHITECTURE.md"
	text, err := p.read(name)
	if err != nil {
		return []string{err.Error()}
	}
	for _, m := range regexp.MustCompile("`([A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*)`").FindAllStringSubmatch(text, -1) {
		path := m[1]
		if !namesFile(path) {
			continue
		}
		if _, err := os.Stat(filepath.Join(p.dir, filepath.FromSlash(path))); err != nil {
			bad = append(bad, fmt.Sprintf("%s names %s, which is not there", name, path))
		}
	}
	if len(bad) == 0 && !strings.Contains(text, "`internal/") {
		bad = append(bad, name+" names no package: the rule sees nothing")
	}
	return bad
}

// namesFile reports whether path, written in a text, means a file or folder of
// the repository.
func namesFile(path string) bool {
	top, _, deep := strings.Cut(path, "/")
	return deep && slices.Contains([]string{"internal", "cmd", "test", "bench", "docs"}, top)
}

// checkDependencies wants a reason for every direct dependency.
func checkDependencies(p *project) (bad []string) {
	const name = "docs/decisions/0001-dependencies.md"
	text, err := p.read(name)
	if err != nil {
		return []string{err.Error()}
	}
	for _, path := range p.direct {
		if !strings.Contains(text, "`"+path+"`") {
			bad = append(bad, fmt.Sprintf("%s does not say why %s is used", name, path))
		}
	}
	return bad
}

// checkKinds wants of every kind of target what a user and the suite need.
func checkKinds(p *project) (bad []string) {
	for _, pkg := range p.packages {
		kind, ok := strings.CutPrefix(pkg.path, "internal/notify/")
		if !ok || strings.Contains(kind, "/") || slices.Contains([]string{"all", "target", "spool", "takeover", "payload"}, kind) {
			continue
		}
		page := "docs/targets/" + kind + ".md"
		if _, err := p.read(page); err != nil {
			bad = append(bad, fmt.Sprintf("%s: no page %s", pkg.path, page))
		}
		suite := p.module + "/internal/notify/target/targettest"
		if !slices.Contains(slices.Concat(pkg.TestImports, pkg.XTestImports), suite) {
			bad = append(bad, pkg.path+": its tests do not run targettest")
		}
	}
	return bad
}

func (p *project) read(name string) (string, error) {
	text, err := os.ReadFile(filepath.Join(p.dir, filepath.FromSlash(name)))
	return string(text), err
}
