package crash

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// state is what was seen of a key.
type state struct {
	content
	// problem says that the object is there but could not be read as promised.
	problem string
}

// tally counts operations of one kind.
type tally struct{ acknowledged, lostEvents int }

// report is the outcome of a run. All but acknowledged, events, forgotten
// and duplicates must be 0.
type report struct {
	acknowledged int
	// events are distinct ones.
	events     int
	lostEvents int
	// forgotten counts events that a broker acknowledged and then forgot, as it
	// may when it is killed; they are not lost by us.
	forgotten int
	// lostObjects counts keys that do not show the last acknowledged or a later
	// unsure write, byte for byte.
	lostObjects int
	// orderViolations counts first deliveries that came after one of a later
	// mutation of the key, and sequencers that disagree with the order of writes.
	orderViolations int
	// phantoms counts events of what was never done, or not so often.
	phantoms int
	// disagreements counts keys whose last event says another state than GET,
	// events that tell their write wrongly, and ids that two mutations share or
	// that one mutation has two of.
	disagreements int
	duplicates    int
	// staleRows counts rows of a mirror that are missing, too many, or not of what
	// GET shows.
	staleRows int

	kinds   map[kind]tally
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
	return r.lostEvents + r.lostObjects + r.orderViolations + r.phantoms + r.disagreements + r.staleRows
}

func (r *report) String() string {
	text := fmt.Sprintf("acknowledged %d, events %d, lost events %d, lost objects %d, order violations %d, "+
		"phantoms %d, disagreements %d, stale rows %d, duplicates %d",
		r.acknowledged, r.events, r.lostEvents, r.lostObjects, r.orderViolations,
		r.phantoms, r.disagreements, r.staleRows, r.duplicates)
	if r.forgotten > 0 {
		text += fmt.Sprintf(", forgotten by the broker %d", r.forgotten)
	}
	return text
}

// byKind tells what was acknowledged and lost of each kind.
func (r *report) byKind() string {
	var parts []string
	for _, k := range kinds() {
		if n := r.kinds[k]; n.acknowledged > 0 {
			parts = append(parts, fmt.Sprintf("%s %d (%d lost)", k, n.acknowledged, n.lostEvents))
		}
	}
	return strings.Join(parts, ", ")
}

// check compares what was done with what arrived and with what is there.
func check(done history, arrived []seen, now map[string]state) *report {
	return checkBut(done, arrived, nil, now)
}

// checkBut is check where some events need not have arrived: their broker forgot
// them.
func checkBut(done history, arrived, forgotten []seen, now map[string]state) *report {
	r := &report{kinds: make(map[kind]tally), forgotten: len(forgotten)}
	first := r.distinct(arrived)
	r.events = len(first)
	byKey := make(map[string][]seen)
	for _, s := range first {
		byKey[s.key] = append(byKey[s.key], s)
	}
	but := make(map[string][]seen)
	for _, s := range forgotten {
		but[s.key] = append(but[s.key], s)
	}
	for _, key := range slices.Sorted(maps.Keys(done)) {
		events := byKey[key]
		r.order(key, events)
		events = append(events, but[key]...)
		slices.SortStableFunc(events, bySequencer)
		m := r.match(key, done[key], events)
		if r.object(key, done[key], now[key]) {
			r.agreement(key, done[key], m, now[key])
		}
		delete(byKey, key)
	}
	for key, events := range byKey {
		r.phantoms += len(events)
		r.detail("%s: %d events of a key that nobody wrote", key, len(events))
	}
	return r
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

// matched says which operations of a key have events.
type matched struct {
	// events counts those of each operation.
	events []int
	// last is the operation of the last event, -1 if there is none.
	last int
}

// match finds the operation of each event; events are in order of sequencer.
func (r *report) match(key string, ops []op, events []seen) matched {
	index := make(map[string]int, len(ops))
	for i, o := range ops {
		index[o.label] = i
	}
	m, highest := matched{events: make([]int, len(ops)), last: -1}, -1
	for _, e := range events {
		i, ok := index[e.label]
		if !ok || m.events[i] == ops[i].most() {
			r.phantoms++
			r.detail("%s: %s of %q (sequencer %s) is of no write, or one too many", key, e.name, e.label, e.sequencer)
			continue
		}
		r.tells(key, ops[i], e)
		if i < highest {
			r.orderViolations++
			r.detail("%s: the sequencer %s of write %d is above that of write %d", key, e.sequencer, i, highest)
		}
		m.events[i]++
		m.last, highest = i, max(highest, i)
	}
	for i, o := range ops {
		n := r.kinds[o.kind]
		if o.acked {
			r.acknowledged++
			n.acknowledged++
		}
		if o.acked && m.events[i] == 0 {
			r.lostEvents++
			n.lostEvents++
			r.detail("%s: write %d of %d, %s, has no event", key, i, len(ops), o)
		}
		r.kinds[o.kind] = n
	}
	return m
}

// tells checks that an event says of its write what it was.
func (r *report) tells(key string, o op, e seen) {
	created := o.shows != content{}
	if e.name == o.kind.event() && (!created || e.etag == o.shows.etag && e.size == o.shows.size) {
		return
	}
	r.disagreements++
	r.detail("%s: %s has the event %s with etag %s and %d bytes", key, o, e.name, e.etag, e.size)
}

// object checks what GET shows: the last acknowledged write or a later unsure
// one.
func (r *report) object(key string, ops []op, now state) bool {
	of, none := candidates(ops, now.content)
	if now.problem == "" && (len(of) > 0 || none) {
		return true
	}
	r.lostObjects++
	r.detail("%s: shows %s %s; the last writes were %v", key, now.content, now.problem, ops[max(0, len(ops)-3):])
	return false
}

// agreement checks that the last event says what GET shows.
func (r *report) agreement(key string, ops []op, m matched, now state) {
	of, none := candidates(ops, now.content)
	told, known := content{}, none
	if m.last >= 0 {
		told = ops[m.last].shows
	}
	for _, i := range of {
		known = known || m.events[i] > 0
	}
	switch {
	case !known && !ops[of[len(of)-1]].acked: // an acknowledged one is counted already
		r.lostEvents++
		r.detail("%s: the unsure write is there and has no event: %s", key, ops[of[0]])
	case known && told != now.content:
		// Where an event is missing, that is counted already; what remains is an
		// event of a write that is not there.
		r.disagreements++
		r.detail("%s: GET shows %s, the last event says %s", key, now.content, told)
	}
}
