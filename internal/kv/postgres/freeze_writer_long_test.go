//go:build long

package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/kv/postgres"
)

// childVariable makes the test's program a writer on the server that it names.
const childVariable = "CARILLON_PG_SERVER"

// child runs the program as a writer if it was started as one.
func child() (code int, is bool) {
	url := os.Getenv(childVariable)
	if url == "" {
		return 0, false
	}
	if err := writeUntilEOF(url, os.Getenv("CARILLON_PG_WRITER")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1, true
	}
	return 0, true
}

// writeUntilEOF commits what PUTs of 4 KiB do, as fast as its clients can, until
// standard input ends.
func writeUntilEOF(url, name string) error {
	clients := 24
	if n, err := strconv.Atoi(os.Getenv("CARILLON_PG_CLIENTS")); err == nil {
		clients = n
	}
	ctx := context.Background()
	s, err := postgres.Open(ctx, postgres.Options{URL: url})
	if err != nil {
		return err
	}
	bucket, err := s.Get(ctx, []byte("bucket"))
	if err != nil {
		return err
	}
	if _, err := fmt.Println("open"); err != nil {
		return err
	}
	stop := make(chan struct{})
	start := time.Now()
	var mu sync.Mutex
	var r freezeReport
	var all []time.Duration
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				b := put(bucket, fmt.Sprintf("%s/%03d/%08d", name, c, n), kv.LogID((c*7919+n)%freezeLogs))
				began := time.Now()
				_, err := s.Commit(ctx, b)
				wait := time.Since(began)
				mu.Lock()
				r.note(err, wait, int(time.Since(start)/slot))
				all = append(all, wait)
				mu.Unlock()
			}
		})
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	close(stop)
	wg.Wait()
	r.summary(all)
	return s.Close()
}

func (r *freezeReport) note(err error, wait time.Duration, at int) {
	for len(r.Slots) <= at {
		r.Slots, r.Waits = append(r.Slots, 0), append(r.Waits, 0)
	}
	r.Waits[at] = max(r.Waits[at], wait)
	switch {
	case err == nil:
		r.Commits++
		r.Slots[at]++
	case errors.Is(err, kv.ErrUnsure):
		r.Unsure++
	default:
		r.Refused++
	}
}

// put is the batch of a PUT with one matching rule: the object's row, its bytes,
// the record and an outbox entry; the bucket's record unchanged, the key absent.
func put(bucket kv.Item, key string, log kv.LogID) *kv.Batch {
	var b kv.Batch
	b.Require([]byte("bucket"), bucket)
	b.Require([]byte("c/"+key), kv.Item{ReadAt: 1})
	n := b.Append(log, make([]byte, 400))
	b.Set([]byte("d/"+key), make([]byte, 4096))
	b.Set([]byte("c/"+key), make([]byte, 500), kv.Fill{Append: n, Field: kv.Stamp, Offset: 8})
	b.Set(fmt.Appendf(nil, "q/webhook/%02d/00000000", log), make([]byte, 16),
		kv.Fill{Append: n, Field: kv.Sequence, InKey: true, Offset: len("q/webhook/00/")},
		kv.Fill{Append: n, Field: kv.Stamp, Offset: 8})
	return &b
}
