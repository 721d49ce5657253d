package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/test/harness"
)

// elasticIndex is where the events go. It has one shard, as Elasticsearch makes
// it unless told otherwise.
const elasticIndex = "bucketevents"

// elasticAccess is an index of all events. One that comes again is no second
// document, so no duplicates are seen.
func elasticAccess(t *testing.T) broker {
	t.Helper()
	b, node := startElastic(t, "access")
	b.arrived = func(t testing.TB) ([]seen, error) {
		documents, err := elasticDocuments(t, node)
		if err != nil {
			return nil, err
		}
		return seenInRows(documents)
	}
	return b
}

// elasticNamespace is an index that mirrors the buckets: the id of a document is
// bucket/key.
func elasticNamespace(t *testing.T) broker {
	t.Helper()
	b, node := startElastic(t, "namespace")
	b.mirrored = func(t testing.TB) (map[string][]byte, error) {
		documents, err := elasticDocuments(t, node)
		return mirrorOf(documents), err
	}
	return b
}

func startElastic(t *testing.T, format string) (broker, *brokertest.Elasticsearch) {
	t.Helper()
	node := brokertest.StartElasticsearch(t, brokertest.Elasticsearch8, false)
	return broker{
		name: "elasticsearch, " + format, process: node.Process, arn: "arn:minio:sqs::1:elasticsearch",
		env: []string{
			"MINIO_NOTIFY_ELASTICSEARCH_ENABLE_1=on", "MINIO_NOTIFY_ELASTICSEARCH_URL_1=" + node.URL,
			"MINIO_NOTIFY_ELASTICSEARCH_INDEX_1=" + elasticIndex, "MINIO_NOTIFY_ELASTICSEARCH_FORMAT_1=" + format,
		},
	}, node
}

// elasticDocuments are all, in the order in which the shard took them.
func elasticDocuments(t testing.TB, node *brokertest.Elasticsearch) ([]tableRow, error) {
	t.Helper()
	ctx, cancel := harness.Bounded(t)
	defer cancel()
	if err := node.Request(ctx, http.MethodPost, "/"+elasticIndex+"/_refresh", "", nil); err != nil {
		return nil, err
	}
	var all []tableRow
	for after := int64(-1); ; {
		found, err := elasticPage(ctx, node, after)
		if err != nil || len(found) == 0 {
			return all, err
		}
		for _, d := range found {
			all = append(all, tableRow{name: d.ID, body: d.Source})
			after = d.Sequence
		}
	}
}

// elasticDocument is one that a search finds.
type elasticDocument struct {
	ID       string          `json:"_id"`
	Sequence int64           `json:"_seq_no"`
	Source   json.RawMessage `json:"_source"`
}

// elasticPage are the next documents after a sequence number of the shard's.
func elasticPage(ctx context.Context, node *brokertest.Elasticsearch, after int64) ([]elasticDocument, error) {
	const most = 2000
	var found struct {
		Hits struct{ Hits []elasticDocument }
	}
	query := fmt.Sprintf(`{"size":%d,"seq_no_primary_term":true,"sort":[{"_seq_no":"asc"}],"search_after":[%d]}`, most, after)
	err := node.Request(ctx, http.MethodPost, "/"+elasticIndex+"/_search", query, &found)
	return found.Hits.Hits, err
}
