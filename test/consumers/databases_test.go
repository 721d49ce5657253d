package consumers

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/test/harness"
)

// oddEscaped is the key odd as events hold it.
const oddEscaped = "a+b%2B%C3%BC.txt"

// database is a server with a client of its own, not ours.
type database struct {
	setting string // tells the target where it is
	client  []string
	env     []string
}

// sql runs statements and returns what the client prints.
func (d database) sql(t *testing.T, statements string) string {
	t.Helper()
	out, err := run(t, d.env, d.client[0], append(d.client[1:], statements)...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", statements, err, out)
	}
	return strings.ReplaceAll(out, "\t", "|")
}

func startPostgres(t *testing.T) database {
	p := brokertest.StartPostgres(t)
	return database{"connection_string=" + p.URL(), []string{"psql", p.URL(), "-X", "-A", "-t", "-q", "-c"}, nil}
}

func startMySQL(t *testing.T, m *brokertest.MySQL) database {
	host, port, _ := strings.Cut(m.Address, ":")
	return database{
		fmt.Sprintf("dsn_string=%s:%s@tcp(%s)/%s", brokertest.Login, brokertest.Password, m.Address, m.Database),
		[]string{"mariadb", "--no-defaults", "-h", host, "-P", port, "-u", brokertest.Login, "--ssl", "-N", "-B", m.Database, "-e"},
		[]string{"MYSQL_PWD=" + brokertest.Password},
	}
}

// TestViews: in tables in MinIO's shape events stand as often as they came. The
// views show each once, and the newest of each key.
func TestViews(t *testing.T) {
	t.Parallel()
	const (
		postgresTable = "CREATE TABLE bucketevents (event_time TIMESTAMPTZ NOT NULL, event_data JSONB)"
		mysqlTable    = "CREATE TABLE minio_images (event_time DATETIME NOT NULL, event_data JSON)"
	)
	tests := map[string]struct {
		kind, arnType, example, table, create string
		start                                 func(*testing.T) database
	}{
		"PostgreSQL": {"postgres", "postgresql", "postgres.sql", "bucketevents", postgresTable, startPostgres},
		"MySQL": {
			"mysql", "mysql", "mysql.sql", "minio_images", mysqlTable,
			func(t *testing.T) database { return startMySQL(t, brokertest.StartMySQL(t)) },
		},
		"MariaDB": {
			"mysql", "mysql", "mysql.sql", "minio_images", mysqlTable,
			func(t *testing.T) database { return startMySQL(t, brokertest.StartMariaDB(t)) },
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			views, err := os.ReadFile(example(t, tt.example))
			if err != nil {
				t.Fatal(err)
			}
			d := tt.start(t)
			d.sql(t, tt.create)
			d.sql(t, string(views))
			server := start(t, tt.kind, d.setting, "table="+tt.table, "format=access")
			happen(t, server, tt.arnType)
			waitDelivered(t, server)
			replay(t, server, tt.arnType)
			waitDelivered(t, server)

			if got := d.sql(t, "SELECT COUNT(*) FROM "+tt.table); got != fmt.Sprint(firstEvents+allEvents) {
				t.Errorf("the table has %s rows", got)
			}
			got := d.sql(t, "SELECT object_key, event FROM events ORDER BY sequencer")
			want := "cat.jpg|s3:ObjectCreated:Put\ncat.jpg|s3:ObjectRemoved:Delete\ndog.jpg|s3:ObjectCreated:Put\ndog.jpg|s3:ObjectRemoved:Delete\n" +
				oddEscaped + "|s3:ObjectCreated:Put"
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("each event once (-want +got):\n%s", diff)
			}
			got = d.sql(t, "SELECT bucket, object_key, event FROM newest ORDER BY sequencer")
			want = "photos|cat.jpg|s3:ObjectRemoved:Delete\nphotos|dog.jpg|s3:ObjectRemoved:Delete\nphotos|" + oddEscaped + "|s3:ObjectCreated:Put"
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the newest of each key (-want +got):\n%s", diff)
			}
		})
	}
}

// TestElasticsearch: the ids of documents are those of events, so none is there
// twice; the example finds the newest of each key.
func TestElasticsearch(t *testing.T) {
	t.Parallel()
	node := brokertest.StartElasticsearch(t, brokertest.Elasticsearch7, false)
	server := start(t, "elasticsearch", "url="+node.URL, "index=minio_events", "format=access")
	happen(t, server, "elasticsearch")
	waitDelivered(t, server)
	replay(t, server, "elasticsearch")
	waitDelivered(t, server)
	ctx, cancel := harness.Bounded(t)
	defer cancel()
	if err := node.Request(ctx, "POST", "/minio_events/_refresh", "", nil); err != nil {
		t.Fatal(err)
	}
	var all struct{ Count int }
	if err := node.Request(ctx, "GET", "/minio_events/_count", "", &all); err != nil || all.Count != allEvents {
		t.Errorf("the index has %d documents, %v; want %d", all.Count, err, allEvents)
	}
	out, err := run(t, []string{"ELASTICSEARCH_URL=" + node.URL}, "sh", example(t, "elasticsearch.sh"))
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var found struct {
		Hits struct {
			Hits []struct {
				Source struct {
					Records []harness.Record
				} `json:"_source"`
			}
		}
	}
	if err := json.Unmarshal([]byte(out), &found); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	got := make(map[string]string)
	for _, hit := range found.Hits.Hits {
		r := hit.Source.Records[0]
		got[r.S3.Object.Key] = r.EventName
	}
	want := map[string]string{"cat.jpg": "s3:ObjectRemoved:Delete", "dog.jpg": "s3:ObjectRemoved:Delete", oddEscaped: "s3:ObjectCreated:Put"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the newest of each key (-want +got):\n%s", diff)
	}
}
