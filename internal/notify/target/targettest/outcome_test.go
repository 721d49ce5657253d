package targettest

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// complete is a suite that says something of every case.
func complete() Suite {
	s := Suite{Name: "one", Bodies: Bodies{Fits: 1, Over: 2}, Without: map[string]string{}, Notes: map[string]string{}}
	for _, name := range []string{WrongCredentials, Missing, TLS, WrongCA, ClientCertificate, NoClientCert} {
		s.Variants = append(s.Variants, Variant{Name: "variant of " + name, Case: name})
	}
	return s
}

func TestSuiteSaysSomethingOfEveryCase(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		edit func(*Suite)
		want string // part of the error; empty: it is complete
	}{
		"complete":           {func(*Suite) {}, ""},
		"a reason":           {func(s *Suite) { s.Variants = s.Variants[1:]; s.Without[WrongCredentials] = "none are asked for" }, ""},
		"neither":            {func(s *Suite) { s.Variants = s.Variants[1:] }, "wrong credentials: no variant shows it"},
		"both":               {func(s *Suite) { s.Without[TLS] = "none" }, `variants show "TLS"`},
		"empty reason":       {func(s *Suite) { s.Without[OrderOfKey] = "" }, "no word of one line"},
		"reason of lines":    {func(s *Suite) { s.Without[OrderOfKey] = "a\nb" }, "no word of one line"},
		"unknown case":       {func(s *Suite) { s.Notes["tripel"] = "?" }, `"tripel": no such case`},
		"variant of unknown": {func(s *Suite) { s.Variants[0].Case = "tripel" }, `variants show "tripel"`},
		"no sizes":           {func(s *Suite) { s.Bodies = Bodies{} }, "names no size"},
		"NUL without a note": {func(s *Suite) { s.RefusesNUL = true }, "key with NUL: the suite does not say"},
		"NUL with a note":    {func(s *Suite) { s.RefusesNUL = true; s.Notes[NULKey] = "it holds none" }, ""},
		"forgets":            {func(s *Suite) { s.Forgets = true; s.Notes[Restarted] = "it keeps nothing" }, "killed mid-batch: the suite does not say"},
		"unsaid":             {func(s *Suite) { s.Bodies.Unsaid = true }, "body over the limit: the suite does not say"},
		"shortest":           {func(s *Suite) { s.Bodies.Shortest = "{}" }, "body of one byte: the suite does not say"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := complete()
			tt.edit(&s)
			err := newOutcome(s).incomplete()
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

// TestOutcomeNeedsEveryCase: what was filtered out or failed leaves the outcome
// incomplete, so that it is neither compared nor written.
func TestOutcomeNeedsEveryCase(t *testing.T) {
	t.Parallel()
	s := complete()
	var names []string
	for _, c := range s.cases() {
		if c.run != nil {
			names = append(names, c.name)
		}
	}
	for _, v := range s.Variants {
		names = append(names, v.Name)
	}
	for _, left := range append(names, "") {
		o := newOutcome(s)
		for _, name := range names {
			if name != left {
				o.run(t, name, func(*testing.T) {})
			}
		}
		if o.complete() != (left == "") {
			t.Errorf("without %q it is complete: %t", left, o.complete())
		}
	}
}

func TestResultIsWhatWasWritten(t *testing.T) {
	t.Parallel()
	s := complete()
	s.Notes[OverLimit] = "413"
	s.Without[OrderOfKey] = "the last one shows"
	kind := t.TempDir()
	file := filepath.Join(kind, Folder, "TestSuite.one.txt")
	write(t, file, newOutcome(s).String())
	got, err := Read(kind)
	if err != nil || len(got) != 1 {
		t.Fatalf("%d results: %v", len(got), err)
	}
	want := Result{File: "TestSuite.one.txt", Suite: "one", Passed: map[string]string{}, Without: s.Without}
	for _, c := range s.cases() {
		want.Passed[c.name] = s.Notes[c.name]
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
