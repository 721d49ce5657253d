package kvtest

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"sync/atomic"

	"github.com/carillon-s3/carillon/internal/crashfs"
	"github.com/carillon-s3/carillon/internal/kv"
)

// check opens the store on what a cut left and compares. With a second cut, the
// power goes again while that store recovers, and the next opening is checked
// too.
func (r *round) check(j job) {
	var second atomic.Pointer[crashfs.FS]
	if j.secondCut > 0 {
		j.disk.OnPoint(func(p crashfs.Point) {
			if p.N == int64(j.secondCut) {
				outcomes := crashfs.Outcomes(j.secondSeed)
				second.Store(j.disk.Crash(outcomes[j.secondSeed%uint64(len(outcomes))]))
			}
		})
	}
	v := r.examine(j, j.disk)
	if again := second.Load(); again != nil {
		for _, w := range r.examine(j, again) {
			v = append(v, fmt.Sprintf("after a second cut at point %d of the recovery: %s", j.secondCut, w))
		}
	}
	r.found(j.where, v)
}

func (r *round) examine(j job, disk *crashfs.FS) []string {
	s, err := r.Open(disk)
	if err != nil {
		return []string{fmt.Sprintf("it cannot be opened: %v", err)}
	}
	x := &examination{round: r, job: j, disk: disk, store: s}
	x.identity()
	for a := range actors {
		x.progress(a)
	}
	for a := range relaxedWriter + 1 {
		x.keys(a)
	}
	x.files()
	x.logs()
	x.goesOn()
	if err := s.Close(); err != nil {
		x.say("it cannot be closed: %v", err)
	}
	return x.violations
}

// examination is one look at a store after a cut.
type examination struct {
	*round
	job
	disk       *crashfs.FS
	store      kv.Store
	recovered  [actors]uint64
	violations []string
}

func (x *examination) say(format string, args ...any) {
	x.violations = append(x.violations, fmt.Sprintf(format, args...))
}

func (x *examination) get(key []byte) kv.Item {
	item, err := x.store.Get(context.Background(), key)
	if err != nil {
		x.say("Get(%q): %v", key, err)
	}
	return item
}

func (x *examination) identity() {
	if x.least.incarnation == 0 {
		return // the cut came before the first opening was done
	}
	if x.store.Epoch() != x.least.epoch {
		x.say("the epoch was %x and is %x", x.least.epoch, x.store.Epoch())
	}
	if x.store.Incarnation() <= x.least.incarnation {
		x.say("incarnation %d follows %d", x.store.Incarnation(), x.least.incarnation)
	}
}

// progress checks that nothing acknowledged or seen is missing, and that nothing
// is there that was not asked for.
func (x *examination) progress(a int) {
	n := progress(x.get(progressKey(a)))
	x.recovered[a] = n
	if n < x.least.acked[a] {
		x.say("actor %d: acknowledged up to %d, there up to %d", a, x.least.acked[a], n)
	}
	if n < x.least.seen[a] {
		x.say("actor %d: seen up to %d, there up to %d", a, x.least.seen[a], n)
	}
	if n > x.most.issued[a] {
		x.say("actor %d: handed over up to %d, there up to %d", a, x.most.issued[a], n)
	}
}

// keys checks that a writer's keys are those of its recovered commits, whole.
func (x *examination) keys(a int) {
	want := map[string]string{}
	for n := uint64(1); n <= x.recovered[a]; n++ {
		for _, w := range plan(x.round.seed, a, n) {
			if w.value == nil {
				delete(want, w.key)
			} else {
				want[w.key] = string(w.value)
			}
		}
	}
	prefix := fmt.Sprintf("w/%d/", a)
	got := 0
	for e, err := range x.store.Scan(context.Background(), kv.Range{Start: []byte(prefix), End: []byte(prefix + "~")}) {
		if err != nil {
			x.say("Scan of actor %d: %v", a, err)
			return
		}
		got++
		if v, ok := want[string(e.Key)]; !ok || v != string(e.Item.Value) {
			x.say("actor %d at %d: %s is not of that commit", a, x.recovered[a], e.Key)
		}
	}
	if got != len(want) {
		x.say("actor %d at %d: %d keys, want %d", a, x.recovered[a], got, len(want))
	}
}

// files checks that every file that a key names is there.
func (x *examination) files() {
	for e, err := range x.store.Scan(context.Background(), kv.Range{Start: []byte("f/"), End: []byte("f0"), KeysOnly: true}) {
		if err != nil {
			x.say("Scan of the files: %v", err)
			return
		}
		n, err := strconv.ParseUint(string(e.Key[2:]), 10, 64)
		if err != nil {
			x.say("a file's key is %q", e.Key)
			continue
		}
		f, err := x.disk.Open(fileName(n))
		if err != nil {
			x.say("bytes of %s are gone: %v", e.Key, err)
			continue
		}
		data, err := io.ReadAll(f)
		if err != nil || string(data) != string(e.Key[2:]) {
			x.say("bytes of %s are %q, %v", e.Key, data, err)
		}
		_ = f.Close() // opened for reading
	}
}

// logs checks the global log against what the keys say.
func (x *examination) logs() {
	first, head, err := x.store.Bounds(context.Background(), globalLog)
	if err != nil {
		x.say("Bounds: %v", err)
		return
	}
	if head.Sequence < x.least.head.Sequence {
		x.say("the log was known up to %d, and ends at %d", x.least.head.Sequence, head.Sequence)
	}
	if want := max(x.recovered[trimmer], 1); first != want {
		x.say("the log begins at %d, trimmed to %d", first, want)
	}
	records, err := x.store.ReadLog(context.Background(), globalLog, first, int(head.Sequence)+1)
	if err != nil {
		x.say("ReadLog: %v", err)
		return
	}
	if want := head.Sequence + 1 - first; head.Sequence > 0 && uint64(len(records)) != want {
		x.say("the log has %d records from %d to %d", len(records), first, head.Sequence)
	}
	x.records(first, records)
}

// records checks the order of the records, and that they are those of the
// recovered commits and of no others.
func (x *examination) records(first uint64, records []kv.LogRecord) {
	var last [actors]uint64
	var lastSequence [actors]uint64
	for i, rec := range records {
		if rec.Sequence != first+uint64(i) {
			x.say("record %d is at %d", rec.Sequence, first+uint64(i))
		}
		if i > 0 && rec.Stamp <= records[i-1].Stamp {
			x.say("stamp %d follows %d", rec.Stamp, records[i-1].Stamp)
		}
		if rec.Sequence == x.least.head.Sequence && rec.Position != x.least.head {
			x.say("record %+v was %+v", rec.Position, x.least.head)
		}
		if string(rec.Value) == afterwards && i == len(records)-1 && x.secondCut > 0 {
			continue // the store had recovered before the second cut
		}
		var a int
		var n uint64
		if _, err := fmt.Sscanf(string(rec.Value), "%d %d", &a, &n); err != nil || a < 0 || a >= actors {
			x.say("record %d holds %q", rec.Sequence, rec.Value)
			continue
		}
		if last[a] != 0 && n != last[a]+1 {
			x.say("actor %d: record of %d follows that of %d", a, n, last[a])
		}
		last[a], lastSequence[a] = n, rec.Sequence
	}
	for a := range actors {
		if last[a] == 0 {
			continue // all of it is trimmed
		}
		if last[a] != x.recovered[a] {
			x.say("actor %d: the last record is of %d, the keys of %d", a, last[a], x.recovered[a])
		}
		if s := sequenceOf(x.get(sequenceKey(a))); s != lastSequence[a] {
			x.say("actor %d: the key says record %d, the log %d", a, s, lastSequence[a])
		}
	}
}

// afterwards is the record that goesOn appends.
const afterwards = "after"

// goesOn checks that the log is continued where it ended.
func (x *examination) goesOn() {
	_, head, err := x.store.Bounds(context.Background(), globalLog)
	if err != nil {
		x.say("Bounds: %v", err)
		return
	}
	var b kv.Batch
	b.Append(globalLog, []byte(afterwards))
	p, err := x.store.Commit(context.Background(), &b)
	if err != nil {
		x.say("it takes no commit: %v", err)
		return
	}
	if p[0].Sequence != head.Sequence+1 || p[0].Stamp <= head.Stamp {
		x.say("position %+v follows %+v", p[0], head)
	}
}
