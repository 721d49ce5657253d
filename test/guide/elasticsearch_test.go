package guide

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/test/harness"
)

// esHits is what the guide's search shows: the ids of an index and the names of
// their events.
func esHits(t *testing.T, mc *harness.MC, url string) (map[string]string, error) {
	t.Helper()
	var found struct {
		Hits struct {
			Hits []struct {
				ID     string `json:"_id"`
				Source struct {
					Records []struct{ EventName string }
				} `json:"_source"`
			}
		}
	}
	r := mc.Shell(`curl -sk "` + url + `/minio_events/_search?pretty=true"`)
	if r.Code != 0 {
		t.Fatalf("curl: exit %d\n%s", r.Code, r.Output())
	}
	if err := json.Unmarshal([]byte(r.Stdout), &found); err != nil {
		return nil, fmt.Errorf("%q: %w", r.Stdout, err)
	}
	names := make(map[string]string)
	for _, hit := range found.Hits.Hits {
		if len(hit.Source.Records) != 1 {
			return nil, fmt.Errorf("%s holds %d records", hit.ID, len(hit.Source.Records))
		}
		names[hit.ID] = hit.Source.Records[0].EventName
	}
	return names, nil
}

// wantHits waits until the search shows these and nothing else.
func wantHits(t *testing.T, mc *harness.MC, url string, want map[string]string) {
	t.Helper()
	harness.Poll(t, fmt.Sprintf("the search with %v", want), func() error {
		got, err := esHits(t, mc, url)
		if err != nil {
			return err
		}
		if diff := cmp.Diff(want, got); diff != "" {
			return fmt.Errorf("hits (-want +got):\n%s", diff)
		}
		return nil
	})
}

// TestElasticsearchChapter is the Elasticsearch chapter, as typed; only the port
// is another.
func TestElasticsearchChapter(t *testing.T) {
	t.Parallel()
	node := brokertest.StartElasticsearch(t, brokertest.Elasticsearch7, false)
	server := harness.Start(t, harness.Options{})
	mc := harness.NewMC(t).Alias("myminio", server)
	got := typed(t, mc, "mc admin config get myminio/ notify_elasticsearch")
	if want := "notify_elasticsearch enable=off url= format=namespace index= queue_dir= queue_limit=0 username= password= "; !strings.HasPrefix(got, want) {
		t.Errorf("config get prints %q, want %q", got, want)
	}
	typed(t, mc, `mc admin config set myminio notify_elasticsearch:1 queue_limit="0"  url="`+node.URL+`" format="namespace" index="minio_events" queue_dir="" username="" password=""`)
	server.Restarting(func() { typed(t, mc, "mc admin service restart myminio --json") })
	if want := "SQS ARNs: arn:minio:sqs::1:elasticsearch"; !strings.Contains(server.Stdout.String(), want) {
		t.Errorf("the banner lacks %q:\n%s", want, server.Stdout)
	}
	typed(t, mc, "mc mb myminio/images")
	typed(t, mc, "mc event add  myminio/images arn:minio:sqs::1:elasticsearch --suffix .jpg")
	if got := typed(t, mc, "mc event list myminio/images"); !strings.Contains(got, "arn:minio:sqs::1:elasticsearch") || !strings.Contains(got, `suffix=".jpg"`) {
		t.Errorf("event list: %q", got)
	}
	typed(t, mc, "mc cp "+picture(t)+" myminio/images")
	wantHits(t, mc, node.URL, map[string]string{"images/images.jpg": "s3:ObjectCreated:Put"})
	typed(t, mc, "mc stat myminio/images/images.jpg") // a read leaves the document as it is
	typed(t, mc, "mc cp "+picture(t)+" myminio/images/other.jpg")
	wantHits(t, mc, node.URL, map[string]string{"images/images.jpg": "s3:ObjectCreated:Put", "images/other.jpg": "s3:ObjectCreated:Put"})
	typed(t, mc, "mc rm myminio/images/images.jpg")
	wantHits(t, mc, node.URL, map[string]string{"images/other.jpg": "s3:ObjectCreated:Put"})
}

// TestElasticsearchAccessFormat: a document per event, configured by variables,
// with the user in the address as the chapter has it.
func TestElasticsearchAccessFormat(t *testing.T) {
	t.Parallel()
	node := brokertest.StartElasticsearch(t, brokertest.Elasticsearch8, true)
	withUser := strings.Replace(node.URL, "//", "//"+brokertest.Login+":"+brokertest.Password+"@", 1)
	server := harness.Start(t, harness.Options{Env: []string{
		"MINIO_NOTIFY_ELASTICSEARCH_ENABLE=on", "MINIO_NOTIFY_ELASTICSEARCH_URL=" + withUser, "MINIO_NOTIFY_ELASTICSEARCH_INDEX=minio_events",
		"MINIO_NOTIFY_ELASTICSEARCH_FORMAT=access", "MINIO_NOTIFY_ELASTICSEARCH_CERT_AUTHORITY=" + node.Certs.CA,
	}})
	mc := harness.NewMC(t).Alias("myminio", server)
	mc.OK("mb", "myminio/images")
	mc.OK("event", "add", "myminio/images", "arn:minio:sqs::_:elasticsearch", "--event", "put,delete")
	mc.OK("cp", picture(t), "myminio/images")
	mc.OK("rm", "myminio/images/images.jpg")
	harness.Poll(t, "both events", func() error {
		hits, err := esHits(t, mc, withUser)
		if err != nil {
			return err
		}
		count := make(map[string]int)
		for _, name := range hits {
			count[name]++
		}
		if diff := cmp.Diff(map[string]int{"s3:ObjectCreated:Put": 1, "s3:ObjectRemoved:Delete": 1}, count); diff != "" {
			return fmt.Errorf("events (-want +got):\n%s", diff)
		}
		return nil
	})
}
