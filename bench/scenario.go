package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"html"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync/atomic"
)

const (
	bucket        = "bench"
	smallObject   = 4 << 10
	middleObject  = 1 << 20
	largestObject = 10 << 20
	// fillClients put the objects that a scenario reads, lists or deletes.
	fillClients = 64
	// middleKeys and largeKeys are the set read where objects are large: enough
	// to spread, little enough to write in seconds.
	middleKeys = 64
	largeKeys  = 16
	pageSize   = 1000 // S3's largest page
)

// scenario is something to measure.
type scenario struct {
	name, help string
	// run measures one turn of one server.
	run func(ctx context.Context, t *turn) error
	// keep keeps the server's folder from turn to turn: filling it takes long.
	keep bool
	// writes says that bodies are made durable, which the floor that syncs bounds.
	writes bool
	// noFloor marks what the floor can't do.
	noFloor bool
	// targets is how many webhook targets the server gets.
	targets int
	// ours marks what is measured on carillon alone, once a round; it starts its
	// servers itself.
	ours bool
	// table makes the report's rows; the zero value is the common table.
	table func([]visit) [][]string
}

func scenarios() []scenario {
	return []scenario{
		{name: "put4k", help: "PUT 4 KiB, new keys", run: puts(smallObject), writes: true},
		{name: "get4k", help: "GET 4 KiB at random over -keys keys", run: gets(smallObject, 0)},
		{name: "put1m", help: "PUT 1 MiB", run: puts(middleObject), writes: true},
		{name: "get1m", help: "GET 1 MiB", run: gets(middleObject, middleKeys)},
		{name: "put10m", help: "PUT 10 MiB", run: puts(largestObject), writes: true},
		{name: "get10m", help: "GET 10 MiB", run: gets(largestObject, largeKeys)},
		{name: "multipart", help: "uploads of 64 MiB in 8 parts, created, sent and completed", run: uploads, noFloor: true},
		{name: "list", help: "LIST pages of 1000 over -preload keys", run: lists, keep: true, noFloor: true},
		{name: "delete", help: "DELETE of -keys keys", run: deletes},
		{name: "events", help: "PUT 4 KiB with 0, 1 and 10 matching webhook rules", run: events, noFloor: true, targets: mostRules},
		{name: "memory", help: "memory with -undelivered events waiting for a webhook (MiB: less is better)", run: memories, noFloor: true, targets: 1},
		{name: "drain", help: "drain of -backlog events, webhook answering in 0 and 10 ms", run: drains, noFloor: true, targets: 1},
		{name: "targets", help: "drain of -backlog events into each kind of target that -targets names, by its real broker", run: targetRates, noFloor: true, ours: true, table: drainTable},
	}
}

// turn is one server's turn in one round of one scenario.
type turn struct {
	options *options
	server  *process
	// start starts the server on the turn's folder, with env added to its
	// environment. One that ran before must be stopped.
	start func(env []string) (*process, error)
	sink  *sink // where its targets send, if it has any
	fresh bool  // its folder is empty
	// numbered is how many objects were announced so far.
	numbered int
	samples  []sample
}

// measure runs one cell and keeps its row.
func (t *turn) measure(ctx context.Context, cell string, size int, l load) error {
	l.server = t.server
	profiled := t.profile(ctx, cell)
	out, err := l.run(ctx)
	if err := errors.Join(err, profiled()); err != nil {
		return err
	}
	t.samples = append(t.samples, out.sample(cell, size))
	return nil
}

// fill puts n objects, and fails if one fails.
func (t *turn) fill(ctx context.Context, bucket string, size, n int) error {
	l := load{server: t.server, clients: fillClients, worker: t.putter(bucket, size, n)}
	out, err := l.run(ctx)
	if err == nil && out.errors > 0 {
		err = out.lastError
	}
	if err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	return nil
}

// putter puts new keys, limit of them in all (0: no limit).
func (t *turn) putter(bucket string, size, limit int) func(int) step {
	body, hash := t.options.body(size)
	var count atomic.Int64
	return func(int) step {
		return func(c *client) (bool, error) {
			n := int(count.Add(1)) - 1
			if limit > 0 && n >= limit {
				return true, nil
			}
			return false, c.do(&request{method: "PUT", path: keyPath(bucket, size, n), body: body, hash: hash})
		}
	}
}

// body is an object of the size that does not compress, and its signed hash.
func (o *options) body(size int) ([]byte, string) {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b) // never fails
	if o.signed {
		return b, hashOf(b)
	}
	return b, unsignedPayload
}

func puts(size int) func(context.Context, *turn) error {
	return func(ctx context.Context, t *turn) error {
		worker := t.putter(bucket, size, 0) // the keys go on from cell to cell
		for _, n := range t.options.clients {
			l := load{clients: n, warm: t.options.warm, length: t.options.length, worker: worker}
			if err := t.measure(ctx, fmt.Sprintf("PUT %s c%d", sizeName(size), n), size, l); err != nil {
				return err
			}
		}
		return nil
	}
}

// gets reads at random over so many keys, 0: as many as the options say.
func gets(size, keys int) func(context.Context, *turn) error {
	return func(ctx context.Context, t *turn) error {
		keys := cmp.Or(keys, t.options.keys)
		if err := t.fill(ctx, bucket, size, keys); err != nil {
			return err
		}
		empty := hashOf(nil)
		worker := func(id int) step {
			random := rand.New(rand.NewPCG(1, uint64(id)))
			return func(c *client) (bool, error) {
				return false, c.do(&request{method: "GET", path: keyPath(bucket, size, random.IntN(keys)), hash: empty})
			}
		}
		for _, n := range t.options.clients {
			l := load{clients: n, warm: t.options.warm, length: t.options.length, worker: worker}
			if err := t.measure(ctx, fmt.Sprintf("GET %s c%d", sizeName(size), n), size, l); err != nil {
				return err
			}
		}
		return nil
	}
}

func deletes(ctx context.Context, t *turn) error {
	empty := hashOf(nil)
	for _, n := range t.options.clients {
		if err := t.fill(ctx, bucket, smallObject, t.options.keys); err != nil {
			return err
		}
		var count atomic.Int64
		worker := func(int) step {
			return func(c *client) (bool, error) {
				k := int(count.Add(1)) - 1
				if k >= t.options.keys {
					return true, nil
				}
				return false, c.do(&request{method: "DELETE", path: keyPath(bucket, smallObject, k), hash: empty})
			}
		}
		if err := t.measure(ctx, fmt.Sprintf("DELETE 4K c%d", n), 0, load{clients: n, worker: worker}); err != nil {
			return err
		}
	}
	return nil
}

// lists pages through the bucket, every client from its first key to its last
// and again. One operation is one page.
func lists(ctx context.Context, t *turn) error {
	if t.fresh {
		if err := t.fill(ctx, bucket, 0, t.options.preload); err != nil {
			return err
		}
	}
	for _, n := range t.options.clients {
		l := load{clients: n, warm: t.options.warm, length: t.options.length, worker: lister}
		cell := fmt.Sprintf("LIST %d of %d c%d", pageSize, t.options.preload, n)
		if err := t.measure(ctx, cell, 0, l); err != nil {
			return err
		}
	}
	return nil
}

func lister(int) step {
	empty := hashOf(nil)
	token := ""
	return func(c *client) (bool, error) {
		query := fmt.Sprintf("list-type=2&max-keys=%d", pageSize)
		if token != "" {
			query = "continuation-token=" + queryEscape(token) + "&" + query
		}
		err := c.do(&request{method: "GET", path: "/" + bucket, query: query, hash: empty, keep: true})
		token = element(c.answer, "NextContinuationToken") // none in the last page
		return false, err
	}
}

// element is the text of the first element of that name in an answer; empty if
// there is none.
func element(answer []byte, name string) string {
	_, rest, _ := bytes.Cut(answer, []byte("<"+name+">"))
	text, _, found := bytes.Cut(rest, []byte("<"))
	if !found {
		return ""
	}
	return html.UnescapeString(string(text))
}

// queryEscape escapes as the canonical request wants it.
func queryEscape(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}

func sizeName(size int) string {
	if size >= 1<<20 {
		return fmt.Sprintf("%dM", size>>20)
	}
	return fmt.Sprintf("%dK", size>>10)
}
