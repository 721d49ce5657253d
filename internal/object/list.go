package object

import (
	"context"
	"strings"

	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/s3"
)

// List returns one page of a bucket's keys in bytewise order, grouped at the
// delimiter (S3, ListObjects and ListObjectsV2). It is a consistent snapshot.
// ErrNoSuchBucket.
func (s *Service) List(ctx context.Context, in ListInput) (ListPage, error) {
	view, err := s.store.View(ctx)
	if err != nil {
		return ListPage{}, storeError(err)
	}
	defer view.Close()
	b, _, err := s.readBucket(ctx, view, in.Bucket)
	if err != nil {
		return ListPage{}, err
	}
	limit := min(max(in.MaxKeys, 0), s3.MaxListKeys)
	var page ListPage
	if limit == 0 {
		return page, nil
	}
	base := len(inBucket(prefixCurrent, b.ID))
	count, last := 0, ""
	for e, err := range view.Scan(ctx, listRange(b.ID, in)) {
		if err != nil {
			return ListPage{}, storeError(err)
		}
		if count == limit {
			page.Truncated, page.Next = true, last
			break
		}
		count++
		last = string(e.Key[base:])
		if e.Group {
			page.Prefixes = append(page.Prefixes, last)
			continue
		}
		v, err := decodeVersion(e.Item.Value)
		if err != nil {
			return ListPage{}, err
		}
		page.Objects = append(page.Objects, b.info(last, v))
	}
	return page, nil
}

// listRange is the part of the bucket's rows that a page starts from.
func listRange(bucketID uint64, in ListInput) kv.Range {
	prefix := currentKey(bucketID, in.Prefix)
	r := kv.Range{Start: prefix, End: kv.PrefixEnd(prefix), Delimiter: []byte(in.Delimiter), DelimiterFrom: len(prefix)}
	if in.After == "" {
		return r
	}
	next := append(currentKey(bucketID, in.After), 0)
	if group, ok := groupOf(in.After, in.Prefix, in.Delimiter); ok && group == in.After {
		next = kv.PrefixEnd(currentKey(bucketID, group)) // the whole group was listed
	}
	if string(next) > string(r.Start) {
		r.Start = next
	}
	return r
}

// groupOf is the common prefix that key falls into.
func groupOf(key, prefix, delimiter string) (string, bool) {
	rest, ok := strings.CutPrefix(key, prefix)
	if !ok || delimiter == "" {
		return "", false
	}
	i := strings.Index(rest, delimiter)
	if i < 0 {
		return "", false
	}
	return prefix + rest[:i+len(delimiter)], true
}
