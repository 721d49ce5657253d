package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/carillon-s3/carillon/internal/journal"
)

// folder is a journal.SpoolFolder.
type folder struct {
	*Folders
	dir string
	id  uint64
	// current is the segment that is written to; nil: the next begins one. last
	// is the highest number given.
	current *segment
	last    uint64
}

// segment is an open segment.
type segment struct {
	number uint64
	file   vfs.File
	size   int64
}

func (f *folder) path(number uint64) string { return f.fs.PathJoin(f.dir, segmentName(number)) }

// Segments implements journal.SpoolFolder.
func (f *folder) Segments() (map[uint64]int64, error) {
	names, err := f.fs.List(f.dir)
	if err != nil {
		return nil, fmt.Errorf("list a spool: %w", err)
	}
	sizes := make(map[uint64]int64)
	for _, name := range names {
		n, ok := parseSegment(name)
		if !ok {
			continue
		}
		info, err := f.fs.Stat(f.fs.PathJoin(f.dir, name))
		if err != nil {
			return nil, fmt.Errorf("list a spool: %w", err)
		}
		sizes[n] = info.Size()
	}
	return sizes, nil
}

// Append implements journal.SpoolFolder.
func (f *folder) Append(records []journal.SpoolRecord, least uint64) ([]journal.SpoolPlace, int64, error) {
	if f.current != nil && f.current.size >= f.segmentBytes {
		f.Seal()
	}
	begin := f.current == nil
	if begin {
		if err := f.begin(least); err != nil {
			return nil, 0, fmt.Errorf("begin a segment of a spool: %w", err)
		}
	}
	s := f.current
	places, err := f.write(s, records)
	if err == nil && begin {
		err = f.syncDir(f.dir)
	}
	if err == nil {
		return places, s.size, nil
	}
	f.Seal()
	if begin {
		// Nothing points to it. If it stays, the next start removes it.
		_ = f.fs.Remove(f.path(s.number))
	}
	return nil, 0, fmt.Errorf("write a spool: %w", err)
}

// begin makes a segment with a number that none had.
func (f *folder) begin(least uint64) error {
	sizes, err := f.Segments()
	if err != nil {
		return err
	}
	f.last = max(f.last, least)
	for n := range sizes {
		f.last = max(f.last, n)
	}
	f.last++
	file, err := f.fs.Create(f.path(f.last), writeCategory)
	if err != nil {
		return err
	}
	f.current = &segment{number: f.last, file: file}
	return nil
}

// write writes records with one call and syncs the file.
func (f *folder) write(s *segment, records []journal.SpoolRecord) ([]journal.SpoolPlace, error) {
	var buffer []byte
	if s.size == 0 {
		buffer = appendHeader(buffer, f.id, s.number)
	}
	places := make([]journal.SpoolPlace, len(records))
	for i, r := range records {
		offset := s.size + int64(len(buffer))
		var sum uint32
		buffer, sum = appendRecord(buffer, f.id, s.number, offset, r)
		places[i] = journal.SpoolPlace{At: r.At, Segment: s.number, Offset: offset, Bytes: len(r.Record), Sum: sum}
	}
	if _, err := s.file.Write(buffer); err != nil {
		return nil, err
	}
	if err := s.file.Sync(); err != nil {
		return nil, err
	}
	s.size += int64(len(buffer))
	return places, nil
}

// Seal implements journal.SpoolFolder.
func (f *folder) Seal() {
	if f.current != nil {
		_ = f.current.file.Close() // all that counts was synced
		f.current = nil
	}
}

// Read implements journal.SpoolFolder.
func (f *folder) Read(places []journal.SpoolPlace) []journal.SpoolRead {
	reads := make([]journal.SpoolRead, len(places))
	for start := 0; start < len(places); {
		end := start + 1
		for end < len(places) && places[end].Segment == places[start].Segment {
			end++
		}
		f.readSegment(places[start:end], reads[start:end])
		start = end
	}
	return reads
}

// readSegment reads records of one segment.
func (f *folder) readSegment(places []journal.SpoolPlace, reads []journal.SpoolRead) {
	number := places[0].Segment
	file, err := f.openSegment(number)
	if err != nil {
		for i := range reads {
			reads[i].Err = err
		}
		return
	}
	defer func() { _ = file.Close() }() // it was only read
	for i, p := range places {
		reads[i].Record, reads[i].Err = f.readRecord(file, p)
	}
}

// openSegment opens a segment and checks that it is one of this spool.
func (f *folder) openSegment(number uint64) (vfs.File, error) {
	file, err := f.fs.Open(f.path(number))
	if gone(err) {
		return nil, &journal.SpoolLoss{Reason: "a segment is missing", Err: errors.New(segmentName(number))}
	}
	if err != nil {
		return nil, err
	}
	header := make([]byte, segmentHeader)
	err = readAt(file, header, 0)
	if err == nil {
		err = checkHeader(header, f.id, number)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

func (f *folder) readRecord(file vfs.File, p journal.SpoolPlace) ([]byte, error) {
	frame := make([]byte, frameBytes(p.Bytes))
	if err := readAt(file, frame, p.Offset); err != nil {
		return nil, err
	}
	record, ok := parseRecord(frame, f.id, p)
	if !ok {
		return nil, &journal.SpoolLoss{
			Reason: "a record is damaged",
			Err:    fmt.Errorf("%s, offset %d", segmentName(p.Segment), p.Offset),
		}
	}
	return record, nil
}

// readAt fills b. A file that ends before is a loss.
func readAt(file vfs.File, b []byte, offset int64) error {
	n, err := file.ReadAt(b, offset)
	if n == len(b) {
		return nil
	}
	if errors.Is(err, io.EOF) || err == nil {
		return &journal.SpoolLoss{Reason: "a segment is shorter than it was"}
	}
	return err
}

// Drop implements journal.SpoolFolder.
func (f *folder) Drop(number uint64) error {
	if f.current != nil && f.current.number == number {
		f.Seal()
	}
	if err := f.fs.Remove(f.path(number)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Remove implements journal.SpoolFolder. Segments that are gone stay gone, since
// their removal is synced with that of the identity.
func (f *folder) Remove() error {
	f.Seal()
	for _, name := range []string{identityTemp, identityName} {
		if err := f.fs.Remove(f.fs.PathJoin(f.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := f.syncDir(f.dir); err != nil {
		return err
	}
	if err := f.fs.Remove(f.dir); err != nil {
		return err
	}
	return f.syncDir(f.fs.PathDir(f.dir))
}
