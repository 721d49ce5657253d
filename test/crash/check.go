package crash

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// state is what GET shows of a key: the MD5 of the bytes read, or absent.
type state struct {
	etag string
	// problem says that the object is there but could not be read as promised.
	problem string
}

// report is the outcome of a run. All but acknowledged, events and duplicates
// must be 0.
type report struct {
	acknowledged int
	// events are distinct ones.
	events     int
	lostEvents int
	// lostObjects counts keys that do not show the last acknowledged or a later
	// unsure write.
	lostObjects int
	// orderViolations counts first deliveries that came after one of a later
	// mutation of the key, and sequencers that disagree with the order of writes.
	orderViolations int
	// phantoms counts events of what was never done.
	phantoms int
	// disagreements counts keys whose last event says another state than GET,
	// and ids that two mutations share or that one mutation has two of.
	disagreements int
	duplicates    int

	details []string
}

// maxDetails is how many faults are told in words.
const maxDetails = 20

func (r *report) detail(format string, args ...any) {
	if len(r.details) < maxDetails {
		r.details = append(r.details, fmt.Sprintf(format, args...))
	}
}

// faults is how much is wrong.
func (r *report) faults() int {
	return r.lostEvents + r.lostObjects + r.orderViolations + r.phantoms + r.disagreements
}

func (r *report) String() string {
	return fmt.Sprintf("acknowledged %d, events %d, lost events %d, lost objects %d, order violations %d, "+
		"phantoms %d, disagreements %d, duplicates %d",
		r.acknowledged, r.events, r.lostEvents, r.lostObjects, r.orderViolations,
		r.phantoms, r.disagreements, r.duplicates)
}

// check compares what was done with what arrived and with what is there.
func check(done history, arrived []seen, now map[string]state) *report {
	r := &report{acknowledged: done.acknowledged()}
	first := r.distinct(arrived)
	r.events = len(first)
	byKey := make(map[string][]seen)
	for _, s := range first {
		byKey[s.key] = append(byKey[s.key], s)
	}
	for _, key := range slices.Sorted(maps.Keys(done)) {
		events := byKey[key]
		r.order(key, events)
		slices.SortStableFunc(events, bySequencer)
		happened := r.match(key, done[key], events)
		if r.object(key, done[key], now[key]) {
			r.agreement(key, done[key], happened, events, now[key])
		}
		delete(byKey, key)
	}
	for key, events := range byKey {
		r.phantoms += len(events)
		r.detail("%s: %d events of a key that nobody wrote", key, len(events))
	}
	return r
}

// bySequencer compares sequencers as numbers: hex digits of one length.
func bySequencer(a, b seen) int {
	if c := cmp.Compare(len(a.sequencer), len(b.sequencer)); c != 0 {
		return c
	}
	return cmp.Compare(a.sequencer, b.sequencer)
}

// distinct returns the first delivery of every event, and counts the others.
func (r *report) distinct(arrived []seen) []seen {
	var first []seen
	mutations := make(map[string]string) // by identity
	ids := make(map[string]string)       // by mutation
	for _, s := range arrived {
		id, mutation := s.identity(), s.mutation()
		if before, ok := mutations[id]; ok {
			r.duplicates++
			if before != mutation {
				r.disagreements++
				r.detail("%s: id %s stands for two mutations: %q and %q", s.key, id, before, mutation)
			}
			continue
		}
		if before, ok := ids[mutation]; ok {
			r.disagreements++
			r.detail("%s: one mutation has two ids: %s and %s", s.key, before, id)
		}
		mutations[id], ids[mutation] = mutation, id
		first = append(first, s)
	}
	return first
}

// order looks at first deliveries in the order of their arrival.
func (r *report) order(key string, events []seen) {
	for i := 1; i < len(events); i++ {
		if bySequencer(events[i], events[i-1]) <= 0 {
			r.orderViolations++
			r.detail("%s: sequencer %s arrived after %s", key, events[i].sequencer, events[i-1].sequencer)
		}
	}
}

// match assigns events, in order of sequencer, to operations, in the order they
// were done. It returns which operations have an event.
func (r *report) match(key string, ops []op, events []seen) []bool {
	index := make(map[string]int, len(ops))
	for i, o := range ops {
		if o.etag != "" {
			index[o.etag] = i
		}
	}
	happened := make([]bool, len(ops))
	last := -1
	for _, e := range events {
		i, ok := index[e.etag]
		if e.removed() {
			i, ok = nextDelete(ops, happened, last)
		}
		switch {
		case !ok:
			r.phantoms++
			r.detail("%s: %s %s (sequencer %s) is of no write", key, e.name, e.etag, e.sequencer)
			continue
		case !e.removed() && e.size != ops[i].size:
			r.disagreements++
			r.detail("%s: the event of %s says %d bytes, want %d", key, ops[i], e.size, ops[i].size)
		}
		if i < last {
			r.orderViolations++
			r.detail("%s: the sequencer %s of write %d is above that of write %d", key, e.sequencer, i, last)
		}
		happened[i], last = true, max(last, i)
	}
	for i, o := range ops {
		if o.acked && !happened[i] {
			r.lostEvents++
			r.detail("%s: write %d of %d, %s, has no event", key, i, len(ops), o)
		}
	}
	return happened
}

// nextDelete is the first delete after last that has no event yet.
func nextDelete(ops []op, happened []bool, last int) (int, bool) {
	for i := last + 1; i < len(ops); i++ {
		if ops[i].etag == "" && !happened[i] {
			return i, true
		}
	}
	return 0, false
}

// object checks what GET shows: the last acknowledged write or a later unsure
// one.
func (r *report) object(key string, ops []op, now state) bool {
	if now.problem == "" && allowed(ops, now.etag) {
		return true
	}
	r.lostObjects++
	r.detail("%s: shows %q %s; the last writes were %v", key, now.etag, now.problem, ops[max(0, len(ops)-3):])
	return false
}

// agreement checks that the last event says what GET shows.
func (r *report) agreement(key string, ops []op, happened []bool, events []seen, now state) {
	shown, told := lastPut(ops, now.etag), ""
	if shown >= 0 && !happened[shown] && !ops[shown].acked {
		r.lostEvents++
		r.detail("%s: the unsure write %d is there and has no event", key, shown)
	}
	if len(events) == 0 {
		return
	}
	if e := events[len(events)-1]; !e.removed() {
		told = e.etag
	}
	// A loss is counted as such already; what remains is an event of a write
	// that is not there.
	if told != now.etag && (shown < 0 || happened[shown]) {
		r.disagreements++
		r.detail("%s: GET shows %q, the last event says %q", key, now.etag, told)
	}
}

func lastPut(ops []op, etag string) int {
	if etag == "" {
		return -1
	}
	return slices.IndexFunc(ops, func(o op) bool { return o.etag == etag })
}

// allowed says whether a key may show etag (empty: may be absent) after ops.
func allowed(ops []op, etag string) bool {
	for i := len(ops) - 1; i >= 0; i-- {
		if ops[i].etag == etag {
			return true
		}
		if ops[i].acked {
			return false
		}
	}
	return etag == ""
}
