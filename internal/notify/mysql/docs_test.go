package mysql_test

import (
	"os"
	"strings"
	"testing"
)

// testColumnOfThePage gives a table in MinIO's shape the column that the target's
// page tells of.
func testColumnOfThePage(t *testing.T, s *server) {
	page, err := os.ReadFile("../../../docs/targets/mysql.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(page), "\n    ALTER TABLE minio_images ")
	change, _, _ := strings.Cut(rest, "\n")
	if !ok {
		t.Fatal("the page has no such statement")
	}
	d := s.newTable("access")
	d.named("column_of_the_page")
	s.query(t, "CREATE TABLE column_of_the_page (event_time DATETIME NOT NULL, event_data JSON)")
	h := new(history)
	first := h.put("a")
	mustSend(t, d.target(t), first, first)
	s.query(t, "ALTER TABLE column_of_the_page "+change)
	second := h.put("b")
	mustSend(t, d.target(t), second)
	mustSend(t, d.target(t), second)
	if n := d.count(t); n != 3 {
		t.Errorf("%d rows, want 2 without an id and 1 with one", n)
	}
}
