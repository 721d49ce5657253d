package memory

import (
	"bytes"
	"fmt"
	"time"

	"github.com/carillon-s3/carillon/internal/kv"
)

// appendLog is one log. records[0] has the sequence first.
type appendLog struct {
	first   uint64
	records []kv.LogRecord
}

func (l *appendLog) head(id kv.LogID) kv.Head {
	if l == nil || len(l.records) == 0 {
		return kv.Head{Log: id}
	}
	return l.records[len(l.records)-1].Position
}

func (l *appendLog) append(id kv.LogID, now time.Time, value []byte) kv.Position {
	last := l.head(id)
	p := kv.Position{Log: id, Sequence: last.Sequence + 1, Stamp: kv.NextStamp(now, last.Stamp)}
	l.records = append(l.records, kv.LogRecord{Position: p, Value: bytes.Clone(value)})
	return p
}

// trim forgets the records below before, except the last.
func (l *appendLog) trim(before uint64) {
	if l == nil || len(l.records) == 0 {
		return
	}
	before = min(before, l.first+uint64(len(l.records))-1)
	if before > l.first {
		l.records = l.records[before-l.first:]
		l.first = before
	}
}

func (l *appendLog) read(from uint64, most int) ([]kv.LogRecord, error) {
	from = max(from, 1)
	if l == nil {
		return nil, nil
	}
	if from < l.first {
		return nil, fmt.Errorf("%w: asked for %d, kept from %d", kv.ErrTrimmed, from, l.first)
	}
	skip := from - l.first
	if skip >= uint64(len(l.records)) || most <= 0 {
		return nil, nil
	}
	rest := l.records[skip:]
	return append([]kv.LogRecord(nil), rest[:min(most, len(rest))]...), nil
}
