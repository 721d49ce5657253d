package switching

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/carillon-s3/carillon/test/harness"
)

const (
	// writers is how many clients write at once, each its own keys, so that the
	// order of a key's changes is known.
	writers = 3
	// pace is the time between the changes of one writer: events are to flow all
	// the time, and the machine is not to be busy with writing.
	pace = 10 * time.Millisecond
)

// change is a mutation that was answered: the ETag of what was put, empty for a
// delete.
type change struct{ etag string }

func (c change) String() string {
	if c.etag == "" {
		return "delete"
	}
	return "put " + c.etag
}

// history has the changes of each bucket/key, in order.
type history map[string][]change

func (h history) total() (n int) {
	for _, changes := range h {
		n += len(changes)
	}
	return n
}

// only is the part of it whose keys match.
func (h history) only(match func(key string) bool) history {
	out := maps.Clone(h)
	maps.DeleteFunc(out, func(key string, _ []change) bool { return !match(key) })
	return out
}

// shown is what a mirror of the bucket has: the ETag of each key that is there.
func (h history) shown() map[string]string {
	out := make(map[string]string)
	for key, changes := range h {
		if last := changes[len(changes)-1]; last.etag != "" {
			out[key] = last.etag
		}
	}
	return out
}

// load is a steady stream of puts, overwrites and deletes.
type load struct {
	t      testing.TB
	client *minio.Client
	end    context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	history history
	n       int
}

// begin starts the writers. They end with the test, or by finish.
func begin(t testing.TB, client *minio.Client) *load {
	ctx, end := context.WithCancel(context.Background())
	l := &load{t: t, client: client, end: end, history: make(history)}
	for w := range writers {
		l.wg.Go(func() { l.write(ctx, w) })
	}
	t.Cleanup(func() { l.finish() })
	return l
}

// keys of one writer: in two folders, with two suffixes.
func keysOf(writer int) (keys []string) {
	for _, shape := range []string{"in/a-%d.jpg", "in/b-%d.txt", "out/c-%d.jpg", "out/d-%d.txt", "in/e-%d.jpg"} {
		keys = append(keys, fmt.Sprintf(shape, writer))
	}
	return keys
}

func (l *load) write(ctx context.Context, writer int) {
	keys := keysOf(writer)
	there := make(map[string]bool)
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for i := 0; ctx.Err() == nil; i++ {
		key := keys[i%len(keys)]
		// Each key is put and put again, then deleted: a third of the changes.
		remove := there[key] && (i/len(keys))%3 == 2
		c, err := l.change(key, fmt.Sprintf("%s %d", key, i), remove)
		if err != nil {
			l.t.Errorf("writer %d: %v", writer, err)
			return
		}
		there[key] = !remove
		l.note(bucket+"/"+key, c)
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// change makes one change and waits for its answer, also if the load ends
// meanwhile.
func (l *load) change(key, body string, remove bool) (change, error) {
	ctx, cancel := context.WithTimeout(context.Background(), harness.Patience)
	defer cancel()
	if remove {
		return change{}, l.client.RemoveObject(ctx, bucket, key, minio.RemoveObjectOptions{})
	}
	info, err := l.client.PutObject(ctx, bucket, key, bytes.NewReader([]byte(body)), int64(len(body)), minio.PutObjectOptions{})
	return change{info.ETag}, err
}

func (l *load) note(key string, c change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.history[key] = append(l.history[key], c)
	l.n++
}

func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n
}

// flow waits until n more changes were made, of which as many as there are
// writers may have been under way when it was called.
func (l *load) flow(n int) {
	l.t.Helper()
	until := l.count() + n
	harness.Poll(l.t, "changes of the bucket", func() error {
		if l.t.Failed() {
			l.t.Fatal("the load has ended")
		}
		if got := l.count(); got < until {
			return fmt.Errorf("%d of %d", got, until)
		}
		return nil
	})
}

// soFar is what was done until now.
func (l *load) soFar() history {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make(history, len(l.history))
	for key, changes := range l.history {
		out[key] = slices.Clone(changes)
	}
	return out
}

// finish ends the writers and returns all they did.
func (l *load) finish() history {
	l.end()
	l.wg.Wait()
	return l.soFar()
}
