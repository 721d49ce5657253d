package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// memJournal is an outbox in memory.
type memJournal struct {
	mu       sync.Mutex
	seq      [journal.Partitions]uint64
	outbox   map[string]*[journal.Partitions][]journal.Entry
	parked   map[string][]journal.Parked
	blocked  map[string]map[blockedID]journal.Blocked
	watchers map[int]func([]uint16)
	nextID   int
	fail     error // returned by all calls if set
	// lag is how long an acknowledgement takes to be seen.
	lag time.Duration
}

func newMemJournal() *memJournal {
	return &memJournal{
		outbox:   make(map[string]*[journal.Partitions][]journal.Entry),
		parked:   make(map[string][]journal.Parked),
		blocked:  make(map[string]map[blockedID]journal.Blocked),
		watchers: make(map[int]func([]uint16)),
	}
}

// add records an event of key for consumers.
func (j *memJournal) add(key string, consumers ...string) journal.At {
	j.mu.Lock()
	p := journal.PartitionOf(1, key)
	j.seq[p]++
	e := journal.Entry{
		Place:  event.Place{Epoch: 7, Partition: p, Sequence: j.seq[p], Stamp: uint64(time.Now().UnixNano())},
		Record: &event.Record{Name: event.ObjectCreatedPut, Bucket: "b", BucketID: 1, Key: key},
		Bytes:  200,
	}
	for _, c := range consumers {
		box := j.outbox[c]
		if box == nil {
			box = new([journal.Partitions][]journal.Entry)
			j.outbox[c] = box
		}
		box[p] = append(box[p], e)
	}
	var fns []func([]uint16)
	for _, fn := range j.watchers {
		fns = append(fns, fn)
	}
	j.mu.Unlock()
	for _, fn := range fns {
		fn([]uint16{p})
	}
	return e.At()
}

func (j *memJournal) Pending(_ context.Context, consumer string, p uint16, after uint64, n int) ([]journal.Entry, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.fail != nil {
		return nil, j.fail
	}
	box := j.outbox[consumer]
	if box == nil {
		return nil, nil
	}
	i, _ := slices.BinarySearchFunc(box[p], after+1, func(e journal.Entry, seq uint64) int { return int(e.Sequence) - int(seq) })
	out := slices.Clone(box[p][i:min(i+n, len(box[p]))])
	return out, nil
}

func (j *memJournal) take(consumer string, at journal.At) {
	box := j.outbox[consumer]
	box[at.Partition] = slices.DeleteFunc(box[at.Partition], func(e journal.Entry) bool { return e.Sequence == at.Sequence })
}

func (j *memJournal) Ack(_ context.Context, consumer string, at []journal.At) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.fail != nil {
		return j.fail
	}
	at = slices.Clone(at)
	take := func() {
		for _, a := range at {
			j.take(consumer, a)
		}
	}
	if j.lag == 0 {
		take()
		return nil
	}
	time.AfterFunc(j.lag, func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		take()
	})
	return nil
}

func (j *memJournal) Park(_ context.Context, consumer string, p journal.Parked) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.take(consumer, p.At())
	j.parked[consumer] = append(j.parked[consumer], p)
	return nil
}

func (j *memJournal) CountParked(_ context.Context, consumer string) (int64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return int64(len(j.parked[consumer])), nil
}

func (j *memJournal) Block(_ context.Context, consumer string, k journal.Blocked) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.blocked[consumer] == nil {
		j.blocked[consumer] = make(map[blockedID]journal.Blocked)
	}
	j.blocked[consumer][blockedID{k.BucketID, k.Key}] = k
	return nil
}

func (j *memJournal) Unblock(_ context.Context, consumer string, bucket uint64, key string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.blocked[consumer], blockedID{bucket, key})
	return nil
}

func (j *memJournal) BlockedKeys(_ context.Context, consumer string) ([]journal.Blocked, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []journal.Blocked
	for _, b := range j.blocked[consumer] {
		out = append(out, b)
	}
	return out, nil
}

func (j *memJournal) Backlog(_ context.Context, consumer string) (journal.Backlog, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var b journal.Backlog
	if box := j.outbox[consumer]; box != nil {
		for _, part := range box {
			b.Entries += int64(len(part))
		}
	}
	return b, nil
}

func (j *memJournal) Consumers(context.Context) ([]string, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []string
	for c, box := range j.outbox {
		if slices.ContainsFunc(box[:], func(p []journal.Entry) bool { return len(p) > 0 }) {
			out = append(out, c)
		}
	}
	return out, nil
}

func (j *memJournal) Watch(fn func([]uint16)) func() {
	j.mu.Lock()
	defer j.mu.Unlock()
	id := j.nextID
	j.nextID++
	j.watchers[id] = fn
	return func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		delete(j.watchers, id)
	}
}

func (j *memJournal) parkedOf(consumer string) []journal.Parked {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.parked[consumer])
}

func (j *memJournal) blockedOf(consumer string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.blocked[consumer])
}

func (j *memJournal) left(consumer string) int {
	b, _ := j.Backlog(context.Background(), consumer)
	return int(b.Entries)
}

// fence is a journal seen by one process: once it is dead, nothing that it
// does reaches the journal.
type fence struct {
	Journal
	mu   sync.Mutex
	dead bool
}

var errDead = errors.New("the process is gone")

func (f *fence) kill() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dead = true
}

func (f *fence) Ack(ctx context.Context, consumer string, at []journal.At) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return errDead
	}
	return f.Journal.Ack(ctx, consumer, at)
}

func (f *fence) Park(ctx context.Context, consumer string, p journal.Parked) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return errDead
	}
	return f.Journal.Park(ctx, consumer, p)
}

// textEncoder writes the key and the place as body.
type textEncoder struct{}

func (textEncoder) AppendEnvelope(dst []byte, rec *event.Record, at event.Place) []byte {
	return fmt.Appendf(dst, "%s %d-%d", rec.Key, at.Partition, at.Sequence)
}

func (e textEncoder) AppendRecords(dst []byte, rec *event.Record, at event.Place) []byte {
	return e.AppendEnvelope(append(dst, "records "...), rec, at)
}

// fakeSettings are the settings of the fake kind.
type fakeSettings struct {
	config.Queue
	Name string
}

func (s *fakeSettings) Fields(*config.FieldSet) {}
func (s *fakeSettings) Validate() error         { return nil }

// broker is what fake targets send to. It remembers what it acknowledged.
type broker struct {
	traits target.Traits
	// answer decides on a Send before anything is remembered; nil acknowledges
	// all. A *BatchError has the others remembered.
	answer func(ctx context.Context, msgs []target.Message) error
	check  func(ctx context.Context) error
	open   func() error

	mu     sync.Mutex
	got    map[string][]uint64 // sequences acknowledged, by key
	opens  int
	closes int
	sends  int
	busy   map[string]int // sends under way, by key
}

func newBroker(traits target.Traits) *broker {
	return &broker{traits: traits, got: make(map[string][]uint64), busy: make(map[string]int)}
}

func (b *broker) kind() target.Kind {
	return target.New(target.Definition[fakeSettings, *fakeSettings]{
		Name:   "fake",
		Traits: func(*fakeSettings) target.Traits { return b.traits },
		Open: func(*fakeSettings, target.Env) (target.Target, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			if b.open != nil {
				if err := b.open(); err != nil {
					return nil, err
				}
			}
			b.opens++
			return &fakeTarget{b: b, closed: make(chan struct{})}, nil
		},
	})
}

func (b *broker) configured(name string) Configured {
	return Configured{
		Target: event.TargetID{ID: name, Type: "fake"}, Kind: b.kind(), Settings: &fakeSettings{Name: name},
	}
}

// keys returns what was acknowledged for a key, first acknowledgements only.
func (b *broker) first(key string) []uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []uint64
	for _, seq := range b.got[key] {
		if !slices.Contains(out, seq) {
			out = append(out, seq)
		}
	}
	return out
}

func (b *broker) total() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for key := range b.got {
		seen := make(map[uint64]bool)
		for _, seq := range b.got[key] {
			seen[seq] = true
		}
		n += len(seen)
	}
	return n
}

func (b *broker) set(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

func (b *broker) count(f func(*broker) int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return f(b)
}

type fakeTarget struct {
	b      *broker
	once   sync.Once
	closed chan struct{}
}

func (t *fakeTarget) Send(ctx context.Context, msgs []target.Message) error {
	b := t.b
	b.mu.Lock()
	b.sends++
	inBatch := make(map[string]bool)
	for _, m := range msgs {
		if b.busy[m.Key]++; b.busy[m.Key] > 1 && !(b.traits.Ordered && inBatch[m.Key]) {
			panic("two events of " + m.Key + " under way")
		}
		inBatch[m.Key] = true
	}
	answer := b.answer
	b.mu.Unlock()
	var err error
	if answer != nil {
		err = answer(ctx, msgs)
	}
	select {
	case <-t.closed:
		if err == nil {
			err = errors.New("closed")
		}
	default:
	}
	var failed *target.BatchError
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, m := range msgs {
		b.busy[m.Key]--
		bad := err != nil
		if errors.As(err, &failed) {
			bad = failed.Failed[i] != nil
		}
		if !bad {
			var p, seq uint64
			fmt.Sscanf(strings.SplitAfterN(m.ID, "-", 2)[1], "%d-%d", &p, &seq)
			b.got[m.Key] = append(b.got[m.Key], seq)
		}
	}
	return err
}

func (t *fakeTarget) Check(ctx context.Context) error {
	if t.b.check == nil {
		return nil
	}
	return t.b.check(ctx)
}

func (t *fakeTarget) Close() error {
	t.once.Do(func() {
		close(t.closed)
		t.b.set(func() { t.b.closes++ })
	})
	return nil
}

// logBuffer collects log lines.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func (l *logBuffer) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.buf.String(), text)
}

// start makes a dispatcher with the given targets and closes it with the test.
func start(t *testing.T, j Journal, logs *logBuffer, targets ...Configured) *Dispatcher {
	t.Helper()
	o := Options{Journal: j, Encoder: textEncoder{}}
	if logs != nil {
		o.Logger = logs.logger()
	}
	d := New(o)
	t.Cleanup(func() { stopDispatcher(t, d) })
	if err := d.Apply(t.Context(), targets); err != nil {
		t.Fatal(err)
	}
	return d
}

func stopDispatcher(t *testing.T, d *Dispatcher) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := d.Close(ctx); err != nil {
		t.Errorf("close: %v", err)
	}
}

// until lets the bubble's time pass until ok, for a day at most.
func until(t *testing.T, what string, ok func() bool) time.Duration {
	t.Helper()
	begun := time.Now()
	for !ok() {
		if time.Since(begun) > 24*time.Hour {
			t.Fatalf("%s: not within a day", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return time.Since(begun)
}

// wantOrder checks that every key's first acknowledgements came in order and
// that none is missing.
func wantOrder(t *testing.T, b *broker, want map[string][]uint64) {
	t.Helper()
	for key, seqs := range want {
		if got := b.first("b/" + key); !slices.Equal(got, seqs) {
			t.Errorf("key %q: first acknowledgements %v, want %v", key, got, seqs)
		}
	}
}

// load adds n events over some keys and returns the sequences by key.
func load(j *memJournal, n, keys int, consumers ...string) map[string][]uint64 {
	want := make(map[string][]uint64)
	for i := range n {
		key := fmt.Sprintf("k%d", i%keys)
		want[key] = append(want[key], j.add(key, consumers...).Sequence)
	}
	return want
}
