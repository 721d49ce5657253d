package targettest

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// update has golden files written instead of compared.
var update = flag.Bool("update", false, "write what is derived instead of comparing it")

// Folder is where a kind keeps the outcomes of its suites, a file for each.
const Folder = "testdata/cases"

// outcome is what became of the cases of a suite.
type outcome struct {
	suite Suite
	mu    sync.Mutex
	// passed are tests that ran to their end without a failure.
	passed map[string]bool
}

func newOutcome(s Suite) *outcome { return &outcome{suite: s, passed: make(map[string]bool)} }

// run runs a test and notes that it passed. Nothing is skipped.
func (o *outcome) run(t *testing.T, name string, f func(*testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Cleanup(func() {
			if t.Skipped() {
				t.Error("a case of the suite was skipped")
			}
			if !t.Failed() {
				o.mu.Lock()
				defer o.mu.Unlock()
				o.passed[name] = true
			}
		})
		f(t)
	})
}

// incomplete says which cases the suite neither runs nor gives a reason for, and
// which of its words have no sense.
func (o *outcome) incomplete() error {
	s := o.suite
	shown := make(map[string]bool)
	for _, v := range s.Variants {
		shown[v.Case] = true
	}
	all, mirror := Cases()
	known := slices.Concat(all, mirror)
	for _, words := range []map[string]string{s.Without, s.Notes} {
		for name, text := range words {
			if !slices.Contains(known, name) || text == "" || strings.ContainsAny(text, "\n\t") {
				return fmt.Errorf("%q: no such case, or no word of one line", name)
			}
		}
	}
	for name := range shown {
		if name != "" && (!slices.Contains(known, name) || s.Without[name] != "") {
			return fmt.Errorf("variants show %q, which is no case, or one that does not apply", name)
		}
	}
	for _, c := range s.cases() {
		if c.run == nil && c.name != NoSecret && c.name != noGoroutine && !shown[c.name] {
			return fmt.Errorf("%s: no variant shows it, and the suite gives no reason", c.name)
		}
	}
	if s.Bodies.Fits <= 0 && s.Without[OverLimit] == "" {
		return fmt.Errorf("%s: the suite names no size", OverLimit)
	}
	for name, needed := range map[string]bool{
		NULKey: s.RefusesNUL, OverLimit: s.Bodies.Unsaid, OneByte: s.Bodies.Shortest != "", Restarted: s.Forgets, KilledMidBatch: s.Forgets,
	} {
		if needed && s.Notes[name] == "" {
			return fmt.Errorf("%s: the suite does not say what is to be known of it", name)
		}
	}
	return nil
}

// compare compares what passed with the golden file of the suite, at the end of
// a run in which every case ran and passed.
func (o *outcome) compare(t *testing.T) {
	t.Helper()
	switch {
	case t.Failed():
		return
	case o.complete():
		Golden(t, filepath.Join(Folder, strings.ReplaceAll(t.Name(), "/", ".")+".txt"), o.String())
	case *update:
		t.Error("-update: not every case ran")
	}
}

// complete reports whether all tests passed: some may have been filtered out.
func (o *outcome) complete() bool {
	for _, c := range o.suite.cases() {
		if c.run != nil && !o.passed[c.name] {
			return false
		}
	}
	for _, v := range o.suite.Variants {
		if !o.passed[v.Name] {
			return false
		}
	}
	return true
}

// Words of the lines of a file.
const (
	nameWord    = "suite"
	passedWord  = "passed"  // it ran
	withoutWord = "without" // it was not run, for a reason
	variantWord = "variant" // it ran, and is of this suite alone
)

// String renders the outcome: the name of the suite, and a line for each case,
// with the word, the case, and a note or reason, separated by tabs.
func (o *outcome) String() string {
	s := o.suite
	var b strings.Builder
	writeLine(&b, nameWord, s.Name, "")
	for _, c := range s.cases() {
		writeLine(&b, passedWord, c.name, s.Notes[c.name])
	}
	for _, name := range slices.Sorted(maps.Keys(s.Without)) {
		writeLine(&b, withoutWord, name, s.Without[name])
	}
	for _, v := range s.Variants {
		writeLine(&b, variantWord, v.Name, v.Case)
	}
	return b.String()
}

func writeLine(b *strings.Builder, word, name, text string) {
	b.WriteString(strings.TrimRight(word+"\t"+name+"\t"+text, "\t") + "\n")
}

// Result is what a file says of a suite.
type Result struct {
	// File is its name without the folder, which is that of the test with dots
	// for slashes; Suite is Suite.Name.
	File, Suite string
	// Passed are the cases that ran and passed, with what is to be known of
	// them; Without those that have no sense, with the reason.
	Passed, Without map[string]string
}

// Read returns the results that a kind keeps in its folder.
func Read(kind string) ([]Result, error) {
	files, err := filepath.Glob(filepath.Join(kind, Folder, "*.txt"))
	if err != nil {
		return nil, err
	}
	var all []Result
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		r := Result{File: filepath.Base(file), Passed: make(map[string]string), Without: make(map[string]string)}
		for line := range strings.Lines(string(text)) {
			word, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
			name, note, _ := strings.Cut(rest, "\t")
			switch word {
			case nameWord:
				r.Suite = name
			case passedWord:
				r.Passed[name] = note
			case withoutWord:
				r.Without[name] = note
			case variantWord:
			default:
				return nil, fmt.Errorf("%s: unknown word %q", file, word)
			}
		}
		all = append(all, r)
	}
	return all, nil
}

// Golden compares text with a file, or writes it there with -update.
func Golden(t *testing.T, name, text string) {
	t.Helper()
	if *update {
		write(t, name, text)
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatalf("%v; run this test with -update", err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s is stale (-file +now); run this test with -update:\n%s", name, diff)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil { //nolint:gosec // a file of the repository
		t.Fatal(err)
	}
}
