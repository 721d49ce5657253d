package postgres

import (
	"bytes"
	"context"
	"iter"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/carillon-s3/carillon/internal/kv"
)

const (
	// firstPage and lastPage are how many entries a scan asks for at once, at
	// first and at most: many scans end early, and values may be large.
	firstPage = 32
	lastPage  = 512
)

// Scan implements kv.Reader. It reads in pages, so that the View can be used for
// other reads while a scan goes on.
func (v *view) Scan(ctx context.Context, r kv.Range) iter.Seq2[kv.Entry, error] {
	return func(yield func(kv.Entry, error) bool) {
		if r.End != nil && bytes.Compare(r.Start, r.End) >= 0 {
			return
		}
		s := scanner{view: v, r: r, from: append([]byte{}, r.Start...), to: r.End, size: firstPage}
		for !s.ended {
			page, err := s.page(ctx)
			if err != nil {
				yield(kv.Entry{}, v.store.readError(ctx, err))
				return
			}
			for _, e := range page {
				if err := v.usable(ctx); err != nil {
					yield(kv.Entry{}, err)
					return
				}
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}

// scanner walks the keys from from, included, to to, excluded, and narrows them
// by what it has read.
type scanner struct {
	view     *view
	r        kv.Range
	from, to []byte // to nil: to the end of the map
	size     int
	ended    bool
}

func (s *scanner) page(ctx context.Context) ([]kv.Entry, error) {
	if err := s.view.usable(ctx); err != nil {
		return nil, err
	}
	sql, args := s.query()
	rows, err := s.view.conn.Query(ctx, sql, args)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var page []kv.Entry
	n := 0
	for ; rows.Next(); n++ {
		var key, value []byte
		var revision int64
		if err := rows.Scan(&key, &value, &revision); err != nil {
			return nil, err
		}
		if s.ended || s.passed(key) {
			continue // of a group that this page has already met
		}
		e := kv.Entry{Key: key, Item: kv.Item{Value: value, Revision: uint64(revision), ReadAt: s.view.version}}
		if g := s.groupBytes(key); g > 0 {
			e = kv.Entry{Key: key[:g:g], Group: true}
		}
		s.advance(e)
		page = append(page, e)
	}
	rows.Close()
	s.ended = s.ended || n < s.size
	s.size = min(s.size*4, lastPage)
	return page, rows.Err()
}

// passed reports whether key is outside of what is left to read.
func (s *scanner) passed(key []byte) bool {
	return bytes.Compare(key, s.from) < 0 || s.to != nil && bytes.Compare(key, s.to) >= 0
}

// advance leaves what comes after e.
func (s *scanner) advance(e kv.Entry) {
	switch {
	case s.r.Reverse:
		s.to = e.Key // of a group: its prefix, which all its keys follow
	case e.Group:
		if s.from = kv.PrefixEnd(e.Key); s.from == nil {
			s.ended = true
		}
	default:
		s.from = append(bytes.Clone(e.Key), 0)
	}
}

// groupBytes is the length of the prefix that makes key a member of a group, 0
// if it is in none.
func (s *scanner) groupBytes(key []byte) int {
	if len(s.r.Delimiter) == 0 || len(key) < s.r.DelimiterFrom {
		return 0
	}
	i := bytes.Index(key[s.r.DelimiterFrom:], s.r.Delimiter)
	if i < 0 {
		return 0
	}
	return s.r.DelimiterFrom + i + len(s.r.Delimiter)
}

// query asks for the next page. With a delimiter, the server walks from group to
// group, one descent into the index for each: however many keys a group has,
// only one of them is read.
func (s *scanner) query() (sql string, args pgx.NamedArgs) {
	afterDelimiter := kv.PrefixEnd(s.r.Delimiter)
	args = pgx.NamedArgs{
		"from": s.from, "to": s.to, "size": s.size,
		"delimiter": s.r.Delimiter, "after": afterDelimiter, "skip": s.r.DelimiterFrom,
	}
	value, to, order, next := "value", "", "key", nextForward
	if s.r.KeysOnly {
		value = "NULL::bytea AS value"
	}
	if s.to != nil {
		to = "AND key < @to"
	}
	if s.r.Reverse {
		order, next = "key DESC", nextReverse
	}
	sql = selectGroups
	// What follows a group is its prefix with another delimiter, unless that is
	// all 0xff: then every key is read.
	if len(s.r.Delimiter) == 0 || afterDelimiter == nil && !s.r.Reverse {
		sql = selectPage
	}
	return strings.NewReplacer("{value}", value, "{to}", to, "{order}", order, "{next}", next).Replace(sql), args
}

const (
	selectPage = `SELECT key, {value}, revision FROM entry WHERE key >= @from {to} ORDER BY {order} LIMIT @size`

	selectGroups = `
WITH RECURSIVE walk AS (
	(SELECT key, {value}, revision FROM entry WHERE key >= @from {to} ORDER BY {order} LIMIT 1)
	UNION ALL
	SELECT n.key, n.value, n.revision FROM walk AS w
		CROSS JOIN LATERAL (SELECT position(@delimiter::bytea IN substring(w.key FROM @skip::int + 1)) AS at) AS d
		CROSS JOIN LATERAL (
			SELECT key, {value}, revision FROM entry
			WHERE key >= @from {to} AND {next} ORDER BY {order} LIMIT 1
		) AS n
)
SELECT key, value, revision FROM walk LIMIT @size`

	nextForward = `key >= CASE WHEN d.at > 0
				THEN substring(w.key FROM 1 FOR @skip + d.at - 1) || @after::bytea
				ELSE w.key || '\x00'::bytea END`
	nextReverse = `key < CASE WHEN d.at > 0
				THEN substring(w.key FROM 1 FOR @skip + d.at - 1) || @delimiter
				ELSE w.key END`
)
