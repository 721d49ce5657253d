package elasticsearch_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/notify/elasticsearch"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// testIndex is what the suite of all kinds does not know of.
func (n *node) testIndex(t *testing.T) {
	tests := map[string]func(*testing.T, *session){
		"a late put after Elasticsearch forgot the delete": testLatePutAfterForgotten,
		"old notes of deletes are pruned":                  testPrune,
		"ids in an empty index are the guide's":            testIDsOfEmpty,
		"ids of MinIO are kept":                            testIDsOfMinIO,
		"ids of MinIO are kept by an emptied bucket":       testIDsOfEmptied,
		"ids of the guide are kept":                        testIDsOfGuide,
		"documents of another format have no say":          testIDsOfAccess,
		"ids as settings say":                              testIDsAsSet,
		"ids at Elasticsearch's limit":                     testLongIDs,
		"a document that the mapping refuses":              testMappingRefuses,
		"documents that a guessed mapping refuses":         testOddMetadata,
		"user metadata can be searched":                    testSearchMetadata,
		"an index that is closed":                          testClosedIndex,
		"an index that is removed":                         testRemovedIndex,
		"an alias":                                         testAlias,
		"a resend in the format access":                    testResendAccess,
	}
	for name, f := range tests {
		t.Run(name, func(t *testing.T) { f(t, &session{harness: n.harness(t, "namespace")}) })
	}
}

// session is a target on an index of its own.
type session struct {
	*harness
	target.Target
	later atomic.Int64 // how far the target's clock is ahead
	seq   uint64
}

// open opens a target, again if one is open.
func (s *session) open(t *testing.T) {
	t.Helper()
	if s.Target != nil {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	settings := elasticsearch.Kind().New()
	if err := config.Decode(settings, s.values); err != nil {
		t.Fatal(err)
	}
	tgt, err := elasticsearch.Kind().Open(settings, target.Env{
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Now:    func() time.Time { return time.Now().Add(time.Duration(s.later.Load())) },
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Target = tgt
	t.Cleanup(func() { _ = tgt.Close() }) // twice is allowed
}

func (s *session) message(rec *event.Record) target.Message {
	s.seq++
	rec.Bucket, rec.BucketID = "images", 1
	at := event.Place{Epoch: 0xfeed, Partition: 3, Sequence: s.seq, Stamp: 1_700_000_000_000_000_000 + s.seq}
	enc := event.Encoder{}
	return target.Message{
		ID: event.EventID(at), Key: rec.ResourceKey(), Record: rec, Body: enc.AppendRecords(nil, rec, at),
		Time: at.Time(), Sequencer: event.Sequencer(rec, at), Attempt: 1,
	}
}

func (s *session) put(key string) target.Message { return s.putWith(key, nil) }

func (s *session) putWith(key string, metadata map[string]string) target.Message {
	return s.message(&event.Record{Name: event.ObjectCreatedPut, Key: key, Size: 1, UserMetadata: metadata, Post: &event.State{Size: 1}})
}

func (s *session) remove(key string) target.Message {
	return s.message(&event.Record{Name: event.ObjectRemovedDelete, Key: key})
}

func (s *session) mustSend(t *testing.T, batch ...target.Message) {
	t.Helper()
	if s.Target == nil {
		s.open(t)
	}
	if err := s.Send(t.Context(), batch); err != nil {
		t.Fatalf("send: %v", err)
	}
}

func (s *session) wantIDs(t *testing.T, index string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, s.ids(t, index)); diff != "" {
		t.Errorf("ids in %s (-want +got):\n%s", index, diff)
	}
}

func (s *session) companion() string { return s.index + "-carillon-deleted" }

// forgetDeletes has Elasticsearch drop the versions of deleted documents, as it
// does by itself after a minute.
func (s *session) forgetDeletes(t *testing.T) {
	t.Helper()
	s.request(t, http.MethodPut, "/"+s.index+"/_settings", `{"index.gc_deletes":"0s"}`, nil)
}

func testLatePutAfterForgotten(t *testing.T, s *session) {
	put, never := s.put("k"), s.put("never")
	s.mustSend(t, put)
	s.forgetDeletes(t)
	s.mustSend(t, s.remove("k"), s.remove("never"))
	s.wantIDs(t, s.index)
	s.wantIDs(t, s.companion(), "images/k", "images/never")
	s.mustSend(t, put, never)
	s.wantIDs(t, s.index)
	// Without its note k comes back once Elasticsearch has forgotten, so it was
	// the note that kept never away.
	s.request(t, http.MethodDelete, "/"+s.companion()+"/_doc/"+url.PathEscape("images/k"), "", nil)
	deadline := time.Now().Add(brokertest.Patience)
	for s.mustSend(t, put, never); len(s.ids(t, s.index)) == 0 && time.Now().Before(deadline); s.mustSend(t, put, never) {
		time.Sleep(100 * time.Millisecond) // the pace of asking: nothing tells when it forgets
	}
	s.wantIDs(t, s.index, "images/k")
	s.mustSend(t, s.put("never"))
	s.wantIDs(t, s.index, "images/k", "images/never")
}

func testPrune(t *testing.T, s *session) {
	s.mustSend(t, s.remove("old"))
	s.later.Store(int64(6 * 24 * time.Hour))
	s.mustSend(t, s.remove("young"))
	refresh := "/" + s.companion() + "/_refresh" // a delete by query sees what a search sees
	s.request(t, http.MethodPost, refresh, "", nil)
	s.mustSend(t, s.put("k"))
	s.wantIDs(t, s.companion(), "images/old", "images/young")
	s.later.Store(int64(7*24*time.Hour + 2*time.Hour))
	s.mustSend(t, s.put("k"))
	s.wantIDs(t, s.companion(), "images/young")
	s.later.Store(int64(13*24*time.Hour + 4*time.Hour))
	s.mustSend(t, s.put("k"))
	s.wantIDs(t, s.companion())
}

func testIDsOfEmpty(t *testing.T, s *session) {
	s.mustSend(t, s.put("myphoto.jpg"), s.put("a b/ü+"))
	s.wantIDs(t, s.index, "images/a b/ü+", "images/myphoto.jpg")
}

// minioIDOfPhoto is MinIO's id of images/myphoto.jpg.
const minioIDOfPhoto = "p6Ki67qy3lCiC8S6O7Sqg45IYNdXdtxyGnAfASuSU2c="

func (s *session) minioWrote(t *testing.T) {
	t.Helper()
	s.request(t, http.MethodPut, "/"+s.index+"/_doc/"+minioIDOfPhoto+"?refresh=true", string(s.put("myphoto.jpg").Body), nil)
}

func testIDsOfMinIO(t *testing.T, s *session) {
	s.minioWrote(t)
	s.mustSend(t, s.put("myphoto.jpg"))
	s.wantIDs(t, s.index, minioIDOfPhoto)
	s.mustSend(t, s.remove("myphoto.jpg"))
	s.wantIDs(t, s.index)
	s.wantIDs(t, s.companion(), minioIDOfPhoto)
}

func testIDsOfEmptied(t *testing.T, s *session) {
	s.minioWrote(t)
	s.mustSend(t, s.remove("myphoto.jpg"))
	s.wantIDs(t, s.index)
	s.wantIDs(t, s.companion(), minioIDOfPhoto)
	s.open(t)
	s.mustSend(t, s.put("myphoto.jpg"))
	s.wantIDs(t, s.index, minioIDOfPhoto)
}

func testIDsOfGuide(t *testing.T, s *session) {
	s.request(t, http.MethodPut, "/"+s.index+"/_doc/"+url.PathEscape("images/old.jpg")+"?refresh=true", string(s.put("old.jpg").Body), nil)
	s.mustSend(t, s.put("myphoto.jpg"), s.remove("old.jpg"))
	s.wantIDs(t, s.index, "images/myphoto.jpg")
}

func testIDsOfAccess(t *testing.T, s *session) {
	s.request(t, http.MethodPost, "/"+s.index+"/_doc?refresh=true", string(s.put("old.jpg").Body), nil)
	s.minioWrote(t)
	s.mustSend(t, s.put("myphoto.jpg"))
	if ids := s.ids(t, s.index); len(ids) != 2 || !slices.Contains(ids, minioIDOfPhoto) {
		t.Errorf("ids %q", ids)
	}
}

func testIDsAsSet(t *testing.T, s *session) {
	s.values["document_id"] = "minio"
	s.mustSend(t, s.put("myphoto.jpg"))
	s.wantIDs(t, s.index, minioIDOfPhoto)
	s.values["document_id"] = "guide"
	s.open(t)
	s.mustSend(t, s.put("myphoto.jpg"))
	s.wantIDs(t, s.index, "images/myphoto.jpg", minioIDOfPhoto)
}

func testLongIDs(t *testing.T, s *session) {
	longest := strings.Repeat("k", 512-len("images/"))
	keys := []string{longest, longest + "k", longest + "l", strings.Repeat("ü", 512)}
	var puts, removals []target.Message
	for _, key := range keys {
		puts = append(puts, s.put(key))
	}
	s.mustSend(t, puts...)
	got := rows(t, s.harness)
	for _, key := range keys {
		if got["images/"+key] == "" {
			t.Errorf("no document of the key of %d bytes", len(key))
		}
		removals = append(removals, s.remove(key))
	}
	if len(got) != len(keys) {
		t.Errorf("%d documents of %d keys", len(got), len(keys))
	}
	s.mustSend(t, removals...)
	s.wantIDs(t, s.index)
}

// testMappingRefuses: that one document is refused is no matter of the others.
func testMappingRefuses(t *testing.T, s *session) {
	s.request(t, http.MethodPut, "/"+s.index, `{"mappings":{"properties":{"Records":{"properties":{"s3":{"properties":{"object":{"properties":{
		"userMetadata":{"properties":{"X-Amz-Meta-Age":{"type":"integer"}}}}}}}}}}}}`, nil)
	age := func(key, value string) target.Message {
		return s.putWith(key, map[string]string{"X-Amz-Meta-Age": value})
	}
	s.open(t)
	err := s.Send(t.Context(), []target.Message{age("a", "7"), age("b", "old"), age("c", "9")})
	var some *target.BatchError
	if !errors.As(err, &some) || len(some.Failed) != 1 || !target.IsPermanent(some.Failed[1]) || !strings.Contains(some.Failed[1].Error(), "X-Amz-Meta-Age") {
		t.Errorf("send: %v, want that 1 alone is refused", err)
	}
	s.wantIDs(t, s.index, "images/a", "images/c")
}

// testOddMetadata has what Elasticsearch refuses without a mapping: MinIO's
// indexes lose such events.
func testOddMetadata(t *testing.T, s *session) {
	batch := []target.Message{
		s.putWith("2020/01/01", map[string]string{"X-Amz-Meta-A": "1", "X-Amz-Meta-When": "2020-01-01"}),
		s.putWith("no date", map[string]string{"X-Amz-Meta-A.b": "2", "X-Amz-Meta-When": "yesterday"}),
		s.putWith("dots", map[string]string{"X-Amz-Meta-.": "3", "X-Amz-Meta-a.": "4", "X-Amz-Meta-.b": "5"}),
		s.putWith("long", map[string]string{"X-Amz-Meta-Long": strings.Repeat("ü", 20_000)}),
	}
	for i := range 12 {
		metadata := make(map[string]string)
		for j := range 100 {
			metadata[fmt.Sprintf("X-Amz-Meta-%d-%d", i, j)] = "x"
		}
		batch = append(batch, s.putWith(fmt.Sprintf("many names %d", i), metadata))
	}
	s.mustSend(t, batch...)
	if n := len(s.ids(t, s.index)); n != len(batch) {
		t.Errorf("%d documents, want %d", n, len(batch))
	}
	err := s.Send(t.Context(), []target.Message{s.putWith("empty name within", map[string]string{"X-Amz-Meta-..c": "1"})})
	var some *target.BatchError
	if !errors.As(err, &some) || !target.IsPermanent(some.Failed[0]) {
		t.Errorf("send of a name with two dots: %v; the page of docs says that it is refused", err)
	}
}

func testSearchMetadata(t *testing.T, s *session) {
	s.mustSend(t, s.putWith("a", map[string]string{"X-Amz-Meta-Colour": "red"}), s.putWith("b", map[string]string{"X-Amz-Meta-Colour": "blue"}))
	s.request(t, http.MethodPost, "/"+s.index+"/_refresh", "", nil)
	for query, want := range map[string]string{
		`{"term":{"Records.s3.object.userMetadata.X-Amz-Meta-Colour":"blue"}}`:                                                    "images/b",
		`{"bool":{"must":[{"term":{"Records.s3.object.key.keyword":"a"}},{"range":{"Records.eventTime":{"gte":"2020-01-01"}}}]}}`: "images/a",
	} {
		var found struct {
			Hits struct{ Hits []document }
		}
		s.request(t, http.MethodPost, "/"+s.index+"/_search", `{"query":`+query+`}`, &found)
		if len(found.Hits.Hits) != 1 || found.Hits.Hits[0].ID != want {
			t.Errorf("%s finds %+v, want %s", query, found.Hits.Hits, want)
		}
	}
}

// testClosedIndex: Elasticsearch answers 400 for each event then, which is no
// fault of theirs.
func testClosedIndex(t *testing.T, s *session) {
	put := s.put("k")
	s.mustSend(t, put)
	s.request(t, http.MethodPost, "/"+s.index+"/_close", "", nil)
	err := s.Send(t.Context(), []target.Message{s.put("other")})
	var some *target.BatchError
	if err == nil || errors.As(err, &some) && target.IsPermanent(some.Failed[0]) || target.IsPermanent(err) {
		t.Errorf("send: %v", err)
	}
	s.request(t, http.MethodPost, "/"+s.index+"/_open", "", nil)
	s.mustSend(t, s.put("other"))
	s.wantIDs(t, s.index, "images/k", "images/other")
}

func testRemovedIndex(t *testing.T, s *session) {
	s.mustSend(t, s.put("k"))
	s.request(t, http.MethodDelete, "/"+s.index+","+s.companion(), "", nil)
	if s.Send(t.Context(), []target.Message{s.put("k")}) != nil {
		s.mustSend(t, s.put("k"))
	}
	s.wantIDs(t, s.index, "images/k")
	var settings map[string]any
	s.request(t, http.MethodGet, "/"+s.companion()+"/_settings", "", &settings)
}

func testAlias(t *testing.T, s *session) {
	s.request(t, http.MethodPut, "/behind-"+s.index, `{"aliases":{"`+s.index+`":{}}}`, nil)
	s.mustSend(t, s.put("k"), s.put("other"))
	s.mustSend(t, s.remove("k"))
	s.wantIDs(t, "behind-"+s.index, "images/other")
}

func testResendAccess(t *testing.T, s *session) {
	s.values["format"] = "access"
	put, removal := s.put("k"), s.remove("k")
	s.mustSend(t, put, removal)
	s.mustSend(t, put, removal, s.put("k"))
	got := s.documents(t, s.index)
	if len(got) != 3 || got[0].ID != put.ID || got[1].ID != removal.ID {
		t.Errorf("documents %+v", got)
	}
}
