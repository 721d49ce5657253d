package crash

import (
	"testing"
)

const testKey = "b/k"

// did is an operation whose label is name-kind, and after which GET shows
// contents of that name.
func did(k kind, name string, acked bool) op {
	o := op{kind: k, label: name + "-" + string(k), acked: acked, sent: 1}
	if k != deletes && k != deletesFew {
		o.shows = shown(name)
	}
	return o
}

func put(name string, acked bool) op { return did(puts, name, acked) }
func del(acked bool) op              { return did(deletes, "d", acked) }

// copied is a copy with the metadata and bytes of an earlier content.
func copied(name, of string, acked bool) op {
	o := did(copies, name, acked)
	o.shows = shown(of)
	return o
}

// twice is an operation that was asked for twice.
func twice(o op) op { o.sent = 2; return o }

func shown(name string) content {
	return content{mark: name, etag: "e" + name, sum: "s" + name, size: 1}
}

func there(name string) state { return state{content: shown(name)} }

// of is the event of an operation.
func of(o op, sequencer string) seen {
	return seen{
		key: testKey, name: o.kind.event(), label: o.label, etag: o.shows.etag, size: o.shows.size,
		sequencer: sequencer, id: "id" + sequencer,
	}
}

func made(name, sequencer string) seen { return of(put(name, true), sequencer) }
func gone(sequencer string) seen       { return of(del(true), sequencer) }

// with changes an event.
func with(s seen, change func(*seen)) seen {
	change(&s)
	return s
}

// TestCheck gives the checker one fault at a time: a checker that sees nothing
// would make every run look well.
func TestCheck(t *testing.T) {
	t.Parallel()
	type test struct {
		ops     []op
		arrived []seen
		now     state
		want    report
	}
	tests := map[string]test{
		"all is well": {
			ops:     []op{put("a", true), del(true), put("b", true)},
			arrived: []seen{made("a", "01"), gone("02"), made("b", "03")},
			now:     there("b"),
			want:    report{acknowledged: 3, events: 3},
		},
		"unsure and did not happen": {
			ops: []op{put("a", true), put("b", false)}, arrived: []seen{made("a", "01")}, now: there("a"),
			want: report{acknowledged: 1, events: 1},
		},
		"unsure and happened": {
			ops: []op{put("a", true), put("b", false)}, arrived: []seen{made("a", "01"), made("b", "02")}, now: there("b"),
			want: report{acknowledged: 1, events: 2},
		},
		"unsure delete happened": {
			ops: []op{put("a", true), del(false)}, arrived: []seen{made("a", "01"), gone("02")}, now: state{},
			want: report{acknowledged: 1, events: 2},
		},
		"nothing was ever acknowledged": {
			ops: []op{put("a", false)}, arrived: nil, now: state{},
			want: report{},
		},
		"copies of the same": {
			ops:     []op{copied("x", "a", true), copied("y", "a", false), copied("z", "a", false)},
			arrived: []seen{of(copied("x", "a", true), "01"), of(copied("z", "a", true), "02")}, now: there("a"),
			want: report{acknowledged: 1, events: 2},
		},
		"asked for twice, happened twice": {
			ops: []op{twice(put("a", true))}, arrived: []seen{made("a", "01"), made("a", "02")}, now: there("a"),
			want: report{acknowledged: 1, events: 2},
		},
		"asked for once, happened twice": {
			ops: []op{put("a", true)}, arrived: []seen{made("a", "01"), made("a", "02")}, now: there("a"),
			want: report{acknowledged: 1, events: 2, phantoms: 1},
		},
		"completed twice": {
			ops:     []op{twice(did(uploads, "a", true))},
			arrived: []seen{of(did(uploads, "a", true), "01"), of(did(uploads, "a", true), "02")}, now: there("a"),
			want: report{acknowledged: 1, events: 2, phantoms: 1},
		},
		"last delete lost its event": {
			ops: []op{put("a", true), del(true)}, arrived: []seen{made("a", "01")}, now: state{},
			want: report{acknowledged: 2, events: 1, lostEvents: 1},
		},
		"unsure write is there without its event": {
			ops: []op{put("a", true), put("b", false)}, arrived: []seen{made("a", "01")}, now: there("b"),
			want: report{acknowledged: 1, events: 1, lostEvents: 1},
		},
		"unsure delete has no event": {
			ops: []op{put("a", true), del(false)}, arrived: []seen{made("a", "01")}, now: state{},
			want: report{acknowledged: 1, events: 1, lostEvents: 1},
		},
		"event of a write that is not there": {
			ops: []op{put("a", true), put("b", false)}, arrived: []seen{made("a", "01"), made("b", "02")}, now: there("a"),
			want: report{acknowledged: 1, events: 2, disagreements: 1},
		},
		"event of a delete that did not happen": {
			ops: []op{put("a", true), del(false)}, arrived: []seen{made("a", "01"), gone("02")}, now: there("a"),
			want: report{acknowledged: 1, events: 2, disagreements: 1},
		},
		"object is gone": {
			ops: []op{put("a", true)}, arrived: []seen{made("a", "01")}, now: state{},
			want: report{acknowledged: 1, events: 1, lostObjects: 1},
		},
		"object went back": {
			ops: []op{put("a", true), put("b", true)}, arrived: []seen{made("a", "01"), made("b", "02")}, now: there("a"),
			want: report{acknowledged: 2, events: 2, lostObjects: 1},
		},
		"object cannot be read": {
			ops: []op{put("a", true)}, arrived: []seen{made("a", "01")}, now: state{content: shown("a"), problem: "500"},
			want: report{acknowledged: 1, events: 1, lostObjects: 1},
		},
		"object has other bytes": {
			ops: []op{put("a", true)}, arrived: []seen{made("a", "01")},
			now:  state{content: content{mark: "a", etag: "ea", sum: "other", size: 1}},
			want: report{acknowledged: 1, events: 1, lostObjects: 1},
		},
		"object has another ETag": {
			ops: []op{put("a", true)}, arrived: []seen{made("a", "01")},
			now:  state{content: content{mark: "a", etag: "other", sum: "sa", size: 1}},
			want: report{acknowledged: 1, events: 1, lostObjects: 1},
		},
		"deleted object is back": {
			ops: []op{put("a", true), del(true)}, arrived: []seen{made("a", "01"), gone("02")}, now: there("a"),
			want: report{acknowledged: 2, events: 2, lostObjects: 1},
		},
		"arrived in the wrong order": {
			ops: []op{put("a", true), put("b", true)}, arrived: []seen{made("b", "02"), made("a", "01")}, now: there("b"),
			want: report{acknowledged: 2, events: 2, orderViolations: 1},
		},
		"sequencers in the wrong order": {
			ops: []op{put("a", true), put("b", true)}, arrived: []seen{made("b", "01"), made("a", "02")}, now: there("b"),
			want: report{acknowledged: 2, events: 2, orderViolations: 1, disagreements: 1},
		},
		"arrived twice": {
			ops: []op{put("a", true), put("b", true)}, arrived: []seen{made("a", "01"), made("b", "02"), made("a", "01")}, now: there("b"),
			want: report{acknowledged: 2, events: 2, duplicates: 1},
		},
		"one id for two mutations": {
			ops:     []op{put("a", true), put("b", true)},
			arrived: []seen{made("a", "01"), with(made("b", "02"), func(s *seen) { s.id = "id01" })},
			now:     there("b"),
			want:    report{acknowledged: 2, events: 1, duplicates: 1, lostEvents: 1, disagreements: 1},
		},
		"two ids for one mutation": {
			ops:     []op{put("a", true)},
			arrived: []seen{made("a", "01"), with(made("a", "01"), func(s *seen) { s.id = "other" })},
			now:     there("a"),
			want:    report{acknowledged: 1, events: 2, orderViolations: 1, disagreements: 1, phantoms: 1},
		},
		"event of nothing": {
			ops:     []op{put("a", true)},
			arrived: []seen{made("a", "01"), with(made("a", "02"), func(s *seen) { s.label = "other" })},
			now:     there("a"),
			want:    report{acknowledged: 1, events: 2, phantoms: 1},
		},
		"event of another key": {
			ops:     []op{put("a", true)},
			arrived: []seen{made("a", "01"), with(made("x", "05"), func(s *seen) { s.key = "b/other" })},
			now:     there("a"),
			want:    report{acknowledged: 1, events: 2, phantoms: 1},
		},
	}
	for _, k := range kinds() {
		o, last := did(k, "b", true), there("b")
		if o.shows == (content{}) {
			last = state{}
		}
		ops := []op{put("a", true), o}
		both := []seen{made("a", "01"), of(o, "02")}
		tests[string(k)+" is well"] = test{
			ops: ops, arrived: both, now: last,
			want: report{acknowledged: 2, events: 2},
		}
		tests[string(k)+" lost its event"] = test{
			ops: append(ops, put("c", true)), arrived: []seen{made("a", "01"), made("c", "03")}, now: there("c"),
			want: report{acknowledged: 3, events: 2, lostEvents: 1},
		}
		tests[string(k)+" is not there"] = test{
			ops: ops, arrived: both, now: there("a"),
			want: report{acknowledged: 2, events: 2, lostObjects: 1},
		}
		tests["event of "+string(k)+" has another name"] = test{
			ops: ops, arrived: []seen{both[0], with(both[1], func(s *seen) { s.name = "s3:ObjectCreated:Post" })}, now: last,
			want: report{acknowledged: 2, events: 2, disagreements: 1},
		}
		if o.shows == (content{}) {
			continue
		}
		tests["event of "+string(k)+" tells the wrong size"] = test{
			ops: ops, arrived: []seen{both[0], with(both[1], func(s *seen) { s.size++ })}, now: last,
			want: report{acknowledged: 2, events: 2, disagreements: 1},
		}
		tests["event of "+string(k)+" tells the wrong ETag"] = test{
			ops: ops, arrived: []seen{both[0], with(both[1], func(s *seen) { s.etag = "other" })}, now: last,
			want: report{acknowledged: 2, events: 2, disagreements: 1},
		}
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := check(history{testKey: tt.ops}, tt.arrived, map[string]state{testKey: tt.now})
			if got.String() != tt.want.String() {
				t.Errorf("got  %s\nwant %s\n%q", got, &tt.want, got.details)
			}
		})
	}
}
