package object

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/sse"
)

// partPage is how many rows of parts a reader holds at a time.
const partPage = 128

// storedPart is a part of an object's content map.
type storedPart struct {
	number int
	*partRecord
}

// readParts returns up to limit parts of m with numbers from number on. A part
// that is not there is an error: content maps and their rows go together.
func readParts(ctx context.Context, r kv.Reader, m *partMap, number, limit int) ([]storedPart, error) {
	var parts []storedPart
	next, more := m.from(number)
	if !more {
		return nil, nil
	}
	rows := kv.Range{Start: partKey(m.BucketID, m.id(), next), End: partsEnd(m.BucketID, m.id())}
	for e, err := range r.Scan(ctx, rows) {
		if err != nil {
			return nil, storeError(err)
		}
		n := partNumber(e.Key)
		if n > next {
			break
		}
		if n < next {
			continue // uploaded, and left out at completion
		}
		rec, err := decodePart(e.Item.Value)
		if err != nil {
			return nil, err
		}
		parts = append(parts, storedPart{n, rec})
		if next, more = m.from(n + 1); !more || len(parts) == limit {
			return parts, nil
		}
	}
	return nil, fmt.Errorf("%w: part %d of upload %v is not there", errStored, next, m.id())
}

// partAt says where the part with the given ordinal, from 1, lies in v.
func partAt(ctx context.Context, r kv.Reader, v *versionRecord, key *sse.ObjectKey, ordinal int) (PartRange, error) {
	m, index := v.Parts, ordinal-1
	var at PartRange
	first := 1
	if m.PartSize > 0 {
		at.Offset = int64(index) * m.PartSize
		if v.Checksum == nil {
			at.Length = min(m.PartSize, v.Size-at.Offset)
			return at, nil
		}
		first, _ = m.nth(index) // the caller looked at Count
		index = 0
	}
	for number := first; ; {
		parts, err := readParts(ctx, r, m, number, min(index+1, partPage))
		if err != nil {
			return at, err
		}
		for _, p := range parts {
			if index == 0 {
				at.Length = p.Size
				at.Checksum, err = p.sum(key, p.number)
				return at, err
			}
			index--
			at.Offset += p.Size
			number = p.number + 1
		}
		if len(parts) == 0 {
			return at, fmt.Errorf("%w: upload %v has no part %d", errStored, m.id(), ordinal)
		}
	}
}

// openParts reads length bytes of v from offset on, part by part. The rows of
// the parts and their bytes outlive v by an hour; while a reader is open, the
// collector leaves them alone however long it takes.
func (s *Service) openParts(ctx context.Context, v *versionRecord, key *sse.ObjectKey, offset, length int64) (io.ReadCloser, error) {
	if offset < 0 || length < 0 || offset+length > v.Size {
		return nil, fmt.Errorf("read %d bytes at %d of %d: %w", length, offset, v.Size, io.ErrUnexpectedEOF)
	}
	r := &partReader{s: s, ctx: ctx, m: v.Parts, key: key, next: 1, skip: offset, left: length}
	if m := v.Parts; m.PartSize > 0 {
		index := int(min(offset/m.PartSize, int64(m.Count-1)))
		r.next, _ = m.nth(index) // an index below Count is there
		r.skip -= int64(index) * m.PartSize
	}
	r.unpin = s.pins.hold(v.Parts.ref())
	if length > 0 {
		// What cannot be read must be known before the answer begins.
		if err := r.advance(); err != nil {
			return nil, errors.Join(err, r.Close())
		}
	}
	return r, nil
}

// partReader reads parts one after the other. Not safe for concurrent use.
type partReader struct {
	s     *Service
	ctx   context.Context // of the Open that made it, as in the readers of blobs
	m     *partMap
	key   *sse.ObjectKey // nil of objects that are not encrypted
	page  []storedPart
	next  int // number from which the next page is read
	skip  int64
	left  int64 // bytes to give, those of body included
	body  io.ReadCloser
	inner int64 // bytes that body has yet to give
	unpin func()
}

// Read implements io.Reader.
func (r *partReader) Read(p []byte) (int, error) {
	for {
		if r.left == 0 {
			return 0, io.EOF
		}
		if r.inner == 0 {
			if err := r.advance(); err != nil {
				return 0, err
			}
		}
		n, err := r.body.Read(p[:min(int64(len(p)), r.inner)])
		r.inner -= int64(n)
		r.left -= int64(n)
		switch {
		case n > 0 || len(p) == 0:
			return n, nil // the same error comes again
		case errors.Is(err, io.EOF):
			return 0, io.ErrUnexpectedEOF
		case err != nil:
			return 0, err
		}
	}
}

// WriteTo implements io.WriterTo: stored bytes go from their own buffer to w.
func (r *partReader) WriteTo(w io.Writer) (written int64, err error) {
	for r.left > 0 {
		if r.inner == 0 {
			if err := r.advance(); err != nil {
				return written, err
			}
		}
		n, err := io.Copy(w, r.body)
		written += n
		r.inner -= n
		r.left -= n
		if err == nil && r.inner != 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// advance opens the next part that has bytes to give.
func (r *partReader) advance() error {
	if err := r.closeBody(); err != nil {
		return err
	}
	for {
		if len(r.page) == 0 {
			var err error
			if r.page, err = readParts(r.ctx, r.s.store, r.m, r.next, partPage); err != nil {
				return err
			}
			if len(r.page) == 0 {
				return fmt.Errorf("%w: upload %v is shorter than its object", errStored, r.m.id())
			}
		}
		part := r.page[0]
		r.page, r.next = r.page[1:], part.number+1
		if part.Size <= r.skip {
			r.skip -= part.Size
			continue
		}
		length := min(part.Size-r.skip, r.left)
		body, err := r.s.openPart(r.ctx, part, r.key, r.skip, length)
		if err != nil {
			return err
		}
		r.body, r.inner, r.skip = body, length, 0
		return nil
	}
}

func (r *partReader) closeBody() error {
	if r.body == nil {
		return nil
	}
	body := r.body
	r.body = nil
	return body.Close()
}

// Close implements io.Closer.
func (r *partReader) Close() error {
	r.unpin()
	return r.closeBody()
}

// pins are the references that open readers of this process are going to open
// more bytes of.
type pins struct {
	mu   sync.Mutex
	held map[string]int
}

// hold keeps ref until release is called; calling that again does nothing.
func (p *pins) hold(ref string) (release func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held == nil {
		p.held = map[string]int{}
	}
	p.held[ref]++
	return sync.OnceFunc(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.held[ref]--; p.held[ref] == 0 {
			delete(p.held, ref)
		}
	})
}

func (p *pins) has(ref string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.held[ref] > 0
}
