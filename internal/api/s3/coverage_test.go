package s3api_test

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	s3api "github.com/carillon-s3/carillon/internal/api/s3"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/object"
)

// operationsPage is the table of operations: what each needs, which events it
// was seen to cause, and which tests drive it.
const operationsPage = "s3-operations.md"

const (
	// namedTests is how many tests the page names of an operation.
	namedTests = 3
	// walks go through all operations, and are about none.
	walks = "TestEveryRoute"
)

// coverage is what the tests of this package drove: everything the page says of
// events and tests was seen.
var coverage = struct { //nolint:gochecknoglobals // TestMain looks at it after all tests
	mu     sync.Mutex
	tests  map[string]map[string]bool // operation to the tests in which it succeeded
	events map[string]map[string]bool // operation to what it journalled
}{tests: map[string]map[string]bool{}, events: map[string]map[string]bool{}}

// TestMain compares the page with what was seen, if all tests ran.
func TestMain(m *testing.M) {
	flag.Parse()
	status := m.Run()
	if status == 0 && allRan() {
		if err := checkOperationsPage(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = 1
		}
	}
	os.Exit(status)
}

// allRan reports whether no test was left out: crash tests are in other packages.
func allRan() bool {
	for name, without := range map[string]string{"run": "", "skip": "^TestCrash", "list": "", "fuzz": "", "bench": ""} {
		if v := flag.Lookup("test." + name).Value.String(); v != "" && v != without {
			return false
		}
	}
	return true
}

// watched is what one site did.
type watched struct {
	s3api.Service
	test    string
	journal *journal.Journal

	mu         sync.Mutex
	operations map[string]string // request id to operation
	events     map[string][]event.Name
}

func watch(t testing.TB, j *journal.Journal) *watched {
	test, _, _ := strings.Cut(t.Name(), "/")
	return &watched{test: test, journal: j, operations: map[string]string{}, events: map[string][]event.Name{}}
}

func (w *watched) observe(o s3api.Observation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	// Of what cannot be configured, "there is none" is the answer.
	none := o.ErrorCode == "NoSuchWebsiteConfiguration" || o.ErrorCode == "NoSuchConfiguration"
	if o.Operation != "" && !strings.HasPrefix(w.test, walks) && (o.Status != 0 && o.Status < 300 || none) {
		w.operations[o.RequestID] = o.Operation
	}
}

// Accessed sees events of reads, which are journalled only where a rule asks.
func (w *watched) Accessed(ctx context.Context, name event.Name, info object.Info, req event.Request) {
	w.mu.Lock()
	w.events[req.ID] = append(w.events[req.ID], name)
	w.mu.Unlock()
	w.Service.Accessed(ctx, name, info, req)
}

// done reads the journal and adds all to the coverage.
func (w *watched) done(t testing.TB) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for p := range uint16(journal.Partitions) {
		for from := uint64(1); ; {
			entries, err := w.journal.Read(context.WithoutCancel(t.Context()), p, from, 1000)
			if err != nil {
				t.Errorf("read the journal: %v", err)
				return
			}
			for _, e := range entries {
				w.events[e.Record.Request.ID] = append(w.events[e.Record.Request.ID], e.Record.Name)
				from = e.At().Sequence + 1
			}
			if len(entries) == 0 {
				break
			}
		}
	}
	coverage.mu.Lock()
	defer coverage.mu.Unlock()
	for id, operation := range w.operations {
		if coverage.tests[operation] == nil {
			coverage.tests[operation], coverage.events[operation] = map[string]bool{}, map[string]bool{}
		}
		coverage.tests[operation][w.test] = true
		for _, name := range w.events[id] {
			coverage.events[operation][name.String()] = true
		}
	}
}

// checkOperationsPage compares the page with the route table and what was seen.
func checkOperationsPage() error {
	name := filepath.Join("..", "..", "..", "docs", operationsPage)
	old, err := os.ReadFile(name)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	page, missing := operationsTable(testsOnPage(string(old)))
	if missing != nil {
		return fmt.Errorf("no test of this package drives %s to success", strings.Join(missing, ", "))
	}
	if page == string(old) {
		return nil
	}
	if os.Getenv("UPDATE_GOLDEN") != "" {
		return os.WriteFile(name, []byte(page), 0o600)
	}
	return fmt.Errorf("docs/%s is not what the route table and the tests say: UPDATE_GOLDEN=1 go test ./internal/api/s3 writes it", operationsPage)
}

// testsOnPage are the tests that the page names, so that a further test does not
// change it.
func testsOnPage(page string) map[string][]string {
	named := map[string][]string{}
	for line := range strings.Lines(page) {
		cells := strings.Split(line, " | ")
		if len(cells) == 5 {
			operation := strings.Trim(cells[0], "| `")
			for test := range strings.SplitSeq(strings.TrimRight(cells[4], "| \n"), ", ") {
				named[operation] = append(named[operation], strings.Trim(test, "`"))
			}
		}
	}
	return named
}

// operationsTable makes the page, and returns the operations that no test drives.
func operationsTable(named map[string][]string) (page string, missing []string) {
	var b strings.Builder
	b.WriteString(`# S3 operations

Written by the tests of ` + "`internal/api/s3`" + ` from the table of routes and from what those tests saw: the events are those that requests of the operation
caused, and each test named drives it to success. That each operation is refused to callers without its action, anonymous or not, is shown by
` + "`TestEveryRouteIsGuarded` and `TestEveryRouteIsGuardedFromUsers`" + `, which walk the same table. Reads, and deletes that find nothing (NoOP), cause their event only where a rule or a
listener asks for it. An operation that is answered 501 is known, so that it is not taken for another.

| operation | request | action | events | tests |
|---|---|---|---|---|
`)
	seen := map[string]bool{}
	for _, r := range s3api.RoutesForTest() {
		seen[r.Operation] = true
		tests, events := "answers 501", ""
		if !r.Absent {
			if len(coverage.tests[r.Operation]) == 0 {
				missing = append(missing, r.Operation)
			}
			tests, events = list(choose(r.Operation, named[r.Operation])), list(slices.Sorted(maps.Keys(coverage.events[r.Operation])))
		}
		request := r.Method + " " + strings.NewReplacer("/bkt/key", "/BUCKET/KEY", "/bkt", "/BUCKET", "=", "").Replace(r.Path)
		if r.Header != "" {
			request += " with " + strings.ToLower(r.Header)
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | `%s` | %s | %s |\n", r.Operation, request, r.Action, cmp.Or(events, "none"), tests)
	}
	return b.String(), missing
}

// list writes names as the page has them.
func list(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = "`" + name + "`"
	}
	return strings.Join(quoted, ", ")
}

// choose returns the tests to name: those named before that still drive the
// operation, else those that bear its name or drive the fewest operations.
func choose(operation string, named []string) []string {
	drive := coverage.tests[operation]
	kept := slices.DeleteFunc(slices.Clone(named), func(test string) bool { return !drive[test] })
	if len(kept) > 0 {
		return kept
	}
	breadth := map[string]int{}
	for _, tests := range coverage.tests {
		for test := range tests {
			breadth[test]++
		}
	}
	all := slices.SortedFunc(maps.Keys(drive), func(a, b string) int {
		return cmp.Or(cmp.Compare(bears(a, operation), bears(b, operation)), cmp.Compare(breadth[a], breadth[b]), cmp.Compare(a, b))
	})
	return all[:min(len(all), namedTests)]
}

// bears is 0 for a test with an operation's name, 1 for one with the name of what
// it is about, and else 2.
func bears(test, operation string) int {
	about := strings.TrimLeft(operation[1:], "abcdefghijklmnopqrstuvwxyz") // without Get, Put and the like
	switch {
	case strings.Contains(test, operation):
		return 0
	case about != "" && strings.Contains(test, about):
		return 1
	}
	return 2
}
