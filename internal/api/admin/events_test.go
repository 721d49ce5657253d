package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/api/admin/adminapi"
	blobmemory "github.com/carillon-s3/carillon/internal/blob/memory"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/kv/memory"
	"github.com/carillon-s3/carillon/internal/notify"
	"github.com/carillon-s3/carillon/internal/object"
)

const hookName = "1:webhook"

// fakeDelivery knows one target and counts the rewrites.
type fakeDelivery struct{ rewrites int }

func (*fakeDelivery) Known(id event.TargetID) bool { return id.String() == hookName }

func (d *fakeDelivery) Rewrite(ctx context.Context, _ event.TargetID, change func(context.Context) error) error {
	d.rewrites++
	return change(ctx)
}

// eventSite is an admin surface over real objects and a real journal in memory.
type eventSite struct {
	*site
	objects  *object.Service
	journal  *journal.Journal
	delivery *fakeDelivery
	client   *adminapi.Client
}

func newEventSite(t *testing.T) *eventSite {
	t.Helper()
	store := memory.New()
	t.Cleanup(func() { _ = store.Close() })
	s := &eventSite{site: newSite(t), delivery: &fakeDelivery{}}
	var err error
	if s.journal, err = journal.Open(t.Context(), store); err != nil {
		t.Fatal(err)
	}
	s.objects, err = object.Open(t.Context(), object.Config{
		Store: store, Blobs: blobmemory.New(1), Journal: s.journal, KnownTarget: s.delivery.Known,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.handler.Events = Events{Journal: s.journal, Objects: s.objects, Delivery: s.delivery, Encoder: &event.Encoder{}}
	s.handler.Quotas, s.handler.Buckets = s.objects, s.objects
	s.client = &adminapi.Client{URL: s.server.URL, AccessKey: testAccess, SecretKey: testSecret}
	if err := s.objects.CreateBucket(t.Context(), event.Request{}, "bucket", ""); err != nil {
		t.Fatal(err)
	}
	s.watch(true)
	return s
}

// watch sends the bucket's events to the target, or to none.
func (s *eventSite) watch(on bool) {
	s.t.Helper()
	rule := ""
	if on {
		rule = `<QueueConfiguration><Event>s3:ObjectCreated:*</Event><Queue>arn:minio:sqs::1:webhook</Queue></QueueConfiguration>`
	}
	doc := "<NotificationConfiguration>" + rule + "</NotificationConfiguration>"
	if err := s.objects.SetNotification(s.t.Context(), "bucket", []byte(doc)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *eventSite) put(keys ...string) {
	s.t.Helper()
	for _, key := range keys {
		_, err := s.objects.Put(s.t.Context(), object.PutInput{Bucket: "bucket", Key: key, Body: strings.NewReader("v"), Size: 1})
		if err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *eventSite) waiting() []journal.Entry {
	s.t.Helper()
	all, err := s.journal.Waiting(s.t.Context(), hookName, nil, 1_000_000)
	if err != nil {
		s.t.Fatal(err)
	}
	return all
}

// parkAll sets all that waits aside.
func (s *eventSite) parkAll(reason string) {
	s.t.Helper()
	for i, e := range s.waiting() {
		p := journal.Parked{Entry: e, Reason: reason, Attempts: 3, ParkedAt: time.UnixMilli(1e12 + int64(i)).UTC()}
		if err := s.journal.Park(s.t.Context(), hookName, p); err != nil {
			s.t.Fatal(err)
		}
	}
}

// ackAll has the target take all that waits.
func (s *eventSite) ackAll() {
	s.t.Helper()
	step, err := s.journal.DropBacklog(s.t.Context(), hookName, time.Now().Add(time.Hour), nil)
	if err != nil || step.Next != nil {
		s.t.Fatal(step, err)
	}
}

func (s *eventSite) list(list string, query ...string) adminapi.Page {
	s.t.Helper()
	values := url.Values{}
	for i := 0; i < len(query); i += 2 {
		values.Set(query[i], query[i+1])
	}
	page, err := s.client.List(s.t.Context(), list, values)
	if err != nil {
		s.t.Fatal(err)
	}
	return page
}

// call makes a call until it is done, and adds its answers up.
func (s *eventSite) call(name string, r adminapi.Request) adminapi.Answer {
	s.t.Helper()
	r.Target = hookName
	var sum adminapi.Answer
	for {
		a, err := s.client.Do(s.t.Context(), name, r)
		if err != nil {
			s.t.Fatal(err)
		}
		sum.Count, sum.Waiting, sum.Gone, sum.Crowded = sum.Count+a.Count, sum.Waiting+a.Waiting, sum.Gone+a.Gone, a.Crowded
		sum.Reachable, sum.Error = a.Reachable, a.Error
		if a.Missing != nil {
			sum.Missing = a.Missing
		}
		if a.Continue == "" || a.Crowded {
			return sum
		}
		r.Continue, r.To = a.Continue, a.To
	}
}

func TestListsOfEvents(t *testing.T) {
	t.Parallel()
	s := newEventSite(t)
	var keys []string
	for i := range 250 {
		keys = append(keys, fmt.Sprintf("k%03d", i))
	}
	s.put(keys...)
	if got, pages := s.all("backlog", "max", "40"); len(got) != 250 || pages != 7 {
		t.Errorf("%d events in %d pages", len(got), pages)
	}
	want := s.ids("backlog")
	s.parkAll("400 Bad Request")
	parked := s.ids("parked")
	if diff := cmp.Diff(want, parked); diff != "" {
		t.Errorf("parked events are not those that waited: %s", diff)
	}
	page := s.list("parked", "target", hookName, "max", "1", "records", "true")
	e := page.Events[0]
	if e.Reason != "400 Bad Request" || e.Attempts != 3 || e.ParkedAt == nil || e.Name != "s3:ObjectCreated:Put" || e.Bucket != "bucket" || e.Size != 1 {
		t.Errorf("%+v", e)
	}
	var record struct {
		S3 struct{ Object struct{ Sequencer string } }
	}
	if err := json.Unmarshal(e.Record, &record); err != nil || record.S3.Object.Sequencer != e.Sequencer || e.Sequencer == "" {
		t.Errorf("record %s: %v", e.Record, err)
	}
	if page := s.list("parked", "target", hookName, "reason", "413"); len(page.Events) != 0 || page.Continue != "" {
		t.Errorf("another reason: %+v", page)
	}
	if page := s.list("parked", "target", hookName, "event", e.ID); len(page.Events) != 1 || page.Events[0].ID != e.ID {
		t.Errorf("one: %+v", page)
	}
}

// all pages through a list.
func (s *eventSite) all(list string, query ...string) (ids []string, pages int) {
	s.t.Helper()
	token := ""
	for {
		page := s.list(list, append(query, "target", hookName, "continue", token)...)
		for _, e := range page.Events {
			ids = append(ids, e.ID)
		}
		pages++
		if token = page.Continue; token == "" {
			return ids, pages
		}
	}
}

func (s *eventSite) ids(list string) []string {
	s.t.Helper()
	ids, _ := s.all(list)
	return ids
}

func TestRetryAndDropOverTheAPI(t *testing.T) {
	t.Parallel()
	s := newEventSite(t)
	s.put("a", "b", "c", "d")
	s.parkAll("400 Bad Request")
	ids := s.ids("parked")
	if a := s.call("retry", adminapi.Request{Event: ids[1]}); a.Count != 1 {
		t.Errorf("one: %+v", a)
	}
	if got := s.ids("backlog"); !cmp.Equal(got, ids[1:2]) {
		t.Errorf("waiting: %q, want %q", got, ids[1:2])
	}
	if a := s.call("drop", adminapi.Request{What: "parked", Event: ids[0]}); a.Count != 1 {
		t.Errorf("dropped: %+v", a)
	}
	if a := s.call("retry", adminapi.Request{Reason: "bad request"}); a.Count != 2 {
		t.Errorf("the rest: %+v", a)
	}
	for _, e := range s.waiting() {
		if !e.Record.Replay {
			t.Errorf("%v is not marked", e.At())
		}
	}
	if s.delivery.rewrites != 3 {
		t.Errorf("%d rewrites, want one for each call", s.delivery.rewrites)
	}
	if a := s.call("drop", adminapi.Request{What: "backlog", Force: true}); a.Count != 3 || len(s.waiting()) != 0 {
		t.Errorf("%+v, %d wait", a, len(s.waiting()))
	}
}

func TestGapsOverTheAPI(t *testing.T) {
	t.Parallel()
	s := newEventSite(t)
	s.journal.SetLimit(hookName, journal.Limit{Entries: 1})
	s.put("a", "b", "c")
	page := s.list("gaps", "target", hookName)
	if len(page.Gaps) != 2 || !page.Gaps[0].Kept || page.Gaps[0].Count != 1 || page.Gaps[0].Reason != journal.ReasonLimit {
		t.Fatalf("%+v", page.Gaps)
	}
	if a := s.call("fill", adminapi.Request{}); !a.Crowded || a.Count != 0 {
		t.Errorf("into a full outbox: %+v", a)
	}
	s.journal.SetLimit(hookName, journal.Limit{})
	if a := s.call("fill", adminapi.Request{Event: page.Gaps[1].Event}); a.Count != 1 || a.Gone != 0 {
		t.Errorf("filled: %+v", a)
	}
	if a := s.call("drop", adminapi.Request{What: "gaps"}); a.Count != 1 || len(s.waiting()) != 2 {
		t.Errorf("dropped: %+v, %d wait", a, len(s.waiting()))
	}
}

func TestReplayOverTheAPI(t *testing.T) {
	t.Parallel()
	s := newEventSite(t)
	begun := time.Now().Add(-time.Minute)
	for i := range 700 {
		s.put(fmt.Sprint("k", i%20))
	}
	before := s.ids("backlog")
	s.ackAll()
	if a := s.call("replay", adminapi.Request{From: &begun}); a.Count != 700 || a.Missing != nil {
		t.Errorf("by rules: %+v", a)
	}
	if diff := cmp.Diff(before, s.ids("backlog")); diff != "" {
		t.Error(diff)
	}
	if a := s.call("replay", adminapi.Request{From: &begun, Bucket: "bucket"}); a.Count != 0 || a.Waiting != 700 {
		t.Errorf("again: %+v", a)
	}
	s.ackAll()
	s.watch(false)
	if a := s.call("replay", adminapi.Request{From: &begun, Match: "rules"}); a.Count != 0 {
		t.Errorf("by rules that are gone: %+v", a)
	}
	if a := s.call("replay", adminapi.Request{From: &begun, Match: "all", Prefix: "k1"}); a.Count != 11*35 {
		t.Errorf("all of a prefix: %+v", a)
	}
	s.ackAll()
	at := event.Place{Epoch: s.journal.Epoch(), Partition: journal.PartitionOf(s.bucketID(), "k3"), Sequence: 1}
	first := event.EventID(at)
	at.Sequence = 2
	if a := s.call("replay", adminapi.Request{FirstEvent: first, LastEvent: event.EventID(at), Match: "all"}); a.Count != 2 {
		t.Errorf("by sequence: %+v", a)
	}
	if _, err := s.journal.Trim(t.Context(), journal.Window{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if a := s.call("replay", adminapi.Request{FirstEvent: first, LastEvent: event.EventID(at)}); a.Missing == nil || a.Missing.Events != 2 {
		t.Errorf("out of the window: %+v", a)
	}
	a := s.call("replay", adminapi.Request{From: &begun})
	if a.Missing == nil || a.Missing.KeptFrom == nil || !a.Missing.Asked.Equal(begun) {
		t.Errorf("partly out of the window: %+v", a.Missing)
	}
}

func (s *eventSite) bucketID() uint64 {
	b, err := s.objects.Bucket(s.t.Context(), "bucket")
	if err != nil {
		s.t.Fatal(err)
	}
	return b.ID
}

func TestBackfillOverTheAPI(t *testing.T) {
	t.Parallel()
	s := newEventSite(t)
	s.watch(false)
	var keys []string
	for i := range 300 {
		keys = append(keys, fmt.Sprintf("k%03d", i))
	}
	s.put(keys...)
	if a := s.call("backfill", adminapi.Request{Bucket: "bucket", Prefix: "k1", Rate: 10_000}); a.Count != 100 {
		t.Errorf("%+v", a)
	}
	got := s.waiting()
	if len(got) != 100 || got[0].Record.Request.Principal != testAccess || got[0].Record.Request.SourceIP != "127.0.0.1" || !got[0].Record.Backfill {
		t.Errorf("%d events, the first by %+v", len(got), got[0].Record)
	}
}

func TestBlockedKeysOverTheAPI(t *testing.T) {
	t.Parallel()
	s := newEventSite(t)
	for i := range 5 {
		k := journal.Blocked{BucketID: s.bucketID(), Key: fmt.Sprint("k", i), Since: time.UnixMilli(1e12).UTC(), Attempts: 5, Reason: "500"}
		if err := s.journal.Block(t.Context(), hookName, k); err != nil {
			t.Fatal(err)
		}
	}
	page := s.list("blocked", "target", hookName, "max", "3")
	rest := s.list("blocked", "target", hookName, "max", "3", "continue", page.Continue)
	if len(page.Blocked) != 3 || len(rest.Blocked) != 2 || rest.Continue != "" || page.Blocked[0].Bucket != "bucket" || rest.Blocked[1].Key != "k4" {
		t.Errorf("%+v, then %+v", page, rest)
	}
	s.call("unblock", adminapi.Request{BucketID: s.bucketID(), Key: "k0"})
	if a := s.call("unblock", adminapi.Request{}); a.Count != 4 {
		t.Errorf("%+v", a)
	}
}

func TestTargetsOverTheAPI(t *testing.T) {
	t.Parallel()
	s := newEventSite(t)
	s.targets.statuses = []notify.Status{{Target: event.TargetID{ID: "1", Type: "webhook"}, State: notify.Online, Delivered: 3}}
	if err := s.journal.Block(t.Context(), "gone:kafka", journal.Blocked{BucketID: 1, Key: "k"}); err != nil {
		t.Fatal(err)
	}
	got := s.list("targets").Targets
	want := []adminapi.Target{
		{Target: hookName, State: "online", Delivered: 3},
		{Target: "gone:kafka", State: "not configured", BlockedKeys: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	s.targets.check = func(context.Context) error { return errTest }
	if a := s.call("check", adminapi.Request{}); a.Reachable == nil || *a.Reachable || a.Error != errTest.Error() {
		t.Errorf("%+v", a)
	}
}

// TestBadCallsAboutEvents: each gets a code, and a message that names the field.
func TestBadCallsAboutEvents(t *testing.T) {
	t.Parallel()
	s := newEventSite(t)
	s.put("a")
	id := s.ids("backlog")[0]
	for name, tt := range map[string]struct {
		method, path, body string
		status             int
		code, in           string
	}{
		"no such call":          {"GET", "events/nothing", "", 404, "NoSuchCall", ""},
		"wrong method":          {"GET", "events/retry", "", 404, "NoSuchCall", ""},
		"no target":             {"GET", "events/parked", "", 404, "NoSuchCall", ""},
		"malformed target":      {"GET", "events/parked?target=webhook", "", 400, "InvalidArgument", "target"},
		"unknown target":        {"GET", "events/parked?target=2:webhook", "", 404, "NoSuchTarget", "2:webhook"},
		"max":                   {"GET", "events/parked?target=1:webhook&max=0", "", 400, "InvalidArgument", "max"},
		"max too large":         {"GET", "events/parked?target=1:webhook&max=1001", "", 400, "InvalidArgument", "max"},
		"unknown parameter":     {"GET", "events/backlog?target=1:webhook&reason=x", "", 400, "InvalidArgument", "reason"},
		"malformed time":        {"GET", "events/parked?target=1:webhook&from=yesterday", "", 400, "InvalidArgument", "from"},
		"malformed continue":    {"GET", "events/parked?target=1:webhook&continue=x", "", 400, "InvalidArgument", "continue"},
		"continue of another":   {"GET", "events/parked?target=1:webhook&continue=0000000000000001-1-1", "", 400, "InvalidArgument", "another journal"},
		"continue of blocked":   {"GET", "events/blocked?target=1:webhook&continue=!", "", 400, "InvalidArgument", "continue"},
		"no body":               {"POST", "events/retry", "", 400, "InvalidArgument", "JSON"},
		"not an object":         {"POST", "events/retry", "null", 400, "InvalidArgument", "JSON"},
		"unknown field":         {"POST", "events/retry", `{"target":"1:webhook","bucket":"b"}`, 400, "InvalidArgument", "bucket"},
		"wrong type":            {"POST", "events/backfill", `{"target":"1:webhook","rate":"x"}`, 400, "InvalidArgument", "rate"},
		"malformed body time":   {"POST", "events/retry", `{"target":"1:webhook","from":"x"}`, 400, "InvalidArgument", "time"},
		"malformed event":       {"POST", "events/retry", `{"target":"1:webhook","event":"x"}`, 400, "InvalidArgument", "event"},
		"from behind to":        {"POST", "events/retry", `{"target":"1:webhook","from":"2026-01-02T00:00:00Z","to":"2026-01-01T00:00:00Z"}`, 400, "InvalidArgument", "from"},
		"what":                  {"POST", "events/drop", `{"target":"1:webhook"}`, 400, "InvalidArgument", "what"},
		"backlog by reason":     {"POST", "events/drop", `{"target":"1:webhook","what":"backlog","reason":"x"}`, 400, "InvalidArgument", "reason"},
		"backlog in use":        {"POST", "events/drop", `{"target":"1:webhook","what":"backlog"}`, 409, "TargetIsConfigured", "force"},
		"key without bucket":    {"POST", "events/unblock", `{"target":"1:webhook","key":"k"}`, 400, "InvalidArgument", "bucketID"},
		"no range":              {"POST", "events/replay", `{"target":"1:webhook"}`, 400, "InvalidArgument", "from"},
		"two ranges":            {"POST", "events/replay", `{"target":"1:webhook","from":"2026-01-02T00:00:00Z","firstEvent":"` + id + `"}`, 400, "InvalidArgument", "firstEvent"},
		"half a range":          {"POST", "events/replay", `{"target":"1:webhook","firstEvent":"` + id + `"}`, 400, "InvalidArgument", "lastEvent"},
		"the future":            {"POST", "events/replay", `{"target":"1:webhook","from":"2999-01-02T00:00:00Z"}`, 400, "InvalidArgument", "from"},
		"match":                 {"POST", "events/replay", `{"target":"1:webhook","from":"2026-01-02T00:00:00Z","match":"x"}`, 400, "InvalidArgument", "match"},
		"missing bucket":        {"POST", "events/replay", `{"target":"1:webhook","from":"2026-01-02T00:00:00Z","bucket":"nope"}`, 404, "NoSuchBucket", ""},
		"backfill of none":      {"POST", "events/backfill", `{"target":"1:webhook"}`, 400, "InvalidArgument", "bucket"},
		"backfill of a missing": {"POST", "events/backfill", `{"target":"1:webhook","bucket":"nope"}`, 404, "NoSuchBucket", ""},
		"rate":                  {"POST", "events/backfill", `{"target":"1:webhook","bucket":"bucket","rate":-1}`, 400, "InvalidArgument", "rate"},
		"large body":            {"POST", "events/retry", `{"target":"` + strings.Repeat("x", 70_000) + `"}`, 400, "InvalidArgument", "64 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.do(tt.method, adminapi.Prefix+tt.path, []byte(tt.body))
			var body adminapi.Error
			if err := json.Unmarshal(r.body, &body); err != nil {
				t.Fatalf("%d %s", r.status, r.body)
			}
			if r.status != tt.status || body.Code != tt.code || !strings.Contains(body.Message, tt.in) {
				t.Errorf("%d %s %q, want %d %s with %q", r.status, body.Code, body.Message, tt.status, tt.code, tt.in)
			}
		})
	}
}

func TestCallsAboutEventsAreForTheRootCredential(t *testing.T) {
	t.Parallel()
	s := newEventSite(t)
	for call := range eventRoutes() {
		method, path, _ := strings.Cut(call, " ")
		path = adminapi.Prefix + path
		if method == http.MethodGet {
			path += "?target=" + hookName
		}
		for name, send := range map[string]func() reply{
			"anonymous": func() reply { return s.send(s.request(method, path, nil), "", "") },
			"a guest":   func() reply { return s.send(s.request(method, path, nil), "guest", testSecret) },
			"a liar":    func() reply { return s.send(s.request(method, path, nil), testAccess, "wrong") },
		} {
			if r := send(); r.status != http.StatusForbidden {
				t.Errorf("%s as %s: %d", call, name, r.status)
			}
		}
	}
}

// FuzzCallsAboutEvents: whatever is sent, the answer is a code, or the call is
// carried out; never a failure of our own.
func FuzzCallsAboutEvents(f *testing.F) {
	f.Add([]byte(`{"target":"1:webhook","what":"parked","continue":"0000000000000001-1-1"}`), "")
	f.Add([]byte(`{"target":"arn:minio:sqs::1:webhook","from":"2026-01-02T00:00:00Z"}`), "AAAAAAAAAAE")
	f.Add([]byte(`{"bucketID":18446744073709551615,"key":"\u0000"}`), "!")
	f.Fuzz(func(t *testing.T, body []byte, token string) {
		var r adminapi.Request
		err := readRequest(bytes.NewReader(body), &r, []string{"target", "from", "continue", "bucketID", "key", "what"})
		var c *code
		if err != nil && (!errors.As(err, &c) || c.status != http.StatusBadRequest) {
			t.Errorf("%q: %v", body, err)
		}
		if k, err := parseBucketKey(token); err == nil && k != nil {
			if again, err := parseBucketKey(k.String()); err != nil || *again != *k {
				t.Errorf("%q does not survive a round trip", token)
			}
		}
	})
}

func TestClientErrors(t *testing.T) {
	t.Parallel()
	s := newEventSite(t)
	_, err := s.client.Do(t.Context(), "retry", adminapi.Request{Target: "9:webhook"})
	var answer *adminapi.Error
	if !errors.As(err, &answer) || answer.Status != 404 || answer.Code != "NoSuchTarget" {
		t.Errorf("%v", err)
	}
	other := *s.client
	other.URL += "/minio/health/live?"
	if _, err := other.List(t.Context(), "targets", nil); err == nil || errors.As(err, &answer) {
		t.Errorf("of something else: %v", err)
	}
}
