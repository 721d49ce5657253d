package object

import (
	"slices"
	"testing"
)

// FuzzUploadRows: rows that can be taken apart are what would be written, and no
// stored record panics its reader.
func FuzzUploadRows(f *testing.F) {
	id := newUploadID(7, 9)
	f.Add(openKey(3, "a/b", id))
	f.Add(openKey(3, "nul\x00in it", id))
	f.Add(doneKey(5, 3, id))
	f.Add([]byte(uploadRef(3, id)))
	f.Add([]byte(bucketRef(3)))
	f.Add([]byte{prefixOpen, 0, 1})
	for _, r := range []interface{ encode() ([]byte, error) }{
		&uploadRecord{Key: "k", Done: &completed{ETag: "e", Parts: partMap{Upload: id[:], Ranges: []partRange{{First: 1, Last: 3}}}}},
		&partRecord{Size: 1, MD5: []byte{1}, Blob: "1-1"},
	} {
		stored, err := r.encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(stored)
	}
	f.Fuzz(func(t *testing.T, row []byte) {
		if ref := string(row); len(row) > 0 {
			if b, id, ok := parseUploadRef(ref); ok && uploadRef(b, id) != lower(ref) {
				t.Errorf("%q is read as %q", ref, uploadRef(b, id))
			}
			if b, ok := parseBucketRef(ref); ok && bucketRef(b) != lower(ref) {
				t.Errorf("%q is read as %q", ref, bucketRef(b))
			}
		}
		if key, id, ok := parseOpenKey(row); ok {
			if again, same, ok := parseOpenKey(openKey(1, key, id)); !ok || again != key || same != id {
				t.Errorf("%q is read as %q, %v and then %q, %v", row, key, id, again, same)
			}
		}
		_, _, _ = parseDoneKey(row)
		if r, err := decodeUpload(row); err == nil && r.Done != nil {
			_, _ = r.Done.Parts.from(1)
			_, _ = r.Done.Parts.nth(1)
		}
		_, _ = decodePart(row)
		_, _ = decodeListed(row)
	})
}

// lower is a reference with its hexadecimal digits as we write them.
func lower(ref string) string {
	b := []byte(ref)
	for i, c := range b {
		if 'A' <= c && c <= 'F' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// TestOpenRowsSortAsKeys: rows u sort by key, whatever follows it in the row.
func TestOpenRowsSortAsKeys(t *testing.T) {
	t.Parallel()
	keys := []string{"a", "a\x00", "a\x00\x00", "a\x00\x01", "a\x01", "a!", "ab", "b"}
	if !slices.IsSorted(keys) {
		t.Fatal("the keys are out of order")
	}
	var rows []string
	for _, k := range keys {
		for _, n := range []uint64{0, 1, 1 << 60} {
			rows = append(rows, string(openKey(1, k, newUploadID(n, n))))
		}
	}
	if !slices.IsSorted(rows) {
		t.Errorf("rows are out of order: %q", rows)
	}
}

func TestPartMap(t *testing.T) {
	t.Parallel()
	var m partMap
	numbers := []int{1, 2, 3, 7, 9, 10, 10_000}
	for _, n := range numbers {
		m.add(n)
	}
	if len(m.Ranges) != 4 || m.Count != len(numbers) {
		t.Errorf("%+v", m)
	}
	for i, n := range numbers {
		if got, ok := m.nth(i); got != n || !ok || !m.has(n) {
			t.Errorf("nth(%d) = %d, %v, want %d", i, got, ok, n)
		}
	}
	if n, ok := m.nth(len(numbers)); ok {
		t.Errorf("nth(%d) = %d", len(numbers), n)
	}
	for from, want := range map[int]int{1: 1, 4: 7, 8: 9, 11: 10_000} {
		if got, ok := m.from(from); got != want || !ok || m.has(from) != (from == want) {
			t.Errorf("from(%d) = %d, %v", from, got, ok)
		}
	}
	if n, ok := m.from(10_001); ok {
		t.Errorf("from(10001) = %d", n)
	}
}
