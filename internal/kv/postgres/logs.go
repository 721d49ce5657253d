package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/carillon-s3/carillon/internal/kv"
)

var errCorrupt = errors.New("kv/postgres: the stored data is damaged")

const (
	selectBounds  = `SELECT first, sequence, stamp FROM log_head WHERE log = $1`
	selectHeads   = `SELECT log, sequence, stamp FROM log_head`
	selectRecords = `SELECT sequence, stamp, value FROM log_record
WHERE log = $1 AND sequence >= $2 ORDER BY sequence LIMIT $3`
)

// Bounds implements kv.Store.
func (s *Store) Bounds(ctx context.Context, log kv.LogID) (first uint64, head kv.Head, err error) {
	err = s.read(ctx, func(q querier) error {
		first, head = 1, kv.Head{Log: log}
		rows, err := q.Query(ctx, selectBounds, int32(log))
		if err != nil {
			return err
		}
		var f, sequence, stamp int64
		_, err = pgx.ForEachRow(rows, []any{&f, &sequence, &stamp}, func() error {
			first, head.Sequence, head.Stamp = uint64(f), uint64(sequence), uint64(stamp)
			return nil
		})
		return err
	})
	if err != nil {
		return 0, kv.Head{}, err
	}
	return first, head, nil
}

// ReadLog implements kv.Store. Since sequences have no gaps, what the first
// record found says whether the asked one was trimmed.
func (s *Store) ReadLog(ctx context.Context, log kv.LogID, from uint64, most int) ([]kv.LogRecord, error) {
	from = min(max(from, 1), 1<<63-1)
	var records []kv.LogRecord
	err := s.read(ctx, func(q querier) (err error) {
		records, err = readLog(ctx, q, log, from, max(most, 1))
		return err
	})
	if err != nil || most < 1 {
		return nil, err
	}
	return records, nil
}

func readLog(ctx context.Context, q querier, log kv.LogID, from uint64, most int) ([]kv.LogRecord, error) {
	rows, err := q.Query(ctx, selectRecords, int32(log), int64(from), most)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var records []kv.LogRecord
	for rows.Next() {
		var sequence, stamp int64
		r := kv.LogRecord{Position: kv.Position{Log: log}}
		if err := rows.Scan(&sequence, &stamp, &r.Value); err != nil {
			return nil, err
		}
		r.Sequence, r.Stamp = uint64(sequence), uint64(stamp)
		if want := from + uint64(len(records)); r.Sequence != want {
			if len(records) == 0 {
				return nil, fmt.Errorf("%w: asked for %d, kept from %d", kv.ErrTrimmed, from, r.Sequence)
			}
			return nil, fmt.Errorf("%w: log %d has no record %d", errCorrupt, log, want)
		}
		records = append(records, r)
	}
	rows.Close()
	return records, rows.Err()
}

// heads reads the heads of all logs.
func (s *Store) heads(ctx context.Context) ([]kv.Head, error) {
	rows, err := s.readers.Query(ctx, selectHeads)
	if err != nil {
		return nil, err
	}
	var heads []kv.Head
	var log int32
	var sequence, stamp int64
	_, err = pgx.ForEachRow(rows, []any{&log, &sequence, &stamp}, func() error {
		heads = append(heads, kv.Head{Log: kv.LogID(log), Sequence: uint64(sequence), Stamp: uint64(stamp)})
		return nil
	})
	return heads, err
}
