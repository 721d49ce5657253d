package journal

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestOutboxEntryForms holds the stored forms to what older versions wrote.
func TestOutboxEntryForms(t *testing.T) {
	t.Parallel()
	at := At{5, 9}
	header := []byte{0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 3}
	tests := map[string]struct {
		stored []byte
		want   outboxEntry
	}{
		"in the log": {append([]byte{1}, header...), outboxEntry{at: at, stamp: 7, bytes: 3}},
		"copied":     {append(append([]byte{1}, header...), "rec"...), outboxEntry{at: at, stamp: 7, bytes: 3, record: []byte("rec")}},
		"spooled": {
			append(append([]byte{2}, header...),
				0, 0, 0, 0, 0, 0, 0, 11, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 13, 0, 0, 0, 14),
			outboxEntry{at: at, stamp: 7, bytes: 3, spooled: &spoolPointer{11, SpoolPlace{At: at, Segment: 12, Offset: 13, Bytes: 3, Sum: 14}}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseOutboxEntry(at, tt.stored)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(outboxEntry{}, spoolPointer{})); diff != "" {
				t.Error(diff)
			}
			again := newCopiedEntry(got, got.record)
			if got.spooled != nil {
				again = newSpooledEntry(got, *got.spooled)
			}
			if !bytes.Equal(again, tt.stored) {
				t.Errorf("written again as %x, was %x", again, tt.stored)
			}
		})
	}
	for name, stored := range map[string][]byte{
		"empty": {}, "short": {1, 2, 3}, "newer": append([]byte{3}, header...),
		"spooled and short": append(append([]byte{2}, header...), 1, 2),
	} {
		if got, err := parseOutboxEntry(at, stored); err == nil {
			t.Errorf("%s: read as %+v", name, got)
		}
	}
}
