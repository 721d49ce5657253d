package all_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/notify/all"
	"github.com/carillon-s3/carillon/internal/notify/target/targettest"
)

// page has the table of kinds and cases between two lines of its own.
const (
	page  = "../../../docs/targets/README.md"
	begin = "<!-- The table and its notes are written by go test ./internal/notify/all -update. -->\n"
	end   = "<!-- end of the table -->\n"
)

// TestPageOfTargets holds the page against the kinds and what their suites passed.
func TestPageOfTargets(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(text), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table", page)
	}
	table := new(table)
	for _, kind := range all.Kinds() {
		if !strings.Contains(head, "("+kind.Name+".md)") {
			t.Errorf("%s has no link to %s.md", page, kind.Name)
		}
		table.add(t, kind.Name)
	}
	targettest.Golden(t, page, head+begin+table.String()+end+tail)
}

// table is the outcomes of all kinds.
type table struct {
	kinds   []string
	results map[string][]targettest.Result
	notes   []note
}

// note is what is to be known of cells of a kind, or why there is nothing in
// them.
type note struct {
	kind, text string
	suites     []string
}

// add reads the results of a kind.
func (tb *table) add(t *testing.T, kind string) {
	t.Helper()
	folder := filepath.Join("..", kind)
	results, err := targettest.Read(folder)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) == 0 {
		t.Errorf("%s: no suite of it has passed; run its tests with -update", kind)
	}
	tests := testsIn(t, folder)
	everyone, _ := targettest.Cases()
	for _, r := range results {
		test, _, _ := strings.Cut(r.File, ".")
		if !strings.Contains(tests, "\nfunc "+test+"(") {
			t.Errorf("%s: there is no %s for %s any more; remove it", kind, test, r.File)
		}
		for _, name := range everyone {
			_, passed := r.Passed[name]
			_, without := r.Without[name]
			if passed == without {
				t.Errorf("%s: %s does not say what became of %q", kind, r.File, name)
			}
		}
	}
	if tb.results == nil {
		tb.results = make(map[string][]targettest.Result)
	}
	tb.kinds = append(tb.kinds, kind)
	tb.results[kind] = results
}

func testsIn(t *testing.T, folder string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(text)
	}
	return b.String()
}

// String renders the table, the notes below it and the list of suites.
func (tb *table) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n| case | %s |\n|---|%s\n", strings.Join(tb.kinds, " | "), strings.Repeat("---|", len(tb.kinds)))
	everyone, mirror := targettest.Cases()
	for _, name := range slices.Concat(everyone, mirror) {
		fmt.Fprintf(&b, "| %s |", name)
		for _, kind := range tb.kinds {
			fmt.Fprintf(&b, " %s |", tb.cell(kind, name))
		}
		b.WriteString("\n")
	}
	b.WriteString("\nNotes:\n\n")
	for i, n := range tb.notes {
		where := n.kind
		if suites := strings.Join(n.suites, "; "); suites != "" {
			where += " (" + suites + ")"
		}
		fmt.Fprintf(&b, "%d. %s: %s\n", i+1, where, n.text)
	}
	b.WriteString("\nSuites:\n\n")
	for _, kind := range tb.kinds {
		var names []string
		for _, r := range tb.results[kind] {
			if r.Suite != "" {
				names = append(names, r.Suite)
			}
		}
		fmt.Fprintf(&b, "- %s: %s\n", kind, strings.TrimSuffix(fmt.Sprintf("%d; %s", len(tb.results[kind]), strings.Join(names, "; ")), "; "))
	}
	b.WriteString("\n")
	return b.String()
}

// cell tells what became of a case in the suites of a kind.
func (tb *table) cell(kind, name string) string {
	mark := "–"
	var numbers []string
	for _, r := range tb.results[kind] {
		text, passed := r.Passed[name]
		if passed {
			mark = "✓"
		} else {
			text = r.Without[name]
		}
		if text == "" {
			continue
		}
		if n := fmt.Sprint(tb.note(kind, text, r.Suite)); !slices.Contains(numbers, n) {
			numbers = append(numbers, n)
		}
	}
	return strings.TrimSpace(mark + " " + strings.Join(numbers, ", "))
}

// note returns the number of a note, and adds the suite to those it is about.
func (tb *table) note(kind, text, suite string) int {
	i := slices.IndexFunc(tb.notes, func(n note) bool { return n.kind == kind && n.text == text })
	if i < 0 {
		i = len(tb.notes)
		tb.notes = append(tb.notes, note{kind: kind, text: text})
	}
	if n := &tb.notes[i]; suite != "" && !slices.Contains(n.suites, suite) {
		n.suites = append(n.suites, suite)
	}
	return i + 1
}
