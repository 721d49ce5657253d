package config

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/carillon-s3/carillon/internal/kv"
)

// maxHistory is how many texts are remembered; older ones go.
const maxHistory = 100

// historyContext is the seal context of a remembered text, which may hold
// secrets.
const historyContext = "history"

// HistoryEntry is a text that was set.
type HistoryEntry struct {
	ID   string
	Time time.Time
	// Text holds secrets as they were typed.
	Text string
}

// historyRecord is the stored form; the key holds the time.
type historyRecord struct {
	ID string `cbor:"1,keyasint"`
	// Text is sealed if Sealed is set.
	Text   []byte `cbor:"2,keyasint"`
	Sealed bool   `cbor:"3,keyasint,omitempty"`
}

// remember adds text to the history and lets the oldest go, in batch.
func (s *Store) remember(ctx context.Context, batch *kv.Batch, text string) error {
	if text == "" {
		return nil
	}
	id, err := uuid.NewRandom()
	if err != nil {
		return err
	}
	record := historyRecord{ID: id.String(), Text: []byte(text)}
	if s.opts.Sealer != nil {
		record.Sealed = true
		if record.Text, err = s.opts.Sealer.Seal(historyContext, record.Text); err != nil {
			return fmt.Errorf("seal the history: %w", err)
		}
	}
	value, err := encodeRecord(formatHistory, record)
	if err != nil {
		return err
	}
	keys, err := s.historyKeys(ctx)
	if err != nil {
		return err
	}
	key := historyKey(s.opts.Now())
	if n := len(keys); n > 0 && bytes.Compare(key, keys[n-1]) <= 0 {
		key = historyKey(historyTime(keys[n-1]).Add(1)) // the clock stepped back
	}
	batch.Set(key, value)
	for len(keys) >= maxHistory {
		batch.Delete(keys[0])
		keys = keys[1:]
	}
	return nil
}

func historyKey(at time.Time) []byte {
	return binary.BigEndian.AppendUint64([]byte(prefixHistory), uint64(at.UnixNano()))
}

func historyTime(key []byte) time.Time {
	stamp := key[len(prefixHistory):]
	if len(stamp) != 8 {
		return time.Time{}
	}
	return time.Unix(0, int64(binary.BigEndian.Uint64(stamp))).UTC()
}

func (s *Store) historyRange() kv.Range {
	from := []byte(prefixHistory)
	return kv.Range{Start: from, End: kv.PrefixEnd(from)}
}

func (s *Store) historyKeys(ctx context.Context) ([][]byte, error) {
	r := s.historyRange()
	r.KeysOnly = true
	var keys [][]byte
	for entry, err := range s.opts.KV.Scan(ctx, r) {
		if err != nil {
			return nil, fmt.Errorf("read the history of settings: %w", err)
		}
		keys = append(keys, entry.Key)
	}
	return keys, nil
}

// History returns the last count texts that were set, oldest first; all of them
// if count is 0. Texts that cannot be opened with this server's key are empty.
func (s *Store) History(ctx context.Context, count int) ([]HistoryEntry, error) {
	r := s.historyRange()
	r.Reverse = true
	var list []HistoryEntry
	for entry, err := range s.opts.KV.Scan(ctx, r) {
		if err != nil {
			return nil, fmt.Errorf("read the history of settings: %w", err)
		}
		h, err := s.decodeHistory(entry)
		if err != nil {
			return nil, fmt.Errorf("read the history of settings: %w", err)
		}
		list = append(list, h)
		if len(list) == count {
			break
		}
	}
	slices.Reverse(list)
	return list, nil
}

func (s *Store) decodeHistory(entry kv.Entry) (HistoryEntry, error) {
	var record historyRecord
	if err := decodeRecord(formatHistory, entry.Item.Value, &record); err != nil {
		return HistoryEntry{}, err
	}
	h := HistoryEntry{ID: record.ID, Time: historyTime(entry.Key), Text: string(record.Text)}
	if record.Sealed {
		h.Text = ""
		if s.opts.Sealer != nil {
			if plain, err := s.opts.Sealer.Open(historyContext, record.Text); err == nil {
				h.Text = string(plain)
			}
		}
	}
	return h, nil
}

// Restore sets a text of the history again. An unknown id is NotFound.
func (s *Store) Restore(ctx context.Context, id string) (changed []Instance, err error) {
	list, err := s.History(ctx, 0)
	if err != nil {
		return nil, err
	}
	for _, h := range list {
		if h.ID == id && h.Text != "" {
			return s.setLines(ctx, h.Text, h.Text, true)
		}
	}
	return nil, noSuchHistory(id)
}

// ClearHistory forgets one text of the history, or all of them if id is "all".
func (s *Store) ClearHistory(ctx context.Context, id string) error {
	batch := &kv.Batch{}
	for entry, err := range s.opts.KV.Scan(ctx, s.historyRange()) {
		if err != nil {
			return fmt.Errorf("read the history of settings: %w", err)
		}
		h, err := s.decodeHistory(entry)
		if id == "all" || err == nil && h.ID == id {
			batch.Delete(entry.Key)
		}
	}
	if batch.Empty() {
		if id == "all" {
			return nil
		}
		return noSuchHistory(id)
	}
	_, err := s.opts.KV.Commit(ctx, batch)
	return err
}

func noSuchHistory(id string) error {
	return &Error{Code: NotFound, Problems: []error{errors.New("there is no " + clip(id) + " in the history")}}
}
