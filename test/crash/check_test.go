package crash

import (
	"testing"
)

const (
	testKey  = "b/k"
	madePut  = "s3:ObjectCreated:Put"
	removedD = "s3:ObjectRemoved:Delete"
)

func put(etag string, acked bool) op { return op{etag: etag, size: 1, acked: acked} }
func del(acked bool) op              { return op{acked: acked} }

func made(etag, sequencer string) seen {
	return seen{key: testKey, name: madePut, etag: etag, size: 1, sequencer: sequencer, id: "id" + sequencer}
}

func gone(sequencer string) seen {
	return seen{key: testKey, name: removedD, sequencer: sequencer, id: "id" + sequencer}
}

// TestCheck gives the checker one fault at a time: a checker that sees nothing
// would make every run look well.
func TestCheck(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		ops     []op
		arrived []seen
		now     state
		want    report
	}{
		"all is well": {
			ops:     []op{put("a", true), del(true), put("b", true)},
			arrived: []seen{made("a", "01"), gone("02"), made("b", "03")},
			now:     state{etag: "b"},
			want:    report{acknowledged: 3, events: 3},
		},
		"unsure and did not happen": {
			ops: []op{put("a", true), put("b", false)}, arrived: []seen{made("a", "01")}, now: state{etag: "a"},
			want: report{acknowledged: 1, events: 1},
		},
		"unsure and happened": {
			ops: []op{put("a", true), put("b", false)}, arrived: []seen{made("a", "01"), made("b", "02")}, now: state{etag: "b"},
			want: report{acknowledged: 1, events: 2},
		},
		"unsure delete happened": {
			ops: []op{put("a", true), del(false)}, arrived: []seen{made("a", "01"), gone("02")}, now: state{},
			want: report{acknowledged: 1, events: 2},
		},
		"put lost its event": {
			ops: []op{put("a", true), put("b", true)}, arrived: []seen{made("b", "02")}, now: state{etag: "b"},
			want: report{acknowledged: 2, events: 1, lostEvents: 1},
		},
		"delete lost its event": {
			ops: []op{put("a", true), del(true), put("b", true)}, arrived: []seen{made("a", "01"), made("b", "03")}, now: state{etag: "b"},
			want: report{acknowledged: 3, events: 2, lostEvents: 1},
		},
		"last delete lost its event": {
			ops: []op{put("a", true), del(true)}, arrived: []seen{made("a", "01")}, now: state{},
			want: report{acknowledged: 2, events: 1, lostEvents: 1, disagreements: 1},
		},
		"unsure write is there without its event": {
			ops: []op{put("a", true), put("b", false)}, arrived: []seen{made("a", "01")}, now: state{etag: "b"},
			want: report{acknowledged: 1, events: 1, lostEvents: 1},
		},
		"event of a write that is not there": {
			ops: []op{put("a", true), put("b", false)}, arrived: []seen{made("a", "01"), made("b", "02")}, now: state{etag: "a"},
			want: report{acknowledged: 1, events: 2, disagreements: 1},
		},
		"object is gone": {
			ops: []op{put("a", true)}, arrived: []seen{made("a", "01")}, now: state{},
			want: report{acknowledged: 1, events: 1, lostObjects: 1},
		},
		"object went back": {
			ops: []op{put("a", true), put("b", true)}, arrived: []seen{made("a", "01"), made("b", "02")}, now: state{etag: "a"},
			want: report{acknowledged: 2, events: 2, lostObjects: 1},
		},
		"object cannot be read": {
			ops: []op{put("a", true)}, arrived: []seen{made("a", "01")}, now: state{etag: "a", problem: "500"},
			want: report{acknowledged: 1, events: 1, lostObjects: 1},
		},
		"deleted object is back": {
			ops: []op{put("a", true), del(true)}, arrived: []seen{made("a", "01"), gone("02")}, now: state{etag: "a"},
			want: report{acknowledged: 2, events: 2, lostObjects: 1},
		},
		"arrived in the wrong order": {
			ops: []op{put("a", true), put("b", true)}, arrived: []seen{made("b", "02"), made("a", "01")}, now: state{etag: "b"},
			want: report{acknowledged: 2, events: 2, orderViolations: 1},
		},
		"sequencers in the wrong order": {
			ops: []op{put("a", true), put("b", true)}, arrived: []seen{made("b", "01"), made("a", "02")}, now: state{etag: "b"},
			want: report{acknowledged: 2, events: 2, orderViolations: 1, disagreements: 1},
		},
		"arrived twice": {
			ops: []op{put("a", true), put("b", true)}, arrived: []seen{made("a", "01"), made("b", "02"), made("a", "01")}, now: state{etag: "b"},
			want: report{acknowledged: 2, events: 2, duplicates: 1},
		},
		"one id for two mutations": {
			ops: []op{put("a", true), put("b", true)},
			arrived: []seen{
				made("a", "01"), {key: testKey, name: madePut, etag: "b", size: 1, sequencer: "02", id: "id01"},
			},
			now:  state{etag: "b"},
			want: report{acknowledged: 2, events: 1, duplicates: 1, lostEvents: 1, disagreements: 1},
		},
		"two ids for one mutation": {
			ops: []op{put("a", true)},
			arrived: []seen{
				made("a", "01"), {key: testKey, name: madePut, etag: "a", size: 1, sequencer: "01", id: "other"},
			},
			now:  state{etag: "a"},
			want: report{acknowledged: 1, events: 2, orderViolations: 1, disagreements: 1},
		},
		"event of nothing": {
			ops: []op{put("a", true)}, arrived: []seen{made("a", "01"), gone("02")}, now: state{etag: "a"},
			want: report{acknowledged: 1, events: 2, phantoms: 1, disagreements: 1},
		},
		"event of another key": {
			ops:     []op{put("a", true)},
			arrived: []seen{made("a", "01"), {key: "b/other", name: madePut, etag: "x", sequencer: "05", id: "y"}},
			now:     state{etag: "a"},
			want:    report{acknowledged: 1, events: 2, phantoms: 1},
		},
		"event tells the wrong size": {
			ops:     []op{put("a", true)},
			arrived: []seen{{key: testKey, name: madePut, etag: "a", size: 2, sequencer: "01", id: "i"}},
			now:     state{etag: "a"},
			want:    report{acknowledged: 1, events: 1, disagreements: 1},
		},
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
