package model

import (
	"strings"
	"testing"
	"time"
)

// story is a short history of one key: what was asked for, and the events.
type story struct {
	state  versioning
	ops    []*op
	events []told
	// fault is part of what must be found; empty if the story is true.
	fault string
}

func body(etag string) content { return content{etag, etag, 3} }

func putOf(label, etag string) *op {
	return &op{label: label, kind: puts, key: "k", content: body(etag), acked: true, answeredETag: etag}
}

func created(label, version, etag, sequencer string) told {
	return told{"k", "s3:ObjectCreated:Put", label, version, etag, 3, sequencer}
}

func removed(label, version, sequencer string) told {
	return told{"k", "s3:ObjectRemoved:Delete", label, version, "", 0, sequencer}
}

func marker(label, version, sequencer string) told {
	return told{"k", "s3:ObjectRemoved:DeleteMarkerCreated", label, version, "", 0, sequencer}
}

func with(o *op, change func(*op)) *op {
	change(o)
	return o
}

func removeOf(label, version string, bypass bool) *op {
	return &op{label: label, kind: removes, key: "k", version: version, bypass: bypass, acked: true}
}

// TestReplay: true stories are believed, and each kind of untruth is found.
func TestReplay(t *testing.T) {
	t.Parallel()
	later := time.Now().Add(time.Hour)
	held := with(putOf("a", "1"), func(o *op) { o.hold = true })
	governed := with(putOf("a", "1"), func(o *op) { o.retention = retention{governance, later} })
	complied := with(putOf("a", "1"), func(o *op) { o.retention = retention{compliance, later} })
	onlyNew := with(putOf("b", "2"), func(o *op) { o.onlyNew = true })
	matching := with(putOf("b", "2"), func(o *op) { o.match = "1" })
	one := created("a", "v1", "1", "A1")
	for name, s := range map[string]story{
		"two puts":                        {enabled, []*op{putOf("a", "1"), putOf("b", "2")}, []told{created("b", "v2", "2", "A2"), one}, ""},
		"a put without its event":         {enabled, []*op{putOf("a", "1"), putOf("b", "2")}, []told{one}, "has no event"},
		"an event of nobody":              {enabled, nil, []told{one}, "nobody asked"},
		"one put twice":                   {enabled, []*op{putOf("a", "1")}, []told{one, created("a", "v2", "1", "A2")}, "happened twice"},
		"one sequencer twice":             {enabled, []*op{putOf("a", "1"), putOf("b", "2")}, []told{one, created("b", "v2", "2", "A1")}, "one sequencer"},
		"one version twice":               {enabled, []*op{putOf("a", "1"), putOf("b", "2")}, []told{one, created("b", "v1", "2", "A2")}, "there already"},
		"other bytes":                     {enabled, []*op{putOf("a", "1")}, []told{created("a", "v1", "9", "A1")}, "with ETag 9"},
		"a null version":                  {enabled, []*op{putOf("a", "1")}, []told{created("a", "", "1", "A1")}, "its version is null"},
		"a version where there are none":  {never, []*op{putOf("a", "1")}, []told{one}, "its version is v1"},
		"refused and done":                {enabled, []*op{{label: "a", kind: puts, key: "k", content: body("1"), refused: "PreconditionFailed"}}, []told{one}, "has the event"},
		"refused without reason":          {enabled, []*op{{label: "a", kind: puts, key: "k", content: body("1"), refused: "AccessDenied"}}, nil, "no reason"},
		"unanswered and done":             {enabled, []*op{with(putOf("a", "1"), func(o *op) { o.acked = false })}, []told{one}, ""},
		"unanswered and not done":         {enabled, []*op{with(putOf("a", "1"), func(o *op) { o.acked = false })}, nil, ""},
		"new where there was one":         {never, []*op{putOf("a", "1"), onlyNew}, []told{created("a", "", "1", "A1"), created("b", "", "2", "A2")}, "If-None-Match"},
		"new on a marker":                 {enabled, []*op{putOf("a", "1"), {label: "d", kind: deletes, key: "k", acked: true}, onlyNew}, []told{one, marker("d", "v2", "A2"), created("b", "v3", "2", "A3")}, ""},
		"match of what is shown":          {never, []*op{putOf("a", "1"), matching}, []told{created("a", "", "1", "A1"), created("b", "", "2", "A2")}, ""},
		"match of what is gone":           {never, []*op{putOf("a", "1"), putOf("c", "3"), matching}, []told{created("a", "", "1", "A1"), created("c", "", "3", "A2"), created("b", "", "2", "A3")}, "If-Match"},
		"removal of what is not there":    {enabled, []*op{removeOf("r", "v9", false)}, []told{removed("r", "v9", "A1")}, "not there"},
		"removal of another version":      {enabled, []*op{putOf("a", "1"), removeOf("r", "v9", false)}, []told{one, removed("r", "v1", "A2")}, "another version"},
		"removal that is not told":        {enabled, []*op{putOf("a", "1"), removeOf("r", "v1", false)}, []told{one}, "has no event"},
		"removal of nothing":              {enabled, []*op{removeOf("r", "v9", false)}, nil, ""},
		"removal of what is held":         {enabled, []*op{held, removeOf("r", "v1", true)}, []told{one, removed("r", "v1", "A2")}, "is locked"},
		"removal under governance":        {enabled, []*op{governed, removeOf("r", "v1", false)}, []told{one, removed("r", "v1", "A2")}, "is locked"},
		"bypass of governance":            {enabled, []*op{governed, removeOf("r", "v1", true)}, []told{one, removed("r", "v1", "A2")}, ""},
		"bypass of compliance":            {enabled, []*op{complied, removeOf("r", "v1", true)}, []told{one, removed("r", "v1", "A2")}, "is locked"},
		"compliance shortened":            {enabled, []*op{complied, {label: "s", kind: retains, key: "k", retention: retention{compliance, later.Add(-time.Minute)}, bypass: true}}, []told{one, {"k", "s3:ObjectCreated:PutRetention", "s", "v1", "1", 3, "A2"}}, "was replaced"},
		"delete without a marker":         {enabled, []*op{putOf("a", "1"), {label: "d", kind: deletes, key: "k", acked: true}}, []told{one, removed("d", "v1", "A2")}, "should be s3:ObjectRemoved:DeleteMarkerCreated"},
		"marker in place of null version": {suspended, []*op{putOf("a", "1"), {label: "d", kind: deletes, key: "k", acked: true}}, []told{created("a", "", "1", "A1"), marker("d", "", "A2")}, ""},
		"tags of a marker":                {enabled, []*op{{label: "d", kind: deletes, key: "k", acked: true}, {label: "t", kind: tags, key: "k", version: "v1"}}, []told{marker("d", "v1", "A1"), {"k", "s3:ObjectCreated:DeleteTagging", "t", "v1", "", 0, "A2"}}, "or a marker"},
		"a copy of nothing":               {enabled, []*op{{label: "c", kind: copies, key: "k", acked: true}}, []told{{"k", "s3:ObjectCreated:Copy", "c", "v1", "9", 3, "A1"}}, "ever stored"},
		"another answer than event":       {enabled, []*op{with(putOf("a", "1"), func(o *op) { o.answered = "v7" })}, []told{one}, "its event says version v1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := replayed(s.state, s.ops, map[string]content{"1": body("1"), "2": body("2")}, s.events)
			if (len(r.faults) > 0) != (s.fault != "") || !strings.Contains(r.String(), s.fault) {
				t.Errorf("found %q, want %q", r.faults, s.fault)
			}
		})
	}
}
