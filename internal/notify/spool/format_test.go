package spool

import (
	"bytes"
	"testing"

	"github.com/carillon-s3/carillon/internal/journal"
)

func TestSegmentNames(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		number uint64
		ok     bool
	}{
		"0000000001.log":           {1, true},
		"9999999999.log":           {9999999999, true},
		"18446744073709551615.log": {1<<64 - 1, true},
		"1.log":                    {},
		"0000000001":               {},
		"0000000001.log.log":       {},
		"-000000001.log":           {},
		"spool":                    {},
		"99999999999999999999.log": {},
	}
	for name, tt := range tests {
		n, ok := parseSegment(name)
		if ok != tt.ok || ok && (n != tt.number || segmentName(n) != name) {
			t.Errorf("%s is segment %d, %v; want %d, %v", name, n, ok, tt.number, tt.ok)
		}
	}
}

// TestRecordIsFoundOnlyInItsPlace: a frame is refused wherever anything that it
// was written with differs, and with any bit changed.
func TestRecordIsFoundOnlyInItsPlace(t *testing.T) {
	t.Parallel()
	const id, segment, offset = 7, 3, 36
	rec := journal.SpoolRecord{At: journal.At{Partition: 5, Sequence: 9}, Record: []byte("a record")}
	frame, sum := appendRecord(nil, id, segment, offset, rec)
	place := journal.SpoolPlace{At: rec.At, Segment: segment, Offset: offset, Bytes: len(rec.Record), Sum: sum}
	if got, ok := parseRecord(frame, id, place); !ok || !bytes.Equal(got, rec.Record) {
		t.Fatalf("came back as %q, %v", got, ok)
	}
	if _, ok := parseRecord(frame, id+1, place); ok {
		t.Error("found in another spool")
	}
	for name, change := range map[string]func(*journal.SpoolPlace){
		"partition": func(p *journal.SpoolPlace) { p.Partition++ },
		"sequence":  func(p *journal.SpoolPlace) { p.Sequence++ },
		"segment":   func(p *journal.SpoolPlace) { p.Segment++ },
		"offset":    func(p *journal.SpoolPlace) { p.Offset++ },
		"size":      func(p *journal.SpoolPlace) { p.Bytes++ },
		"checksum":  func(p *journal.SpoolPlace) { p.Sum++ },
	} {
		other := place
		change(&other)
		if _, ok := parseRecord(frame, id, other); ok {
			t.Errorf("found under another %s", name)
		}
	}
	for bit := range len(frame) * 8 {
		flipped := bytes.Clone(frame)
		flipped[bit/8] ^= 1 << (bit % 8)
		if _, ok := parseRecord(flipped, id, place); ok {
			t.Errorf("bit %d changed and not noticed", bit)
		}
	}
}

func TestIdentityIsReadAsWritten(t *testing.T) {
	t.Parallel()
	want := journal.SpoolIdentity{ID: 1, Epoch: 1<<64 - 1, Consumer: "1:webhook"}
	text := formatIdentity(want)
	if got, ok := parseIdentity(text); !ok || got != want {
		t.Errorf("came back as %+v, %v", got, ok)
	}
	for i := range text {
		changed := []byte(text)
		changed[i] ^= 1
		if got, ok := parseIdentity(string(changed)); ok {
			t.Errorf("byte %d changed and read as %+v", i, got)
		}
		if _, ok := parseIdentity(text[:i]); ok {
			t.Errorf("%d bytes are enough", i)
		}
	}
}

func FuzzIdentity(f *testing.F) {
	f.Add(formatIdentity(journal.SpoolIdentity{ID: 1, Epoch: 2, Consumer: "1:webhook"}))
	f.Add("")
	f.Add("carillon spool 1\nid 1\nepoch 2\ntarget x\nsum 0\n")
	f.Fuzz(func(t *testing.T, text string) {
		if id, ok := parseIdentity(text); ok && formatIdentity(id) != text {
			t.Errorf("%q is read as %+v, which is written otherwise", text, id)
		}
	})
}

// FuzzSegment reads whatever may stand in a segment.
func FuzzSegment(f *testing.F) {
	rec := journal.SpoolRecord{At: journal.At{Partition: 5, Sequence: 9}, Record: []byte("a record")}
	frame, sum := appendRecord(appendHeader(nil, 1, 2), 1, 2, segmentHeader, rec)
	f.Add(frame, uint16(5), uint64(9), 8, sum)
	f.Add([]byte{}, uint16(0), uint64(0), 0, uint32(0))
	f.Fuzz(func(t *testing.T, data []byte, partition uint16, sequence uint64, size int, sum uint32) {
		header := data[:min(len(data), segmentHeader)]
		if err := checkHeader(header, 1, 2); err != nil {
			return
		}
		p := journal.SpoolPlace{
			At: journal.At{Partition: partition, Sequence: sequence}, Segment: 2, Offset: segmentHeader, Bytes: size, Sum: sum,
		}
		if record, ok := parseRecord(data[segmentHeader:], 1, p); ok && len(record) != size {
			t.Errorf("%d bytes are read as %d", size, len(record))
		}
	})
}
