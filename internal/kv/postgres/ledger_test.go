package postgres_test

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"testing"

	"github.com/carillon-s3/carillon/internal/kv"
)

// ledger notes what commits were answered, and holds a store against it.
type ledger struct {
	mu      sync.Mutex
	entries []ledgerEntry
	sure    int
}

type ledgerEntry struct {
	key       string
	logs      []kv.LogID
	positions []kv.Position
	unsure    bool
}

// commit sets key to the sequences and stamps of records that it appends, one to
// each of logs, and notes what became of it.
func (l *ledger) commit(t testing.TB, s kv.Store, key string, logs ...kv.LogID) {
	var b kv.Batch
	var fills []kv.Fill
	for i, log := range logs {
		n := b.Append(log, []byte(key))
		fills = append(fills,
			kv.Fill{Append: n, Field: kv.Sequence, Offset: 16 * i},
			kv.Fill{Append: n, Field: kv.Stamp, Offset: 16*i + 8})
	}
	b.Set([]byte(key), make([]byte, 16*len(logs)), fills...)
	p, err := s.Commit(context.Background(), &b)
	unsure := errors.Is(err, kv.ErrUnsure)
	if err != nil && !unsure && !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("Commit: %v", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.sure++
	}
	l.entries = append(l.entries, ledgerEntry{key, logs, p, unsure})
}

// verify wants everything acknowledged to be there, everything refused not to
// be, each unsure commit to be there wholly or not at all, and the logs to have
// neither gaps nor stamps that fall.
func (l *ledger) verify(t testing.TB, s kv.Store) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	records := map[kv.LogID][]kv.LogRecord{}
	for _, e := range l.entries {
		for _, log := range e.logs {
			if records[log] == nil {
				records[log] = wholeLog(t, s, log)
			}
		}
	}
	found := 0
	for _, e := range l.entries {
		item, err := s.Get(context.Background(), []byte(e.key))
		if err != nil {
			t.Fatal(err)
		}
		acknowledged := e.positions != nil
		if item.Exists() != acknowledged && !e.unsure {
			t.Errorf("%s: acknowledged %t, there %t", e.key, acknowledged, item.Exists())
		}
		if !item.Exists() {
			continue
		}
		for i, log := range e.logs {
			found++
			p := kv.Position{
				Log:      log,
				Sequence: binary.BigEndian.Uint64(item.Value[16*i:]),
				Stamp:    binary.BigEndian.Uint64(item.Value[16*i+8:]),
			}
			if acknowledged && e.positions[i] != p {
				t.Errorf("%s: it holds %+v, its commit gave %+v", e.key, p, e.positions[i])
			}
			if p.Sequence < 1 || p.Sequence > uint64(len(records[log])) {
				t.Errorf("%s: no record %+v", e.key, p)
			} else if r := records[log][p.Sequence-1]; r.Position != p || string(r.Value) != e.key {
				t.Errorf("%s: it holds %+v, there the log has %+v of %s", e.key, p, r.Position, r.Value)
			}
		}
	}
	all := 0
	for _, r := range records {
		all += len(r)
	}
	if all != found {
		t.Errorf("the logs have %d records, %d of them with their entries", all, found)
	}
}

// wholeLog reads a log, and wants it to be without gaps.
func wholeLog(t testing.TB, s kv.Store, log kv.LogID) []kv.LogRecord {
	t.Helper()
	records := []kv.LogRecord{}
	for {
		next, err := s.ReadLog(context.Background(), log, uint64(len(records))+1, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(next) == 0 {
			return records
		}
		for _, r := range next {
			last := kv.Position{Log: log}
			if n := len(records); n > 0 {
				last = records[n-1].Position
			}
			if r.Sequence != last.Sequence+1 || r.Stamp <= last.Stamp {
				t.Fatalf("%+v follows %+v", r.Position, last)
			}
			records = append(records, r)
		}
	}
}
