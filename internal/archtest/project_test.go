package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// project is a module as the rules see it.
type project struct {
	dir      string
	module   string
	packages []*pkg
	// direct are the modules that go.mod requires for our own imports.
	direct []string
	arrows []arrow
}

// pkg is a package as `go list` describes it.
type pkg struct {
	Dir, ImportPath                    string
	Module                             struct{ Path string }
	GoFiles, TestGoFiles, XTestGoFiles []string
	IgnoredGoFiles                     []string
	Imports, TestImports, XTestImports []string

	path  string // relative to the module
	files []*source
}

// source is a parsed file.
type source struct {
	name string // relative to the module
	test bool
	set  *token.FileSet
	tree *ast.File
}

// load reads the module in dir.
func load(t *testing.T, dir string) *project {
	t.Helper()
	out := command(t, dir, "go", "list", "-e", "-json", "./...")
	p := &project{dir: dir, arrows: arrows()}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var next pkg
		err := d.Decode(&next)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		p.module = next.Module.Path
		next.path = strings.TrimPrefix(strings.TrimPrefix(next.ImportPath, p.module), "/")
		parse(t, dir, &next)
		p.packages = append(p.packages, &next)
	}
	if len(p.packages) == 0 {
		t.Fatal("go list: no packages")
	}
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	if err := json.Unmarshal(command(t, dir, "go", "mod", "edit", "-json"), &mod); err != nil {
		t.Fatal(err)
	}
	for _, r := range mod.Require {
		if !r.Indirect {
			p.direct = append(p.direct, r.Path)
		}
	}
	return p
}

// command returns what a program prints when it is run in dir.
func command(t *testing.T, dir, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, stderr.Bytes())
	}
	return out
}

func parse(t *testing.T, dir string, p *pkg) {
	t.Helper()
	for _, name := range slices.Concat(p.GoFiles, p.IgnoredGoFiles, p.TestGoFiles, p.XTestGoFiles) {
		set := token.NewFileSet()
		path := filepath.Join(p.Dir, name)
		tree, err := parser.ParseFile(set, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		relative, err := filepath.Rel(dir, path)
		if err != nil {
			t.Fatal(err)
		}
		p.files = append(p.files, &source{
			name: filepath.ToSlash(relative), test: strings.HasSuffix(name, "_test.go"), set: set, tree: tree,
		})
	}
}

// ours returns those of the imports that are packages of the module, relative
// to it.
func (p *project) ours(imports []string) (paths []string) {
	for _, i := range imports {
		if path, ok := strings.CutPrefix(i, p.module+"/"); ok {
			paths = append(paths, path)
		}
	}
	return paths
}

// lines is how many lines node spans.
func (s *source) lines(node ast.Node) int {
	return s.set.Position(node.End()).Line - s.set.Position(node.Pos()).Line + 1
}

func (s *source) line(node ast.Node) int { return s.set.Position(node.Pos()).Line }
