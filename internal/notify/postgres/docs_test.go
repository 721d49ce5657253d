package postgres_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// example is the indented block of the target's page that begins with a word.
func example(t *testing.T, begin string) string {
	t.Helper()
	page, err := os.ReadFile("../../../docs/targets/postgres.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(page), "\n    "+begin)
	block, _, end := strings.Cut(begin+rest, "\n\n")
	if !ok || !end {
		t.Fatalf("the page has no example that begins with %s", begin)
	}
	return block
}

// TestExamplesOfThePage runs the page's statements on a table in MinIO's shape.
func TestExamplesOfThePage(t *testing.T) {
	s := startServer(t)
	d := s.newTable("access")
	d.name, d.values["table"] = "bucketevents", "bucketevents"
	s.psql(t, fmt.Sprintf("CREATE TABLE %s (event_time TIMESTAMPTZ NOT NULL, event_data JSONB)", d.name))
	h := new(history)
	first, second, other := h.put("a"), h.del("a"), h.put("b")
	mustSend(t, d.target(t), second, first, second, other, other)
	want := fmt.Sprintf("bucket|a|%s|s3:ObjectRemoved:Delete\nbucket|b|%s|s3:ObjectCreated:Put\n", second.Sequencer, other.Sequencer)
	if got := s.psql(t, example(t, "SELECT DISTINCT")); got != want {
		t.Errorf("the newest events are\n%s want\n%s", got, want)
	}
	s.psql(t, example(t, "ALTER TABLE"))
	last := h.put("c")
	mustSend(t, d.target(t), last)
	mustSend(t, d.target(t), last)
	if n := len(d.Received(t)); n != 6 {
		t.Errorf("%d rows after an event came twice to a table with ids, want 6", n)
	}
}
