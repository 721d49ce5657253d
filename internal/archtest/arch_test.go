package archtest

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rule looks at a project and says what is wrong with it.
type rule struct {
	name  string
	check func(*project) []string
	// caught is what the rule must say of testdata/wrong.
	caught []string
}

func rules() []rule {
	return []rule{
		{"arrows", checkArrows, []string{
			"internal/api/s3 imports internal/kv: the S3 surface speaks to package object only",
			"internal/common: no arrow says what it may import",
			"internal/notify/kafka imports internal/object: a kind of target knows its contract, its settings and its own client library, and nothing of the server",
			"internal/object imports internal/kv/pebble: object joins the contracts of the stores, never an engine",
		}},
		{"test support", checkTestSupport, []string{
			"internal/server imports internal/crashfs: only tests may",
			"tests of internal/kv import test/harness: whole-program tests and packages stay apart",
			"tests of test/harness import internal/kv: whole-program tests and packages stay apart",
		}},
		{"pure vocabulary", checkPure, []string{
			"internal/event imports example.com/foreign: it is pure",
			"internal/event imports net/http: it is pure",
		}},
		{"package comments", checkComments, []string{
			"internal/common: no package comment",
			"internal/notify/kafka: no package comment",
		}},
		{"package names", checkNames, []string{`internal/common: "common" says nothing`}},
		{"init", checkInit, []string{"internal/common/common.go:5: init function"}},
		{"environment", checkEnvironment, []string{
			"internal/common/common.go:6: os.Getenv outside cmd and internal/config",
		}},
		{"length", checkLength, []string{
			"internal/kv/long.go: 913 lines, at most 800",
			"internal/kv/long.go:3: Long has 911 lines, at most 100",
		}},
		{"docs/ARCHITECTURE.md", checkArchitecture, []string{
			"docs/ARCHITECTURE.md names internal/gone/gone.go, which is not there",
		}},
		{"dependencies", checkDependencies, []string{
			"docs/decisions/0001-dependencies.md does not say why example.com/foreign is used",
		}},
		{"kinds of target", checkKinds, []string{
			"internal/notify/kafka: its tests do not run targettest",
			"internal/notify/kafka: no page docs/targets/kafka.md",
		}},
	}
}

// TestRules holds the repository to its rules.
func TestRules(t *testing.T) {
	t.Parallel()
	p := load(t, root(t))
	for _, r := range rules() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			for _, bad := range r.check(p) {
				t.Error(bad)
			}
		})
	}
}

// TestRulesCatch holds a module that breaks every rule against them.
func TestRulesCatch(t *testing.T) {
	t.Parallel()
	dir, err := filepath.Abs("testdata/wrong")
	if err != nil {
		t.Fatal(err)
	}
	p := load(t, dir)
	for _, r := range rules() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			got := r.check(p)
			slices.Sort(got)
			if diff := cmp.Diff(r.caught, got); diff != "" {
				t.Errorf("what the rule says of testdata/wrong (-want +got):\n%s", diff)
			}
		})
	}
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
