package crash

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
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
)

// jitter is how long after the last acknowledgement the strike comes at most:
// the instants within a group of commits are what is looked for.
const jitter = 20 * time.Millisecond

// load is the mix of what writers do.
type load struct {
	name string
	// weights say how often each kind is chosen. Where a kind needs an object and
	// there is none, the writer puts one.
	weights map[kind]int
}

func plainLoad() load {
	return load{name: "puts and deletes", weights: map[kind]int{puts: 4, deletes: 1}}
}

func fullLoad() load {
	return load{name: "all kinds", weights: map[kind]int{puts: 6, deletes: 2, copies: 5, uploads: 3, deletesFew: 1}}
}

// choose picks a kind by its weight.
func (l load) choose(random *rand.Rand) kind {
	total := 0
	for _, weight := range l.weights {
		total += weight
	}
	n := random.IntN(total)
	for _, k := range kinds() {
		if n -= l.weights[k]; n < 0 {
			return k
		}
	}
	return puts
}

// writer owns some keys and writes to one after the other.
type writer struct {
	client *minio.Client
	random *rand.Rand
	load   load
	name   string
	// keys are bucket/key.
	keys []string
	ops  map[string][]op
	n    int
	// unsure is an upload whose completion was not answered, completed the last
	// one whose was.
	unsure, completed *upload
	// wrong are answers that a server must not give.
	wrong []error
}

func newWriter(seed uint64, number int, l load, keys []string) *writer {
	return &writer{
		random: rand.New(rand.NewPCG(seed, uint64(number))), load: l,
		name: fmt.Sprintf("w%02d", number), keys: keys, ops: make(map[string][]op),
	}
}

// newWriters have keys in one bucket.
func newWriters(seed uint64, l load) []*writer {
	all := make([]*writer, writers)
	for i := range all {
		var keys []string
		for k := range keysPerWriter {
			keys = append(keys, fmt.Sprintf("%s/w%02d/k%d", bucket, i, k))
		}
		all[i] = newWriter(seed, i, l, keys)
	}
	return all
}

// historyOf joins what the writers did.
func historyOf(all []*writer) history {
	h := make(history)
	for _, w := range all {
		for key, ops := range w.ops {
			h[key] = ops
		}
	}
	return h
}

// wrongOf joins what was answered wrongly, and forgets it.
func wrongOf(all []*writer) error {
	var errs []error
	for _, w := range all {
		errs = append(errs, w.wrong...)
		w.wrong = nil
	}
	return errors.Join(errs...)
}

func (w *writer) complain(format string, args ...any) {
	w.wrong = append(w.wrong, fmt.Errorf(format, args...))
}

// split takes bucket/key apart.
func split(key string) (bucket, name string) {
	bucket, name, _ = strings.Cut(key, "/")
	return bucket, name
}

// latest returns what a key certainly holds: a delete or copy of it is then
// certainly an event.
func (w *writer) latest(key string) (shows content, there bool) {
	ops := w.ops[key]
	if len(ops) == 0 || !ops[len(ops)-1].acked {
		return content{}, false
	}
	shows = ops[len(ops)-1].shows
	return shows, shows != content{}
}

// present returns the keys of a bucket that certainly hold objects.
func (w *writer) present(bucket string) []string {
	return slices.DeleteFunc(slices.Clone(w.keys), func(key string) bool {
		_, there := w.latest(key)
		b, _ := split(key)
		return b != bucket || !there
	})
}

// step writes once. It returns an error if the outcome is unsure.
func (w *writer) step(ctx context.Context) error {
	if w.unsure != nil {
		return w.completeAgain(ctx)
	}
	key := w.keys[w.random.IntN(len(w.keys))]
	k := w.load.choose(w.random)
	if _, there := w.latest(key); !there && k != uploads {
		k = puts
	}
	w.n++
	r := &request{label: fmt.Sprintf("%s-%d-%s", w.name, w.n, k)}
	switch k {
	case deletes:
		return w.remove(labelled(ctx, r), r, key)
	case deletesFew:
		return w.removeFew(labelled(ctx, r), r, key)
	case copies:
		return w.copy(labelled(ctx, r), r, key)
	case uploads:
		return w.upload(ctx, r, key)
	default:
		return w.put(labelled(ctx, r), r, key)
	}
}

// kindOf reads the kind of an operation from its label.
func kindOf(label string) kind { return kind(label[strings.LastIndexByte(label, '-')+1:]) }

// burst lets all writers write until enough writes were acknowledged, calls
// strike, and returns when every writer has stopped. Its error is of writes that
// failed before the strike: the server's fault.
func burst(ctx context.Context, all []*writer, enough int64, strike func()) error {
	step := func(ctx context.Context, i int) error { return all[i].step(ctx) }
	return errors.Join(harness.Burst(ctx, len(all), enough, step, strike), wrongOf(all))
}
