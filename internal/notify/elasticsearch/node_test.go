package elasticsearch_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/internal/notify/target/targettest"
)

const wrongPassword = "not-the-password"

// node is a real Elasticsearch, which the tests of a version share: each has an
// index of its own.
type node struct {
	*brokertest.Elasticsearch
	indexes atomic.Int64
}

func startNode(t *testing.T, version string, secure bool) *node {
	t.Helper()
	return &node{Elasticsearch: brokertest.StartElasticsearch(t, version, secure)}
}

// request asks the node, with a client that is not the one under test.
func (n *node) request(t *testing.T, method, path, body string, to any) {
	t.Helper()
	if err := n.Request(t.Context(), method, path, body, to); err != nil {
		t.Fatal(err)
	}
}

// document is one that a search finds.
type document struct {
	ID       string          `json:"_id"`
	Sequence int64           `json:"_seq_no"`
	Source   json.RawMessage `json:"_source"`
}

// documents are all of an index, in the order in which they were written; none
// if there is no such index.
func (n *node) documents(t *testing.T, index string) []document {
	t.Helper()
	const page = 2000
	n.request(t, http.MethodPost, "/"+index+"/_refresh?ignore_unavailable=true", "", nil)
	var all []document
	for after := int64(-1); ; {
		var found struct {
			Hits struct{ Hits []document }
		}
		query := fmt.Sprintf(`{"size":%d,"seq_no_primary_term":true,"sort":[{"_seq_no":{"order":"asc","unmapped_type":"long"}}],"search_after":[%d]}`, page, after)
		n.request(t, http.MethodPost, "/"+index+"/_search?ignore_unavailable=true", query, &found)
		all = append(all, found.Hits.Hits...)
		if len(found.Hits.Hits) < page {
			return all
		}
		after = all[len(all)-1].Sequence
	}
}

// harness is one index of a node, and the settings that reach it.
type harness struct {
	*node
	index  string
	values map[string]string
}

func (n *node) harness(t *testing.T, format string) *harness {
	t.Helper()
	h := &harness{node: n, index: fmt.Sprintf("events-%d", n.indexes.Add(1))}
	h.values = map[string]string{"url": n.URL, "index": h.index, "format": format}
	if n.Certs != nil {
		h.values["username"], h.values["password"], h.values["cert_authority"] = brokertest.Login, brokertest.Password, n.Certs.CA
	}
	return h
}

// reached is a harness with other settings.
func (n *node) reached(format string, change map[string]string) func(*testing.T) targettest.Harness {
	return func(t *testing.T) targettest.Harness {
		h := n.harness(t, format)
		maps.Copy(h.values, change)
		return h
	}
}

func (h *harness) Values() map[string]string { return h.values }
func (h *harness) Secrets() []string         { return []string{brokertest.Password, wrongPassword} }
func (h *harness) Kill(*testing.T)           { h.Elasticsearch.Kill() }
func (h *harness) Start(*testing.T)          { h.Elasticsearch.Start() }
func (h *harness) Freeze(*testing.T)         { h.Elasticsearch.Freeze() }
func (h *harness) Thaw(*testing.T)           { h.Elasticsearch.Thaw() }

func (h *harness) Received(t *testing.T) []targettest.Received {
	t.Helper()
	var got []targettest.Received
	for _, d := range h.documents(t, h.index) {
		r := targettest.Received{Body: string(d.Source)}
		if h.values["format"] == "access" {
			r.ID = d.ID
		}
		got = append(got, r)
	}
	return got
}

// rows are the documents of a mirror by what they tell of.
func rows(t *testing.T, h targettest.Harness) map[string]string {
	t.Helper()
	got := make(map[string]string)
	for _, d := range h.(*harness).documents(t, h.Values()["index"]) {
		name := nameIn(t, d.Source)
		if _, ok := got[name]; ok {
			t.Errorf("%q has two documents", name)
		}
		got[name] = string(d.Source)
	}
	return got
}

// nameIn is the "<bucket>/<key>" of an event.
func nameIn(t *testing.T, body []byte) string {
	t.Helper()
	var e struct {
		Records []struct {
			S3 struct {
				Bucket struct{ Name string }
				Object struct{ Key string }
			}
		}
	}
	if err := json.Unmarshal(body, &e); err != nil || len(e.Records) != 1 {
		t.Fatalf("%s is not an event: %v", body, err)
	}
	key, err := url.QueryUnescape(e.Records[0].S3.Object.Key)
	if err != nil {
		t.Fatal(err)
	}
	return e.Records[0].S3.Bucket.Name + "/" + key
}

// ids are the ids of an index, sorted.
func (n *node) ids(t *testing.T, index string) []string {
	t.Helper()
	var ids []string
	for _, d := range n.documents(t, index) {
		ids = append(ids, d.ID)
	}
	slices.Sort(ids)
	return ids
}
