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
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// textEncoder writes the key and the place as body.
type textEncoder struct{}

func (textEncoder) Fill(m *target.Message, form target.Body, rec *event.Record, at event.Place) {
	if form == target.Records {
		m.Body = append(m.Body, "records "...)
	}
	m.Body = fmt.Appendf(m.Body, "%s %d-%d", rec.Key, at.Partition, at.Sequence)
}

// fakeSettings are the settings of the fake kind.
type fakeSettings struct {
	config.Queue
	target.Form
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
	busy   map[string]int // events under way, by lane
}

func newBroker(traits target.Traits) *broker {
	return &broker{traits: traits, got: make(map[string][]uint64), busy: make(map[string]int)}
}

func (b *broker) kind() target.Kind {
	return target.New(target.Definition[fakeSettings, *fakeSettings]{
		Name:   "fake",
		Traits: func(*fakeSettings) target.Traits { return b.traits },
		Open: func(s *fakeSettings, _ target.Env) (target.Target, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			if b.open != nil {
				if err := b.open(); err != nil {
					return nil, err
				}
			}
			b.opens++
			return &fakeTarget{b: b, name: s.Name, closed: make(chan struct{})}, nil
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
	name   string
	once   sync.Once
	closed chan struct{}
}

func (t *fakeTarget) Send(ctx context.Context, msgs []target.Message) error {
	b := t.b
	answer := t.begin(msgs)
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
		b.busy[t.lane(m)]--
		bad := err != nil
		if errors.As(err, &failed) {
			bad = failed.Failed[i] != nil
		}
		if !bad {
			var p, seq uint64
			_, _ = fmt.Sscanf(strings.SplitAfterN(m.ID, "-", 2)[1], "%d-%d", &p, &seq)
			b.got[m.Key] = append(b.got[m.Key], seq)
		}
	}
	return err
}

// begin makes sure that the target has no two events of a key under way at once,
// but for those of an ordered batch.
func (t *fakeTarget) begin(msgs []target.Message) func(context.Context, []target.Message) error {
	b := t.b
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sends++
	inBatch := make(map[string]bool)
	for _, m := range msgs {
		lane := t.lane(m)
		if b.busy[lane]++; b.busy[lane] > 1 && !(b.traits.Ordered && inBatch[m.Key]) {
			panic("two events of " + m.Key + " under way")
		}
		inBatch[m.Key] = true
	}
	return b.answer
}

// lane is what has its events in order: a key of a target.
func (t *fakeTarget) lane(m target.Message) string { return laneOf(t.name, m.Key) }

func laneOf(name, key string) string { return name + " " + key }

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

// until lets the bubble's time pass until ok, for a day at most, and returns how
// long that took: to 5 ms or, later on, half a percent.
func until(t *testing.T, what string, ok func() bool) time.Duration {
	t.Helper()
	begun := time.Now()
	for !ok() {
		if time.Since(begun) > 24*time.Hour {
			t.Fatalf("%s: not within a day", what)
		}
		time.Sleep(max(5*time.Millisecond, time.Since(begun)/200))
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
