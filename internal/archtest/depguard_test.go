package archtest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The part of .golangci.yml between these lines is written by
// `go test ./internal/archtest -update`.
const (
	depguardBegin = "        # begin: written by go test ./internal/archtest -update\n"
	depguardEnd   = "        # end\n"
)

// TestDepguard wants the linter's arrows to be those of this package, so that
// an editor shows a wrong import at once, with its reason.
func TestDepguard(t *testing.T) {
	t.Parallel()
	name := filepath.Join(root(t), ".golangci.yml")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok1 := strings.Cut(string(text), depguardBegin)
	got, tail, ok2 := strings.Cut(rest, depguardEnd)
	if !ok1 || !ok2 {
		t.Fatalf("%s: the lines that mark depguard's rules are missing", name)
	}
	want := depguard("github.com/carillon-s3/carillon", arrows())
	if flag.Lookup("update").Value.String() == "true" {
		text := head + depguardBegin + want + depguardEnd + tail
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s differs from arrows (-want +got); run this test with -update:\n%s", name, diff)
	}
}

// TestMain declares the flag that all golden files use.
func TestMain(m *testing.M) {
	flag.Bool("update", false, "write what is derived instead of comparing it")
	os.Exit(m.Run())
}

// depguard renders arrows as rules of the linter.
func depguard(module string, table []arrow) string {
	var b strings.Builder
	for _, a := range table {
		fmt.Fprintf(&b, "        %s:\n", ruleName(a.from))
		b.WriteString("          list-mode: lax\n          files:\n")
		fmt.Fprintf(&b, "            - \"${config-path}/%s\"\n", fileGlob(a.from))
		for _, other := range table {
			if other.from != a.from && strings.Contains(a.from, "*") && fits(a.from, other.from) {
				fmt.Fprintf(&b, "            - \"!${config-path}/%s\"\n", fileGlob(other.from))
			}
		}
		b.WriteString("            - \"!$test\"\n")
		if len(a.to) > 0 {
			b.WriteString("          allow:\n")
		}
		for _, to := range a.to {
			fmt.Fprintf(&b, "            - %s/%s\n", module, importPrefix(to))
		}
		b.WriteString("          deny:\n")
		fmt.Fprintf(&b, "            - pkg: %s\n", module)
		fmt.Fprintf(&b, "              desc: %q\n", a.reason)
	}
	return b.String()
}

func ruleName(from string) string {
	return strings.NewReplacer("/...", "", "/*", "-each", "/", "-").Replace(from)
}

// fileGlob is the files of the packages at from.
func fileGlob(from string) string {
	return strings.Replace(from, "/...", "/**", 1) + "/*.go"
}

// importPrefix is a pattern as depguard's prefix, or exact with a $.
func importPrefix(to string) string {
	if prefix, ok := strings.CutSuffix(to, "..."); ok {
		return prefix
	}
	if prefix, ok := strings.CutSuffix(to, "*"); ok {
		return prefix
	}
	return to + "$"
}
