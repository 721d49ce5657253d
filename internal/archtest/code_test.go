package archtest

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

const (
	// maxFileLines and maxFuncLines bound the tail: what makes code hard to
	// find one's way in is its longest files and functions, not the usual ones.
	maxFileLines = 800
	maxFuncLines = 100
)

// checkComments wants a comment on every package.
func checkComments(p *project) (bad []string) {
	for _, pkg := range p.packages {
		found := slices.ContainsFunc(pkg.files, func(s *source) bool {
			return s.tree.Doc != nil && strings.HasPrefix(s.tree.Doc.Text(), commentStart(s.tree.Name.Name))
		})
		if !found {
			bad = append(bad, fmt.Sprintf("%s: no package comment", pkg.path))
		}
	}
	return bad
}

// commentStart is how a package comment begins: a command's with its name.
func commentStart(name string) string {
	if name == "main" {
		return ""
	}
	return "Package " + strings.TrimSuffix(name, "_test") + " "
}

// checkNames refuses packages whose name says nothing of what they own.
func checkNames(p *project) (bad []string) {
	empty := []string{"util", "utils", "common", "helper", "helpers", "manager", "misc", "base", "shared"}
	for _, pkg := range p.packages {
		for part := range strings.SplitSeq(pkg.path, "/") {
			if slices.Contains(empty, part) {
				bad = append(bad, fmt.Sprintf("%s: %q says nothing", pkg.path, part))
			}
		}
	}
	return bad
}

// checkInit refuses init functions: what runs, runs because somebody called it.
func checkInit(p *project) (bad []string) {
	p.functions(func(s *source, f *ast.FuncDecl) {
		if f.Recv == nil && f.Name.Name == "init" {
			bad = append(bad, fmt.Sprintf("%s:%d: init function", s.name, s.line(f)))
		}
	})
	return bad
}

// checkEnvironment keeps the process's environment in one place: settings reach
// all others as values.
func checkEnvironment(p *project) (bad []string) {
	readers := []string{"Getenv", "LookupEnv", "Environ", "ExpandEnv", "Setenv", "Unsetenv", "Clearenv"}
	for _, pkg := range p.packages {
		if fits("cmd/...", pkg.path) || pkg.path == "internal/config" || testOnly(pkg.path) {
			continue
		}
		for _, s := range pkg.files {
			if s.test {
				continue
			}
			ast.Inspect(s.tree, func(n ast.Node) bool {
				e, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if x, ok := e.X.(*ast.Ident); ok && x.Name == "os" && slices.Contains(readers, e.Sel.Name) {
					bad = append(bad, fmt.Sprintf("%s:%d: os.%s outside cmd and internal/config", s.name, s.line(e), e.Sel.Name))
				}
				return true
			})
		}
	}
	return bad
}

// checkLength bounds files and functions. Functions of tests are exempt, and so
// are the lines of a table within a function.
func checkLength(p *project) (bad []string) {
	for _, pkg := range p.packages {
		for _, s := range pkg.files {
			if n := s.set.File(s.tree.FileStart).LineCount(); n > maxFileLines && !ast.IsGenerated(s.tree) {
				bad = append(bad, fmt.Sprintf("%s: %d lines, at most %d", s.name, n, maxFileLines))
			}
		}
	}
	p.functions(func(s *source, f *ast.FuncDecl) {
		if s.test || f.Body == nil || ast.IsGenerated(s.tree) {
			return
		}
		if n := s.lines(f.Body) - s.tableLines(f.Body); n > maxFuncLines {
			bad = append(bad, fmt.Sprintf("%s:%d: %s has %d lines, at most %d", s.name, s.line(f), f.Name.Name, n, maxFuncLines))
		}
	})
	return bad
}

// tableLines is how many lines of body belong to literals of slices and maps.
func (s *source) tableLines(body ast.Node) (n int) {
	ast.Inspect(body, func(node ast.Node) bool {
		literal, ok := node.(*ast.CompositeLit)
		if !ok {
			return true
		}
		switch literal.Type.(type) {
		case *ast.ArrayType, *ast.MapType:
			n += s.lines(literal) - 1
			return false
		}
		return true
	})
	return n
}

// functions visits all declared functions.
func (p *project) functions(visit func(*source, *ast.FuncDecl)) {
	for _, pkg := range p.packages {
		for _, s := range pkg.files {
			for _, d := range s.tree.Decls {
				if f, ok := d.(*ast.FuncDecl); ok {
					visit(s, f)
				}
			}
		}
	}
}
