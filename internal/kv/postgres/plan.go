package postgres

import (
	"bytes"
	"slices"
	"time"

	"github.com/carillon-s3/carillon/internal/kv"
)

// plan is what one transaction does: the batches of some requests, merged as if
// they were committed one after the other.
type plan struct {
	members []member
	keys    map[string]*keyPlan
	filled  []filledWrite // those whose key carries numbers
	logs    map[kv.LogID]*logPlan
	appends []appended
	trims   []trim
}

// member is a request in a plan. Its appends are those of the plan from first
// on.
type member struct {
	request *request
	first   int
}

// keyPlan is what a transaction does with one key. For revision 0, required
// means that it must be absent.
type keyPlan struct {
	required bool
	revision uint64
	write    *kv.Write // the last one; nil if the key is only required
	first    int       // the appends of its batch, for fills
}

type filledWrite struct {
	write *kv.Write
	first int
}

// logPlan counts the records that a transaction appends to a log.
type logPlan struct{ appends int64 }

// appended is a record; nth counts those of its log from 0.
type appended struct {
	log   kv.LogID
	nth   int64
	value []byte
}

// trim happens when its log has got so many records of the transaction.
type trim struct {
	log     kv.LogID
	before  uint64
	appends int64
}

func newPlan() *plan {
	return &plan{keys: map[string]*keyPlan{}, logs: map[kv.LogID]*logPlan{}}
}

// add merges the batch of r. It reports false, and changes nothing, if a
// requirement fails once the batches before it have been committed.
func (p *plan) add(r *request) bool {
	if !p.require(r.batch.Checks) {
		return false
	}
	b, first := r.batch, len(p.appends)
	p.members = append(p.members, member{r, first})
	for i := range b.Appends {
		a := &b.Appends[i]
		l := p.log(a.Log)
		p.appends = append(p.appends, appended{a.Log, l.appends, a.Value})
		l.appends++
	}
	for i := range b.Writes {
		p.write(&b.Writes[i], first)
	}
	for _, t := range b.Trims {
		p.trims = append(p.trims, trim{t.Log, t.Before, p.log(t.Log).appends})
	}
	return true
}

func (p *plan) require(checks []kv.Check) bool {
	var fresh [][]byte
	for i := range checks {
		c := &checks[i]
		k := p.keys[string(c.Key)]
		if k == nil {
			p.keys[string(c.Key)] = &keyPlan{required: true, revision: c.Seen.Revision}
			fresh = append(fresh, c.Key)
			continue
		}
		if k.write != nil || k.revision != c.Seen.Revision {
			for _, key := range fresh {
				delete(p.keys, string(key))
			}
			return false
		}
	}
	return true
}

// write keeps the last write of each key. A key that carries numbers is not
// known yet; the server sorts out those that come out the same.
func (p *plan) write(w *kv.Write, first int) {
	if slices.ContainsFunc(w.Fills, func(f kv.Fill) bool { return f.InKey }) {
		p.filled = append(p.filled, filledWrite{w, first})
		return
	}
	k := p.keys[string(w.Key)]
	if k == nil {
		k = &keyPlan{}
		p.keys[string(w.Key)] = k
	}
	k.write, k.first = w, first
}

func (p *plan) log(id kv.LogID) *logPlan {
	l := p.logs[id]
	if l == nil {
		l = &logPlan{}
		p.logs[id] = l
	}
	return l
}

// empty reports whether there is nothing to ask or do.
func (p *plan) empty() bool {
	return len(p.keys) == 0 && len(p.filled) == 0 && len(p.logs) == 0
}

// call is a statement with its parameters.
type call struct {
	statement  statement
	parameters [][]byte
}

// calls are the statements of the transaction in their order, without the
// fence. now is the clock of stamps.
func (p *plan) calls(now time.Time) []call {
	var calls []call
	add := func(s statement, rows int, parameters ...[]byte) {
		if rows > 0 {
			calls = append(calls, call{s, parameters})
		}
	}
	k := p.sortKeys()
	add(stmtHold, len(k.hold.keys), byteaArray(k.hold.keys), int8Array(k.hold.revisions))
	add(stmtCheck, len(k.check.keys), byteaArray(k.check.keys), int8Array(k.check.revisions))
	add(stmtClaim, len(k.claims), byteaArray(k.claims))
	add(stmtCreate, len(k.create.keys), byteaArray(k.create.keys), byteaArray(k.create.values))
	add(stmtSet, len(k.set.keys), byteaArray(k.set.keys), byteaArray(k.set.values))
	calls = append(calls, p.logCalls(now)...)
	add(stmtCreateFilled, len(k.createFilled.write), k.createFilled.parameters()...)
	add(stmtSetFilled, len(k.setFilled.write), k.setFilled.parameters()...)
	add(stmtDelete, len(k.deletes), byteaArray(k.deletes))
	return append(calls, p.trimCalls()...)
}

// logCalls move the counters, in the order of the logs, and write the records.
func (p *plan) logCalls(now time.Time) []call {
	if len(p.logs) == 0 {
		return nil
	}
	var logs []int32
	for id := range p.logs {
		logs = append(logs, int32(id))
	}
	slices.Sort(logs)
	counts := make([]int64, len(logs))
	for i, id := range logs {
		counts[i] = p.logs[kv.LogID(id)].appends
	}
	calls := []call{{stmtCount, [][]byte{int4Array(logs), int8Array(counts), int8Bytes(int64(kv.NextStamp(now, 0)))}}}
	if len(p.appends) == 0 {
		return calls
	}
	log, back, value := make([]int32, len(p.appends)), make([]int64, len(p.appends)), make([][]byte, len(p.appends))
	for i, a := range p.appends {
		log[i], back[i], value[i] = int32(a.log), p.back(a), notNil(a.value)
	}
	return append(calls, call{stmtRecord, [][]byte{int4Array(log), int8Array(back), byteaArray(value)}})
}

func (p *plan) trimCalls() []call {
	if len(p.trims) == 0 {
		return nil
	}
	var logs []int32
	var before, later []int64
	for _, t := range p.trims {
		logs = append(logs, int32(t.log))
		before = append(before, int64(min(t.before, 1<<63-1)))
		later = append(later, p.log(t.log).appends-t.appends)
	}
	return []call{
		{stmtTrim, [][]byte{int4Array(logs), int8Array(before), int8Array(later)}},
		{stmtDrop, [][]byte{int4Array(logs)}},
	}
}

// back is how far a record stands before the last that the transaction appends
// to its log.
func (p *plan) back(a appended) int64 { return p.logs[a.log].appends - 1 - a.nth }

// positions are those of a member's appends, given the heads of the logs after
// the transaction.
func (p *plan) positions(m member, heads map[kv.LogID]kv.Head) []kv.Position {
	n := len(m.request.batch.Appends)
	if n == 0 {
		return nil
	}
	positions := make([]kv.Position, n)
	for i, a := range p.appends[m.first : m.first+n] {
		back, head := uint64(p.back(a)), heads[a.log]
		positions[i] = kv.Position{Log: a.log, Sequence: head.Sequence - back, Stamp: head.Stamp - back}
	}
	return positions
}

// grown are the heads of logs that got records.
func (p *plan) grown(heads map[kv.LogID]kv.Head) []kv.Head {
	var grown []kv.Head
	for id, l := range p.logs {
		if l.appends > 0 {
			grown = append(grown, heads[id])
		}
	}
	return grown
}

// keyCalls are a plan's keys by what is done with them, each sorted.
type keyCalls struct {
	hold, check             seenKeys
	claims, deletes         [][]byte
	create, set             setKeys
	createFilled, setFilled pieceColumns
}

type seenKeys struct {
	keys      [][]byte
	revisions []int64
}

type setKeys struct{ keys, values [][]byte }

func (p *plan) sortKeys() *keyCalls {
	names := make([]string, 0, len(p.keys))
	for name := range p.keys {
		names = append(names, name)
	}
	slices.Sort(names)
	c := &keyCalls{}
	for i, name := range names {
		c.put([]byte(name), int32(i), p.keys[name], p)
	}
	for i, f := range p.filled {
		c.setFilled.add(int32(len(names)+i), f.write, p.placeFrom(f.first))
	}
	slices.SortFunc(c.deletes, bytes.Compare)
	return c
}

func (c *keyCalls) put(key []byte, n int32, k *keyPlan, p *plan) {
	absent := k.required && k.revision == 0
	switch {
	case k.required && !absent && k.write != nil:
		c.hold.add(key, k.revision)
	case k.required && !absent:
		c.check.add(key, k.revision)
	case absent && (k.write == nil || k.write.Delete):
		c.claims = append(c.claims, key)
		c.deletes = append(c.deletes, key)
		return
	}
	switch {
	case k.write == nil:
	case k.write.Delete:
		c.deletes = append(c.deletes, key)
	case len(k.write.Fills) > 0 && absent:
		c.createFilled.add(n, k.write, p.placeFrom(k.first))
	case len(k.write.Fills) > 0:
		c.setFilled.add(n, k.write, p.placeFrom(k.first))
	case absent:
		c.create.add(key, k.write.Value)
	default:
		c.set.add(key, k.write.Value)
	}
}

func (s *seenKeys) add(key []byte, revision uint64) {
	s.keys = append(s.keys, key)
	s.revisions = append(s.revisions, int64(revision))
}

func (s *setKeys) add(key, value []byte) {
	s.keys = append(s.keys, key)
	s.values = append(s.values, notNil(value))
}

// placeFrom says where the appends of a batch stand.
func (p *plan) placeFrom(first int) func(int) (kv.LogID, int64) {
	return func(i int) (kv.LogID, int64) {
		a := p.appends[first+i]
		return a.log, p.back(a)
	}
}

// notNil keeps an empty value from becoming null.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
