package journal_test

import (
	"testing"
	"time"

	"github.com/carillon-s3/carillon/internal/journal"
)

func TestExtent(t *testing.T) {
	t.Parallel()
	j, store := open(t)
	if got, err := j.Extent(t.Context()); err != nil || got != (journal.Extent{}) {
		t.Errorf("an empty journal: %+v, %v", got, err)
	}
	begun := time.Now()
	first := add(t, j, store, "a")
	for range 20 {
		add(t, j, store, "b")
		add(t, j, store, "c")
	}
	got, err := j.Extent(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	entries, err := j.Read(t.Context(), first.Partition, first.Sequence, 1)
	if err != nil {
		t.Fatal(err)
	}
	// All records are of nearly one size.
	if want := int64(41 * entries[0].Bytes); got.Records != 41 || got.Bytes < want-41 || got.Bytes > want+41 {
		t.Errorf("extent %+v, want 41 records of about %d bytes", got, want)
	}
	if !got.Oldest.Equal(entries[0].Time()) || got.Oldest.Before(begun) {
		t.Errorf("oldest %s, want %s", got.Oldest, entries[0].Time())
	}
	if _, err := j.Trim(t.Context(), journal.Window{Bytes: 1 << 30}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got, err := j.Extent(t.Context()); err != nil || got.Records != 3 {
		t.Errorf("after a trim that leaves the last of each: %+v, %v", got, err)
	}
}
