package notify

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/s2"

	"github.com/carillon-s3/carillon/internal/notify/takeover"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// left is a queue_dir in which a MinIO server left events for 1:fake.
type left struct {
	t      *testing.T
	dir    string
	folder string
	n      int
}

func newLeft(t *testing.T) *left {
	t.Helper()
	l := &left{t: t, dir: t.TempDir()}
	l.folder = filepath.Join(l.dir, "minio-fake-1")
	if err := os.Mkdir(l.folder, 0o700); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *left) write(name, content string) {
	l.t.Helper()
	if err := os.WriteFile(filepath.Join(l.folder, name), []byte(content), 0o600); err != nil {
		l.t.Fatal(err)
	}
}

// event writes the next event of some keys: in one file if there are several.
// The times of files are as good as random.
func (l *left) event(keys ...string) {
	l.t.Helper()
	var lines []string
	for _, key := range keys {
		l.n++
		lines = append(lines, fmt.Sprintf(`{"eventTime":"2026-01-01T00:00:00.000Z","eventName":"s3:ObjectCreated:Put","requestParameters":{},`+
			`"s3":{"bucket":{"name":"b"},"object":{"key":%q,"sequencer":"%016X"}}}`, key, l.n))
	}
	name := fmt.Sprintf("%08x-0000-4000-8000-%012x.event", rand.Uint32(), l.n)
	content := lines[0]
	if len(keys) > 1 {
		name = fmt.Sprintf("%d:%s.snappy", len(keys), name)
		content = string(s2.EncodeSnappy(nil, []byte(strings.Join(lines, "\n"))))
	}
	l.write(name, content)
	at := time.Unix(rand.Int64N(1000), 0)
	if err := os.Chtimes(filepath.Join(l.folder, name), at, at); err != nil {
		l.t.Fatal(err)
	}
}

// files are the names in the folder, or in that of the files kept aside.
func (l *left) files(aside bool) []string {
	l.t.Helper()
	folder := l.folder
	if aside {
		folder = filepath.Join(folder, takeover.AsideFolder)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

func (l *left) configured(b *broker) Configured {
	c := b.configured("1")
	settings := &fakeSettings{Name: "1"}
	settings.Queue.Dir = l.dir
	c.Settings = settings
	return c
}

// arrivals are the messages that a broker acknowledged, in order.
type arrivals struct {
	mu   sync.Mutex
	msgs []target.Message
}

// answering has the broker answer by f for each message; nil acknowledges.
func (a *arrivals) answering(b *broker, f func(m target.Message) error) {
	b.answer = func(_ context.Context, msgs []target.Message) error {
		bad := &target.BatchError{Failed: map[int]error{}}
		a.mu.Lock()
		defer a.mu.Unlock()
		for i, m := range msgs {
			if f != nil {
				if err := f(m); err != nil {
					bad.Failed[i] = err
					continue
				}
			}
			a.msgs = append(a.msgs, m)
		}
		switch {
		case len(bad.Failed) == 0:
			return nil
		case len(msgs) == 1:
			return bad.Failed[0]
		}
		return bad
	}
}

func (a *arrivals) list() []target.Message {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.msgs)
}

func inherited(m target.Message) bool { return strings.HasPrefix(m.ID, "minio-") }

// check wants n inherited events, each once, those of a key in order, and before
// newer ones of it.
func (a *arrivals) check(t *testing.T, n int) {
	t.Helper()
	ids, last, newer := map[string]bool{}, map[string]string{}, map[string]bool{}
	for _, m := range a.list() {
		if !inherited(m) {
			newer[m.Key] = true
			continue
		}
		if newer[m.Key] || m.Sequencer <= last[m.Key] || ids[m.ID] {
			t.Errorf("%s of %s came after %s, a newer one before it: %v, before: %v", m.Sequencer, m.Key, last[m.Key], newer[m.Key], ids[m.ID])
		}
		ids[m.ID], last[m.Key] = true, m.Sequencer
	}
	if len(ids) != n {
		t.Errorf("%d inherited events came, want %d", len(ids), n)
	}
}

func TestInheritedGoFirst(t *testing.T) {
	t.Parallel()
	for name, traits := range traitCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				j, b, l := newMemJournal(), newBroker(traits), newLeft(t)
				for i := range 150 {
					l.event(fmt.Sprintf("k%d", i%20))
				}
				l.event("k1", "k2", "k1", "k3")
				l.event("k1")
				load(j, 100, 20, "1:fake")
				var got arrivals
				got.answering(b, nil)
				var logs logBuffer
				d := start(t, j, &logs, l.configured(b))
				until(t, "all acknowledged", func() bool { return j.left("1:fake") == 0 })
				all := got.list()
				if i := slices.IndexFunc(all, func(m target.Message) bool { return !inherited(m) }); i != 155 {
					t.Errorf("the first newer event came after %d inherited ones, want 155", i)
				}
				if traits.MaxBatch == 1 && !slices.IsSortedFunc(all[:155], func(a, b target.Message) int { return strings.Compare(a.Sequencer, b.Sequencer) }) {
					t.Error("not in order")
				}
				got.check(t, 155)
				if names := l.files(false); len(names) > 0 {
					t.Errorf("files are left: %q", names)
				}
				if s := statusOf(t, d, "1:fake").Inherited; s.Left != 0 || s.Aside != 0 || s.Folder != l.folder {
					t.Errorf("%+v", s)
				}
				if logs.count("are sent first") != 1 || logs.count(`left are sent"`) != 1 {
					t.Errorf("logged: %s", logs.buf.String())
				}
			})
		})
	}
}

// TestInheritedWaitForTheTarget: one that is down holds them, and delays neither
// the start nor another target.
func TestInheritedWaitForTheTarget(t *testing.T) {
	t.Parallel()
	for name, traits := range traitCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				j, b, other, l := newMemJournal(), newBroker(traits), newBroker(traits), newLeft(t)
				for i := range 100 {
					l.event(fmt.Sprintf("k%d", i%7))
				}
				load(j, 50, 7, "1:fake", "2:fake")
				down := true
				var got arrivals
				got.answering(b, func(target.Message) error {
					if down {
						return errDown
					}
					return nil
				})
				d := start(t, j, nil, l.configured(b), other.configured("2"))
				until(t, "the other target", func() bool { return j.left("2:fake") == 0 })
				time.Sleep(time.Hour)
				if s := statusOf(t, d, "1:fake"); s.State != Offline || s.Inherited.Left != 100 || len(l.files(false)) != 100 {
					t.Errorf("after an hour %+v, %d files", s, len(l.files(false)))
				}
				if n := b.count(func(b *broker) int { return b.sends }); n > 400 {
					t.Errorf("%d sends within an hour of trouble", n)
				}
				got.mu.Lock()
				down = false
				got.mu.Unlock()
				until(t, "all acknowledged", func() bool { return j.left("1:fake") == 0 })
				got.check(t, 100)
				if names := l.files(false); len(names) > 0 {
					t.Errorf("files are left: %q", names)
				}
			})
		})
	}
}

// TestInheritedKeyThatFails: it waits on its own, and holds back newer events of
// its key and of no other.
func TestInheritedKeyThatFails(t *testing.T) {
	t.Parallel()
	for name, traits := range traitCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				j, b, l := newMemJournal(), newBroker(traits), newLeft(t)
				for i := range 60 {
					l.event(fmt.Sprintf("k%d", i%6))
				}
				load(j, 60, 6, "1:fake")
				bad := true
				var got arrivals
				got.answering(b, func(m target.Message) error {
					if bad && m.Key == "b/k2" {
						return errDown
					}
					return nil
				})
				d := start(t, j, nil, l.configured(b))
				until(t, "the other keys", func() bool { return j.left("1:fake") == 10 })
				time.Sleep(time.Hour)
				if s := statusOf(t, d, "1:fake").Inherited; s.Left != 10 || j.left("1:fake") != 10 {
					t.Errorf("%+v, %d newer ones", s, j.left("1:fake"))
				}
				got.mu.Lock()
				bad = false
				got.mu.Unlock()
				until(t, "the key", func() bool { return j.left("1:fake") == 0 })
				got.check(t, 60)
			})
		})
	}
}

func TestInheritedThatCannotBeSent(t *testing.T) {
	t.Parallel()
	for name, traits := range traitCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				j, b, l := newMemJournal(), newBroker(traits), newLeft(t)
				for i := range 20 {
					l.event(fmt.Sprintf("k%d", i%5))
				}
				l.event("refused")
				l.event("refused", "k1", "k2") // with others in one file
				l.write("01234567-89ab-4def-8123-456789abcdef.event", "")
				l.write("01234567-89ab-4def-8123-456789abcdee.event", `{"eventVersion":"2.`)
				l.write("notes.txt", "of an operator")
				var got arrivals
				got.answering(b, func(m target.Message) error {
					if m.Key == "b/refused" {
						return target.Permanent(fmt.Errorf("no such thing"))
					}
					return nil
				})
				var logs logBuffer
				d := start(t, j, &logs, l.configured(b))
				load(j, 10, 5, "1:fake")
				until(t, "all acknowledged", func() bool { return j.left("1:fake") == 0 })
				until(t, "nothing left", func() bool { return statusOf(t, d, "1:fake").Inherited.Left == 0 })
				got.check(t, 22)
				if in, aside := l.files(false), l.files(true); len(in) != 0 || len(aside) != 5 {
					t.Errorf("left %q, aside %q", in, aside)
				}
				if s := statusOf(t, d, "1:fake").Inherited; s.Aside != 5 || s.LastError == "" {
					t.Errorf("%+v", s)
				}
				// Those that say nothing are told of first, the refused ones at the end.
				until(t, "the reports", func() bool { return logs.count("kept aside") > 1 })
				if logs.count("files=3") != 1 || logs.count("files=5") != 1 || logs.count(takeover.AsideFolder) != 2 {
					t.Errorf("logged: %s", logs.buf.String())
				}
			})
		})
	}
}

// TestInheritedThatStay: a file that cannot be moved is tried once, and holds up
// nothing.
func TestInheritedThatStay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, b, l := newMemJournal(), newBroker(target.Traits{MaxBatch: 1, Senders: 1}), newLeft(t)
		l.event("k1")
		l.write("torn", "")
		l.write(takeover.AsideFolder, "in the way of the folder")
		load(j, 10, 5, "1:fake")
		var got arrivals
		got.answering(b, nil)
		var logs logBuffer
		d := start(t, j, &logs, l.configured(b))
		until(t, "all acknowledged", func() bool { return j.left("1:fake") == 0 })
		got.check(t, 1)
		if logs.count("stays where it is") != 1 || statusOf(t, d, "1:fake").Inherited.LastError == "" || len(l.files(false)) != 2 {
			t.Errorf("files %q, logged: %s", l.files(false), logs.buf.String())
		}
	})
}

// TestInheritedOfALaterQueueDir: queue_dir is set while the target runs.
func TestInheritedOfALaterQueueDir(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, b, l := newMemJournal(), newBroker(target.Traits{MaxBatch: 1, Senders: 4}), newLeft(t)
		for i := range 20 {
			l.event(fmt.Sprintf("k%d", i%5))
		}
		var got arrivals
		got.answering(b, nil)
		d := start(t, j, nil, b.configured("1"))
		if err := d.Apply(t.Context(), []Configured{l.configured(b)}); err != nil {
			t.Fatal(err)
		}
		load(j, 10, 5, "1:fake")
		until(t, "all acknowledged", func() bool { return j.left("1:fake") == 0 })
		got.check(t, 20)
	})
}

// TestInheritedAndRestarts: whatever moment the server stops, nothing is lost,
// and what comes again has the same id.
func TestInheritedAndRestarts(t *testing.T) {
	t.Parallel()
	for name, traits := range traitCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				j, b, l := newMemJournal(), newBroker(traits), newLeft(t)
				for i := range 100 {
					l.event(fmt.Sprintf("k%d", i%7))
				}
				load(j, 30, 7, "1:fake")
				var got arrivals
				got.answering(b, func(target.Message) error {
					if rand.IntN(10) == 0 {
						return errDown
					}
					return nil
				})
				answer := b.answer
				b.answer = func(ctx context.Context, msgs []target.Message) error {
					if err := pause(ctx, time.Millisecond); err != nil {
						return err
					}
					return answer(ctx, msgs)
				}
				for range 50 {
					if j.left("1:fake") == 0 {
						break
					}
					d := New(Options{Journal: j, Encoder: textEncoder{}})
					if err := d.Apply(t.Context(), []Configured{l.configured(b)}); err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Duration(rand.IntN(3000)) * time.Millisecond)
					stopDispatcher(t, d)
				}
				start(t, j, nil, l.configured(b))
				until(t, "all acknowledged", func() bool { return j.left("1:fake") == 0 })
				got.check(t, 100)
				if names := l.files(false); len(names) > 0 {
					t.Errorf("files are left: %q", names)
				}
			})
		})
	}
}
