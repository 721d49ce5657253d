package mysql_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// example is the indented block of the target's page that begins with a word.
func example(t *testing.T, begin string) string {
	t.Helper()
	page, err := os.ReadFile("../../../docs/targets/mysql.md")
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
	eachServer(t, func(t *testing.T, s *server) {
		d := s.newTable("access")
		d.named("minio_images")
		s.query(t, "CREATE TABLE minio_images (event_time DATETIME NOT NULL, event_data JSON)")
		h := new(history)
		first, second, other := h.put("a"), h.del("a"), h.put("b")
		mustSend(t, d.target(t), second, first, second, other, other)
		want := fmt.Sprintf("bucket\ta\t%s\nbucket\tb\t%s\n", second.Sequencer, other.Sequencer)
		if got := s.query(t, example(t, "SELECT JSON")); got != want {
			t.Errorf("the newest events are\n%s want\n%s", got, want)
		}
		s.query(t, example(t, "ALTER TABLE"))
		last := h.put("c")
		mustSend(t, d.target(t), last)
		mustSend(t, d.target(t), last)
		if n := d.count(t); n != 6 {
			t.Errorf("%d rows after an event came twice to a table with ids, want 6", n)
		}
	})
}
