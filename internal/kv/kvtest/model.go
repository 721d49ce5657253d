package kvtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/kv/memory"
)

// modelSteps is how many random batches are compared.
const modelSteps = 400

// pair holds what the engine and the model said of one key at one time.
type pair struct {
	key           []byte
	engine, model kv.Item
}

// comparison runs the same operations on an engine and on the model.
type comparison struct {
	t      testing.TB
	rnd    *rand.Rand
	engine kv.Store
	model  *memory.Store
	seen   []pair // reads that later requirements refer to
}

func againstModel(t *testing.T, s kv.Store) {
	n := seed(t)
	c := &comparison{t: t, rnd: rand.New(rand.NewPCG(n, 1)), engine: s, model: memory.New()}
	defer func() { _ = c.model.Close() }() // it has nothing to lose
	for step := range modelSteps {
		c.read()
		c.commit()
		if step%20 == 0 {
			c.compareAll()
		}
		if t.Failed() {
			t.Fatalf("they part at step %d", step)
		}
	}
	c.compareAll()
}

// burstsAgainstModel hands over many batches at once, which engines merge.
func burstsAgainstModel(t *testing.T, s kv.Store) {
	const bursts, batches = 15, 30
	n := seed(t)
	c := &comparison{t: t, rnd: rand.New(rand.NewPCG(n, 2)), engine: s, model: memory.New()}
	defer func() { _ = c.model.Close() }() // it has nothing to lose
	for range bursts {
		var outcomes []<-chan relaxedOutcome
		var want [][]kv.Position
		for range batches {
			engine, model := c.batches()
			p, err := c.model.Commit(context.Background(), model)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, p)
			outcomes = append(outcomes, relax(t, s, engine))
		}
		for i, out := range outcomes {
			o := <-out
			if o.err != nil {
				t.Fatal(o.err)
			}
			c.comparePositions(o.positions, want[i])
		}
		c.compareAll()
		if t.Failed() {
			return
		}
	}
}

// key is short and of few bytes, so that keys meet, nest and group.
func (c *comparison) key() []byte {
	const alphabet = "\x00a/b\xff"
	k := make([]byte, 1+c.rnd.IntN(5))
	for i := range k {
		k[i] = alphabet[c.rnd.IntN(len(alphabet))]
	}
	return k
}

func (c *comparison) read() {
	k := c.key()
	p := pair{k, get(c.t, c.engine, string(k)), get(c.t, c.model, string(k))}
	if p.engine.Exists() != p.model.Exists() || string(p.engine.Value) != string(p.model.Value) {
		c.t.Errorf("Get(%q): engine %+v, model %+v", k, p.engine, p.model)
	}
	c.seen = append(c.seen, p)
	if len(c.seen) > 8 {
		c.seen = c.seen[1:]
	}
}

func (c *comparison) commit() {
	engine, model := c.batches()
	p, err := c.engine.Commit(context.Background(), engine)
	q, wantErr := c.model.Commit(context.Background(), model)
	if !errors.Is(err, wantErr) && (err == nil || wantErr == nil || !errors.Is(err, kv.ErrConflict)) {
		c.t.Errorf("Commit: engine %v, model %v", err, wantErr)
		return
	}
	c.comparePositions(p, q)
}

func (c *comparison) comparePositions(engine, model []kv.Position) {
	if len(engine) != len(model) {
		c.t.Errorf("engine gave %d positions, model %d", len(engine), len(model))
		return
	}
	for i, p := range engine {
		if p.Log != model[i].Log || p.Sequence != model[i].Sequence {
			c.t.Errorf("append %d: engine %+v, model %+v", i, p, model[i])
		}
	}
}

// batches makes one random batch, for each store with its own revisions.
func (c *comparison) batches() (engine, model *kv.Batch) {
	engine, model = &kv.Batch{}, &kv.Batch{}
	both := []*kv.Batch{engine, model}
	if len(c.seen) > 0 && c.rnd.IntN(2) == 0 {
		if p := c.seen[c.rnd.IntN(len(c.seen))]; c.comparable(p) {
			engine.Require(p.key, p.engine)
			model.Require(p.key, p.model)
		}
	}
	appends := c.rnd.IntN(3)
	for range appends {
		log, value := kv.LogID(c.rnd.IntN(3)), fmt.Append(nil, c.rnd.IntN(1000))
		for _, b := range both {
			b.Append(log, value)
		}
	}
	for range c.rnd.IntN(4) {
		c.write(both, appends)
	}
	if c.rnd.IntN(5) == 0 {
		log, before := kv.LogID(c.rnd.IntN(3)), uint64(c.rnd.IntN(modelSteps))
		for _, b := range both {
			b.Trim(log, before)
		}
	}
	return engine, model
}

// comparable is false for absence that was interrupted: whether that is a
// conflict is left to the engine.
func (c *comparison) comparable(p pair) bool {
	return p.engine.Exists() || get(c.t, c.model, string(p.key)).Exists() || p.model.ReadAt == get(c.t, c.model, "x").ReadAt
}

func (c *comparison) write(both []*kv.Batch, appends int) {
	key, value := c.key(), fmt.Append(nil, "value ", c.rnd.IntN(1000))
	var fills []kv.Fill
	kind := c.rnd.IntN(4)
	if appends > 0 && kind == 1 {
		key = append(key, make([]byte, 8)...)
		fills = append(fills, kv.Fill{Append: c.rnd.IntN(appends), Field: kv.Sequence, InKey: true, Offset: len(key) - 8})
	}
	if appends > 0 && kind == 2 {
		value = append(value, make([]byte, 8)...)
		fills = append(fills, kv.Fill{Append: c.rnd.IntN(appends), Field: kv.Sequence, Offset: len(value) - 8})
	}
	for _, b := range both {
		if kind == 0 {
			b.Delete(key)
		} else {
			b.Set(key, value, fills...)
		}
	}
}

func (c *comparison) compareAll() {
	ranges := []kv.Range{{}, {Reverse: true}}
	for range 20 {
		r := kv.Range{Start: c.key(), End: c.key(), Reverse: c.rnd.IntN(2) == 0, KeysOnly: c.rnd.IntN(4) == 0}
		if c.rnd.IntN(4) == 0 {
			r.End = nil
		}
		if c.rnd.IntN(2) == 0 {
			r.Delimiter = c.key()[:1]
			r.DelimiterFrom = c.rnd.IntN(3)
		}
		ranges = append(ranges, r)
	}
	for _, r := range ranges {
		if got, want := show(c.t, c.engine, r), show(c.t, c.model, r); got != want {
			c.t.Errorf("Scan(%+v):\nengine %s\nmodel  %s", r, got, want)
		}
	}
	for log := range kv.LogID(4) {
		first, head, err := c.model.Bounds(context.Background(), log)
		if err != nil {
			c.t.Fatal(err)
		}
		wantBounds(c.t, c.engine, log, first, head.Sequence)
		from := first + uint64(c.rnd.IntN(10))
		if got, want := logValues(c.t, c.engine, log, from, 20), logValues(c.t, c.model, log, from, 20); got != want {
			c.t.Errorf("log %d from %d:\nengine %s\nmodel  %s", log, from, got, want)
		}
	}
}
