package crash

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/carillon-s3/carillon/test/harness"
)

// The load: as many writers as the measurements of other servers used, and few
// enough keys that most writes replace something.
const (
	writers       = 16
	keysPerWriter = 6
	bucket        = "crash"
	// deleteOneIn of the writes to a key that is there is a delete.
	deleteOneIn = 4
)

// writer owns some keys and writes to one after the other.
type writer struct {
	client *minio.Client
	random *rand.Rand
	keys   []string
	ops    map[string][]op
	n      int
}

func newWriters(seed uint64) []*writer {
	all := make([]*writer, writers)
	for i := range all {
		w := &writer{random: rand.New(rand.NewPCG(seed, uint64(i))), ops: make(map[string][]op)}
		for k := range keysPerWriter {
			w.keys = append(w.keys, fmt.Sprintf("w%02d/k%d", i, k))
		}
		all[i] = w
	}
	return all
}

// historyOf joins what the writers did.
func historyOf(all []*writer) history {
	h := make(history)
	for _, w := range all {
		for key, ops := range w.ops {
			h[bucket+"/"+key] = ops
		}
	}
	return h
}

// step writes once. It returns an error if the outcome is unsure.
func (w *writer) step(ctx context.Context) error {
	key := w.keys[w.random.IntN(len(w.keys))]
	w.n++
	if w.there(key) && w.random.IntN(deleteOneIn) == 0 {
		err := w.client.RemoveObject(ctx, bucket, key, minio.RemoveObjectOptions{})
		w.ops[key] = append(w.ops[key], op{acked: err == nil})
		return err
	}
	b := body(w.random, key, w.n)
	info, err := w.client.PutObject(ctx, bucket, key, bytes.NewReader(b), int64(len(b)), minio.PutObjectOptions{})
	o := op{etag: etagOf(b), size: int64(len(b)), acked: err == nil}
	w.ops[key] = append(w.ops[key], o)
	if err == nil && info.ETag != o.etag {
		return fmt.Errorf("%s: the server answered etag %s for %s", key, info.ETag, o.etag)
	}
	return err
}

// there says that the key certainly holds an object, so that a delete of it is
// certainly an event.
func (w *writer) there(key string) bool {
	ops := w.ops[key]
	return len(ops) > 0 && ops[len(ops)-1].acked && ops[len(ops)-1].etag != ""
}

// burst lets all writers write until enough writes were acknowledged, calls
// strike, and returns when every writer has stopped. Its error is of writes that
// failed before the strike: the server's fault.
func burst(ctx context.Context, all []*writer, enough int64, strike func()) error {
	ctx, cancel := context.WithTimeout(ctx, harness.Patience)
	defer cancel()
	var (
		acked  atomic.Int64
		struck atomic.Bool
		group  sync.WaitGroup
	)
	early := make([]error, len(all))
	reached := make(chan struct{})
	for i, w := range all {
		group.Go(func() {
			for !struck.Load() {
				if err := w.step(ctx); err != nil {
					if !struck.Load() {
						early[i] = fmt.Errorf("a write failed while the server was running: %w", err)
					}
					return
				}
				if acked.Add(1) == enough {
					close(reached)
				}
			}
		})
	}
	stopped := make(chan struct{})
	go func() { group.Wait(); close(stopped) }()
	select {
	case <-reached:
	case <-stopped:
	}
	struck.Store(true)
	strike()
	<-stopped
	return errors.Join(early...)
}

// look reads every key that was written to.
func look(t *testing.T, client *minio.Client, done history) map[string]state {
	t.Helper()
	var (
		mu    sync.Mutex
		group sync.WaitGroup
	)
	now := make(map[string]state, len(done))
	slots := make(chan struct{}, writers)
	for key := range done {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			s := lookAt(t, client, key[len(bucket)+1:])
			mu.Lock()
			defer mu.Unlock()
			now[key] = s
		})
	}
	group.Wait()
	return now
}

func lookAt(t *testing.T, client *minio.Client, key string) state {
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	object, info, _, err := minio.Core{Client: client}.GetObject(ctx, bucket, key, minio.GetObjectOptions{})
	if minio.ToErrorResponse(err).Code == minio.NoSuchKey {
		return state{}
	}
	if err != nil {
		return state{problem: err.Error()}
	}
	defer func() { _ = object.Close() }()
	sum := md5.New()
	n, err := io.Copy(sum, object)
	if err != nil {
		return state{problem: err.Error()}
	}
	s := state{etag: hex.EncodeToString(sum.Sum(nil))}
	if info.ETag != s.etag || info.Size != n {
		s.problem = fmt.Sprintf("(its header says etag %s and %d bytes, %d came)", info.ETag, info.Size, n)
	}
	return s
}

// jitter is how long after the last acknowledgement the strike comes at most:
// the instants within a group of commits are what is looked for.
const jitter = 20 * time.Millisecond
