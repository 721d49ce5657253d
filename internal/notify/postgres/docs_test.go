package postgres_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// testColumnOfThePage gives a table in MinIO's shape the column that the target's
// page tells of.
func testColumnOfThePage(t *testing.T, s *server) {
	page, err := os.ReadFile("../../../docs/targets/postgres.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(page), "\n    ALTER TABLE bucketevents ")
	change, _, _ := strings.Cut(rest, "\n")
	if !ok {
		t.Fatal("the page has no such statement")
	}
	d := s.newTable("access")
	s.psql(t, fmt.Sprintf("CREATE TABLE %s (event_time TIMESTAMPTZ NOT NULL, event_data JSONB)", d.name))
	h := new(history)
	first := h.put("a")
	mustSend(t, d.target(t), first, first)
	s.psql(t, fmt.Sprintf("ALTER TABLE %s %s", d.name, change))
	second := h.put("b")
	mustSend(t, d.target(t), second)
	mustSend(t, d.target(t), second)
	if n := len(d.Received(t)); n != 3 {
		t.Errorf("%d rows, want 2 without an id and 1 with one", n)
	}
}
