package guide

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/carillon-s3/carillon/test/harness"
)

// scrapeJob is what `mc admin prometheus generate` prints, as far as Prometheus
// needs it.
type scrapeJob struct{ token, path, address string }

func generate(t *testing.T, mc *harness.MC, args ...string) scrapeJob {
	t.Helper()
	text := mc.OK(append([]string{"admin", "prometheus", "generate", "myminio"}, args...)...)
	field := func(pattern string) string {
		m := regexp.MustCompile(pattern).FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("mc printed no %s:\n%s", pattern, text)
		}
		return m[1]
	}
	return scrapeJob{field(`bearer_token: (\S+)`), field(`metrics_path: (\S+)`), field(`targets: \['([^']+)'\]`)}
}

// TestPrometheusJobs: what mc generates can be scraped as it is, and what mc
// prints itself is well formed.
func TestPrometheusJobs(t *testing.T) {
	t.Parallel()
	receiver := harness.NewReceiver(t)
	server := harness.Start(t, harness.Options{Env: harness.WebhookEnv("1", receiver.URL())})
	mc := harness.NewMC(t).Alias("myminio", server)
	mc.OK("mb", "myminio/box", "myminio/other")
	v3 := []string{"--api-version", "v3"}
	tests := []struct {
		args []string
		path string
		has  string
	}{
		{nil, "/minio/v2/metrics/cluster", "minio_notify_target_queue_length"},
		{[]string{"cluster"}, "/minio/v2/metrics/cluster", "carillon_target_oldest_event_age_seconds"},
		{[]string{"node"}, "/minio/v2/metrics/node", "go_goroutines"},
		{[]string{"bucket"}, "/minio/v2/metrics/bucket", "minio_bucket_usage_object_total"},
		{[]string{"resource"}, "/minio/v2/metrics/resource", "process_resident_memory_bytes"},
		{v3, "/minio/metrics/v3", "minio_notification_events_sent_total"},
		{append([]string{"api"}, v3...), "/minio/metrics/v3/api", "carillon_s3_requests_total"},
		{append([]string{"system"}, v3...), "/minio/metrics/v3/system", "process_open_fds"},
		{append([]string{"debug"}, v3...), "/minio/metrics/v3/debug", "go_memstats_heap_alloc_bytes"},
		{append([]string{"cluster"}, v3...), "/minio/metrics/v3/cluster", "carillon_disk_free_bytes"},
		{append([]string{"notification"}, v3...), "/minio/metrics/v3/notification", "minio_notification_events_errors_total"},
		{append([]string{"ilm"}, v3...), "/minio/metrics/v3/ilm", ""},
		{append([]string{"audit"}, v3...), "/minio/metrics/v3/audit", ""},
		{append([]string{"logger"}, v3...), "/minio/metrics/v3/logger", ""},
		{append([]string{"replication"}, v3...), "/minio/metrics/v3/replication", ""},
		{append([]string{"scanner"}, v3...), "/minio/metrics/v3/scanner", ""},
		{append([]string{"api", "--bucket", "box"}, v3...), "/minio/metrics/v3/bucket/api/box", "minio_bucket_usage_total_bytes"},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			job := generate(t, mc, tt.args...)
			if job.path != tt.path || job.address != server.Address {
				t.Fatalf("mc generates %s at %s", job.path, job.address)
			}
			// Buckets are counted in the background.
			harness.Poll(t, tt.has, func() error {
				got, status := server.Scrape(t, job.path, job.token)
				if status != http.StatusOK || tt.has != "" && got[tt.has] == nil {
					return fmt.Errorf("status %d, %d metrics", status, len(got))
				}
				return nil
			})
			printed := mc.OK(append([]string{"admin", "prometheus", "metrics", "myminio"}, tt.args...)...)
			parser := expfmt.NewTextParser(model.LegacyValidation)
			families, err := parser.TextToMetricFamilies(strings.NewReader(printed))
			if err != nil || tt.has != "" && families[tt.has] == nil {
				t.Errorf("mc admin prometheus metrics: %d metrics, %v", len(families), err)
			}
			if strings.Contains(printed, `"other"`) != (job.path == "/minio/v2/metrics/bucket") {
				t.Errorf("the other bucket's series are where they should not be, or not where they should:\n%s", printed)
			}
		})
	}
	var list []struct{ Name, Type string }
	text := mc.OK("--json", "admin", "prometheus", "metrics", "myminio", "cluster")
	if err := json.Unmarshal([]byte(text), &list); err != nil || len(list) < 50 {
		t.Errorf("as JSON mc prints %d metrics, %v: %.300s", len(list), err, text)
	}
}

// TestWhoMayScrape: a token of the root credential, or everybody where metrics
// are public; and a bucket called metrics is a bucket.
func TestWhoMayScrape(t *testing.T) {
	t.Parallel()
	for _, variable := range []string{"MINIO_PROMETHEUS_AUTH_TYPE", "CARILLON_PROMETHEUS_AUTH_TYPE"} {
		t.Run(variable, func(t *testing.T) {
			t.Parallel()
			server := harness.Start(t, harness.Options{})
			mc := harness.NewMC(t).Alias("myminio", server)
			job := generate(t, mc)
			expect := func(what, path, token string, want int) {
				t.Helper()
				if _, got := server.Scrape(t, path, token); got != want {
					t.Errorf("%s %s: %d, want %d", what, path, got, want)
				}
			}
			for _, path := range []string{"/metrics", job.path, "/minio/metrics/v3", "/minio/prometheus/metrics"} {
				expect("with the token", path, job.token, http.StatusOK)
				expect("without a token", path, "", http.StatusForbidden)
				expect("with a damaged token", path, job.token+"x", http.StatusForbidden)
			}
			server.Terminate()
			server.Restart("MINIO_ROOT_USER="+harness.RootUser, "MINIO_ROOT_PASSWORD=another-secret-43")
			expect("with the token of the former password", job.path, job.token, http.StatusForbidden)
			server.Terminate()
			server.Restart("MINIO_ROOT_USER="+harness.RootUser, "MINIO_ROOT_PASSWORD="+harness.RootPassword, variable+"=public")
			for _, path := range []string{"/metrics", job.path} {
				expect("public", path, "", http.StatusOK)
			}
			client := server.Client(t)
			harness.MakeBucket(t, client, "metrics")
			harness.Put(t, client, "metrics", "k", []byte("hello"))
			if got := mc.OK("ls", "myminio/metrics"); !strings.Contains(got, " k") {
				t.Errorf("the bucket called metrics lists %q", got)
			}
		})
	}
}

// TestMetricsTellOfTrouble: what an operator is woken for shows, while it lasts.
func TestMetricsTellOfTrouble(t *testing.T) {
	t.Parallel()
	receiver := harness.NewReceiver(t)
	receiver.Behave(harness.StatusForKey("box/poison", http.StatusBadRequest))
	dead := harness.NewReceiver(t)
	dead.Behave(harness.Hang)
	env := append(harness.WebhookEnv("good", receiver.URL()), harness.WebhookEnv("dead", dead.URL())...)
	server := harness.Start(t, harness.Options{Env: append(env, "MINIO_PROMETHEUS_AUTH_TYPE=public")})
	client := server.Client(t)
	harness.MakeBucket(t, client, "box",
		harness.Rule{ARN: harness.WebhookARN("good"), Events: harness.AllChanges()},
		harness.Rule{ARN: harness.WebhookARN("dead"), Events: harness.AllChanges(), Prefix: "k"})
	keys := harness.PutMany(t, client, "box", "k", 5)
	harness.Put(t, client, "box", "poison", []byte("x"))
	receiver.WaitKeys(t, keys)
	good := []string{"target_id", "good", "target_name", "webhook"}
	hung := []string{"target_id", "dead", "target_name", "webhook"}
	host := []string{"server", server.Address}
	want := []struct {
		name   string
		labels []string
		holds  func(v float64) bool
		text   string
	}{
		{"carillon_target_events_delivered_total", good, is(5), "5"},
		{"carillon_target_delivery_latency_seconds", good, is(5), "5"},
		{"carillon_target_events_parked_total", good, is(1), "1"},
		{"carillon_target_parked_events", good, is(1), "1"},
		{"carillon_target_events_failed_total", good, is(3), "3"},
		{"carillon_target_events_retried_total", good, is(2), "2"},
		{"carillon_target_backlog_events", good, is(0), "0"},
		{"minio_notify_target_total_events", append(good, host...), is(8), "8"},
		{"minio_notify_target_failed_events", append(good, host...), is(3), "3"},
		{"minio_notify_events_sent_total", host, is(5), "5"},
		{"minio_notification_events_sent_total", host, is(5), "5"},
		{"carillon_target_state", append(good, "state", "online"), is(1), "1"},
		{"carillon_target_backlog_events", hung, is(5), "5"},
		{"minio_notify_target_queue_length", append(hung, host...), is(5), "5"},
		{"carillon_target_oldest_event_age_seconds", hung, above(0), "some"},
		{"carillon_target_sends_inflight", hung, above(0), "some"},
		{"carillon_outbox_events", nil, is(5), "5"},
		{"carillon_s3_requests_total", []string{"operation", "PutObject", "class", "2xx"}, is(6), "6"},
		{"carillon_s3_received_bytes_total", []string{"operation", "PutObject"}, is(5*float64(len("k-0000")) + 1), "the bodies"},
		{"carillon_s3_request_duration_seconds", []string{"operation", "PutObject"}, is(6), "6"},
		{"carillon_kv_sync_duration_seconds", nil, above(7), "one for each change at least"},
		{"carillon_kv_group_commits", nil, above(7), "as many"},
		{"carillon_journal_records", nil, is(7), "a bucket and six objects"},
		{"carillon_journal_partitions", nil, above(1), "some"},
		{"carillon_admitting_writes", nil, is(1), "1"},
		{"carillon_disk_free_bytes", nil, above(1), "some"},
		{"carillon_disk_reserve_bytes", nil, above(1), "some"},
		{"carillon_store_failed", nil, is(0), "0"},
		{"carillon_pebble_memtable_bytes", nil, above(0), "some"},
		{"minio_cluster_health_status", host, is(1), "1"},
		{"process_start_time_seconds", nil, above(1), "some"},
	}
	for _, w := range want {
		harness.Poll(t, fmt.Sprintf("%s%v to be %s", w.name, w.labels, w.text), func() error {
			got, _ := server.Scrape(t, "/metrics", "")
			v, err := got.Value(w.name, w.labels...)
			if err == nil && !w.holds(v) {
				err = fmt.Errorf("it is %v", v)
			}
			return err
		})
	}
	// Back again: the age falls.
	dead.Down()
	dead.Behave(harness.Accept)
	dead.Up(t)
	dead.WaitKeys(t, keys)
	harness.Poll(t, "an empty outbox", func() error {
		got, _ := server.Scrape(t, "/metrics", "")
		age, err := got.Value("carillon_target_oldest_event_age_seconds", hung...)
		if events, _ := got.Value("carillon_outbox_events"); err == nil && (age != 0 || events != 0) {
			err = fmt.Errorf("%v events, the oldest %v s old", events, age)
		}
		return err
	})
}

func is(want float64) func(float64) bool     { return func(v float64) bool { return v == want } }
func above(bound float64) func(float64) bool { return func(v float64) bool { return v > bound } }
