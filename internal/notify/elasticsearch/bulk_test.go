package elasticsearch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// TestJudge: what an item's status means. The texts are Elasticsearch's.
func TestJudge(t *testing.T) {
	t.Parallel()
	const done, again, never = "acknowledged", "sent again", "refused for good"
	tests := map[string]struct {
		action, want string
		status       int
		err          itemError
	}{
		"created":                {actionCreate, done, 201, itemError{}},
		"replaced":               {actionIndex, done, 200, itemError{}},
		"deleted":                {actionDelete, done, 200, itemError{}},
		"nothing to delete":      {actionDelete, done, 404, itemError{}},
		"the same is there":      {actionCreate, done, 409, itemError{typeConflict, "[1]: version conflict, document already exists (current version [1])"}},
		"a newer one is there":   {actionIndex, done, 409, itemError{typeConflict, "[k]: version conflict, current version [9] is higher than the one provided [8]"}},
		"other conflict":         {actionIndex, again, 409, itemError{"status_exception", "being changed"}},
		"busy":                   {actionIndex, again, 429, itemError{"es_rejected_execution_exception", "rejected execution"}},
		"disk full":              {actionIndex, again, 429, itemError{"cluster_block_exception", "index [i] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark]"}},
		"read only":              {actionIndex, again, 403, itemError{"cluster_block_exception", "index [i] blocked by: [FORBIDDEN/5/index read-only (api)]"}},
		"no shard":               {actionDelete, again, 503, itemError{"unavailable_shards_exception", "primary shard is not active"}},
		"no index":               {actionIndex, again, 404, itemError{typeNoIndex, "no such index [i]"}},
		"closed index":           {actionIndex, again, 400, itemError{"index_closed_exception", "closed"}},
		"alias of several":       {actionIndex, again, 400, itemError{typeBadArgument, "no write index is defined for alias [i]"}},
		"of another type":        {actionIndex, never, 400, itemError{typeParse, "failed to parse field [x] of type [date]"}},
		"of another type, 8.9":   {actionIndex, never, 400, itemError{typeParseNew, "[1:2] failed to parse field"}},
		"field not in the index": {actionIndex, never, 400, itemError{typeStrict, "mapping set to strict"}},
		"too many fields":        {actionIndex, never, 400, itemError{typeBadArgument, "Limit of total fields [1000] has been exceeded"}},
		"field of two types":     {actionIndex, never, 400, itemError{typeBadArgument, "mapper [x] cannot be changed from type [long] to [text]"}},
		"too long a word":        {actionIndex, never, 400, itemError{typeBadArgument, "Document contains at least one immense term in field"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := done
			if err := new(cluster).judge(tt.action, tt.status, tt.err); target.IsPermanent(err) {
				got = never
			} else if err != nil {
				got = again
			}
			if got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

// proxy stands before an Elasticsearch that takes all, and answers bulk requests
// itself where answer says so.
func proxy(t *testing.T, answer func(w http.ResponseWriter, lines int, body []byte) bool) target.Target {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || !strings.HasSuffix(r.URL.Path, "/_bulk") {
			_, _ = io.WriteString(w, "{}") // a client that is gone is not looked for
			return
		}
		lines := bytes.Count(body, []byte("\n"))
		if answer(w, lines, body) {
			return
		}
		items := make([]string, lines/2)
		for i := range items {
			items[i] = `{"create":{"status":201}}`
		}
		_, _ = io.WriteString(w, `{"items":[`+strings.Join(items, ",")+`]}`)
	}))
	t.Cleanup(server.Close)
	s := new(Settings)
	if err := config.Decode(s, map[string]string{"url": server.URL, "index": "i", "format": "access", "username": "u", "password": "s3cret"}); err != nil {
		t.Fatal(err)
	}
	c, err := open(s, target.Env{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // it cannot fail
	return c
}

func events(n int) []target.Message {
	batch := make([]target.Message, n)
	for i := range batch {
		batch[i] = target.Message{ID: fmt.Sprintf("id-%d", i), Key: fmt.Sprintf("b/%d", i), Body: []byte(`{"Records":[]}`)}
	}
	return batch
}

// TestProxyOfSmallRequests: what is too large for a proxy goes in parts, and only
// the event that is too large by itself is refused.
func TestProxyOfSmallRequests(t *testing.T) {
	t.Parallel()
	const limit = 1 << 10
	var requests, taken int
	tgt := proxy(t, func(w http.ResponseWriter, lines int, body []byte) bool {
		requests++
		if len(body) > limit {
			http.Error(w, "<html>413 Request Entity Too Large</html>", http.StatusRequestEntityTooLarge)
			return true
		}
		taken += lines / 2
		return false
	})
	batch := events(100)
	batch[17].Body = []byte(`{"Records":["` + strings.Repeat("x", limit) + `"]}`)
	err := tgt.Send(t.Context(), batch)
	var some *target.BatchError
	if !errors.As(err, &some) || len(some.Failed) != 1 || !target.IsPermanent(some.Failed[17]) {
		t.Errorf("send: %v, want that 17 alone is refused", err)
	}
	if taken != 99 {
		t.Errorf("%d events went through in %d requests, want 99", taken, requests)
	}
}

// TestAnswersThatAcknowledgeNothing: whatever is not the answer to this very
// request is a failure of all of it, and of nobody's making.
func TestAnswersThatAcknowledgeNothing(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		body   string
		want   string
	}{
		"busy":                  {429, `{"error":{"type":"circuit_breaking_exception","reason":"[parent] Data too large"},"status":429}`, "429 Too Many Requests: circuit_breaking_exception: [parent] Data too large"},
		"unavailable":           {503, `no backend`, "503 Service Unavailable: no backend"},
		"malformed, it says":    {400, `{"error":{"type":"illegal_argument_exception","reason":"Malformed action/metadata line [1]"}}`, "Malformed action"},
		"shows what it got":     {500, `bad header: Basic s3cret`, "Basic ***"},
		"redirect":              {302, ``, "302 Found"},
		"nothing":               {200, ``, "not what Elasticsearch answers"},
		"another server's page": {200, `<html>hello</html>`, "not what Elasticsearch answers"},
		"no items":              {200, `{"errors":false}`, "has 0"},
		"too few items":         {200, `{"items":[{"create":{"status":201}}]}`, "has 1"},
		"other actions":         {200, `{"items":[{"create":{"status":201}},{"index":{"status":201}}]}`, "another action than create"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tgt := proxy(t, func(w http.ResponseWriter, _ int, _ []byte) bool {
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
				return true
			})
			err := tgt.Send(t.Context(), events(2))
			var some *target.BatchError
			if err == nil || errors.As(err, &some) || target.IsPermanent(err) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("send: %v, want %q for all of it", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

func TestLinesOfABulkRequest(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		o    operation
		want string
	}{
		"create": {operation{action: actionCreate, id: "e-1-2", body: []byte(`{"a":1}`)}, `{"create":{"_id":"e-1-2"}}` + "\n" + `{"a":1}` + "\n"},
		"index": {
			operation{action: actionIndex, id: "b/\"\n\x00ü", version: 7, body: []byte(`{}`)},
			`{"index":{"_id":"b/\"\n\u0000ü","version_type":"external_gte","version":7}}` + "\n{}\n",
		},
		"delete": {operation{action: actionDelete, id: "b/k", version: 8, body: []byte("no body")}, `{"delete":{"_id":"b/k","version_type":"external_gte","version":8}}` + "\n"},
	}
	for name, tt := range tests {
		got, err := tt.o.appendTo(nil)
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: %s, %v; want %s", name, got, err, tt.want)
		}
		for line := range bytes.Lines(got) {
			if !json.Valid(line) {
				t.Errorf("%s: %s is no JSON", name, line)
			}
		}
	}
}

func TestVersionOfASequencer(t *testing.T) {
	t.Parallel()
	for sequencer, want := range map[string]int64{"17979CFE362A0001": 0x17979CFE362A0001, "": -1, "FFFFFFFFFFFFFFFF": -1, "x": -1} {
		got, err := versionOf(&target.Message{Sequencer: sequencer})
		if (want == -1) != (err != nil) || err == nil && got != want {
			t.Errorf("%q: %d, %v; want %d", sequencer, got, err, want)
		}
	}
}
