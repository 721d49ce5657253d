package telemetry_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/carillon-s3/carillon/internal/telemetry"
)

// TestMain declares the flag that all golden files use.
func TestMain(m *testing.M) {
	flag.Bool("update", false, "write what is derived instead of comparing it")
	os.Exit(m.Run())
}

const page = "../../docs/metrics.md"

func groups() []telemetry.Group {
	return []telemetry.Group{telemetry.Delivery, telemetry.S3, telemetry.Storage, telemetry.Process, telemetry.Buckets}
}

// TestPageIsCurrent wants docs/metrics.md to hold what is declared.
func TestPageIsCurrent(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	want := string(text)
	all := telemetry.New(telemetry.Config{}).Definitions()
	for _, g := range groups() {
		begin, end := fmt.Sprintf("<!-- begin: %s -->\n", g), fmt.Sprintf("<!-- end: %s -->\n", g)
		head, rest, ok1 := strings.Cut(want, begin)
		_, tail, ok2 := strings.Cut(rest, end)
		if !ok1 || !ok2 {
			t.Fatalf("%s: the lines that mark the table of %s are missing", page, g)
		}
		want = head + begin + telemetry.Table(all, g) + end + tail
	}
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("%s differs from the declarations (-want +got); run this test with -update:\n%s", page, diff)
	}
}

// TestAlertsNameWhatIsThere: every metric of ours in the operator's guide is
// declared.
func TestAlertsNameWhatIsThere(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	declared := make(map[string]bool)
	for _, d := range telemetry.New(telemetry.Config{}).Definitions() {
		declared[d.Name] = true
		if d.Kind == telemetry.Histogram {
			declared[d.Name+"_bucket"] = true
		}
	}
	names := regexp.MustCompile(`\b(carillon|minio)_[a-z0-9_]+`).FindAllString(string(text), -1)
	if len(names) < 10 {
		t.Fatalf("only %d metrics are named", len(names))
	}
	for _, name := range names {
		if !declared[name] {
			t.Errorf("operations.md names %s, which is not declared", name)
		}
	}
}

var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// full has a source for everything, and has counted everything once.
func full() *telemetry.Metrics {
	m := telemetry.New(telemetry.Config{
		Server: "host:9000", Version: "v1", Operations: []string{"GetObject", "PutObject"},
		Now: func() time.Time { return now },
		Targets: func() []telemetry.TargetState {
			return []telemetry.TargetState{
				{
					ID: "1", Name: "webhook", State: "offline", Events: 7, Bytes: 700, Oldest: now.Add(-time.Minute),
					OverLimit: true, Full: true, Dropped: 5, Parked: 2, BlockedKeys: 3,
				},
				{ID: "2", Name: "kafka", State: "online", Events: 1, Bytes: 50, Oldest: now.Add(-time.Second)},
			}
		},
		Store: func() (telemetry.StoreState, bool) {
			return telemetry.StoreState{
				Admitting: true, FreeBytes: 100, TotalBytes: 1000, ReserveBytes: 50,
				Engine: &telemetry.EngineState{L0Files: 4, CompactionDebtBytes: 5, WriteStalled: true},
			}, true
		},
		Journal: func() (telemetry.JournalState, bool) {
			return telemetry.JournalState{Partitions: 72, Records: 9, Bytes: 900, Oldest: now.Add(-time.Hour)}, true
		},
		Buckets: func() []telemetry.BucketState {
			return []telemetry.BucketState{{Name: "box", Objects: 3, Bytes: 30}, {Name: "other", Objects: 1, Bytes: 10}}
		},
	})
	hook := m.Targets.Of("1", "webhook")
	hook.SendBegan()
	hook.SendBegan()
	hook.SendEnded(20*time.Millisecond, 1, 3, true)
	hook.Delivered(2 * time.Second)
	hook.Delivered(-time.Second) // a clock was set back
	hook.Parked()
	for range 4 {
		hook.Dropped()
	}
	hook.Refused()
	m.Requests.Begin()
	m.Requests.Begin()
	m.Requests.Observe(telemetry.Request{
		Operation: "GetObject", Status: 206, Duration: 30 * time.Millisecond, FirstByte: time.Millisecond, Sent: 1000,
	})
	m.Requests.Observe(telemetry.Request{Operation: "PutObject", Status: 507, Duration: time.Millisecond, Received: 10})
	m.Requests.Observe(telemetry.Request{Operation: "", Status: 405})
	m.Requests.Observe(telemetry.Request{Operation: "PutObject", Received: -1})
	m.Requests.End()
	m.Commits.Synced(3*time.Millisecond, 5)
	m.Commits.Conflicts(2)
	return m
}

// exposed writes the groups as a scrape would see them, and reads them back.
func exposed(t *testing.T, g prometheus.Gatherer) map[string]*dto.MetricFamily {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
			t.Fatal(err)
		}
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	out, err := parser.TextToMetricFamilies(&b)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestExpositionIsAsDeclared: every declared metric is there, with its type and
// labels and in its group, and no other.
func TestExpositionIsAsDeclared(t *testing.T) {
	t.Parallel()
	m := full()
	for _, g := range groups() {
		t.Run(g.String(), func(t *testing.T) {
			t.Parallel()
			var want, got []string
			for _, d := range m.Definitions() {
				if d.Group == g {
					want = append(want, fmt.Sprintf("%s %s %v %s", d.Name, d.Kind, d.Labels, d.Help))
				}
			}
			for name, f := range exposed(t, m.Gather(g)) {
				if strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "process_") {
					continue
				}
				labels := labelsOf(t, f)
				got = append(got, fmt.Sprintf("%s %s %v %s", name, strings.ToLower(f.GetType().String()), labels, f.GetHelp()))
			}
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("group %s (-declared +exposed):\n%s", g, diff)
			}
		})
	}
}

// labelsOf returns the names of the labels, which must be those of every series.
func labelsOf(t *testing.T, f *dto.MetricFamily) []string {
	t.Helper()
	var first []string
	for i, s := range f.Metric {
		var names []string
		for _, l := range s.Label {
			names = append(names, l.GetName())
		}
		slices.Sort(names)
		if i == 0 {
			first = names
		}
		if !slices.Equal(first, names) {
			t.Errorf("%s: series with labels %v and %v", f.GetName(), first, names)
		}
	}
	return first
}

// TestValues looks at the value of one series of nearly every metric.
func TestValues(t *testing.T) {
	t.Parallel()
	families := exposed(t, full().Gather(groups()...))
	hook := map[string]string{"target_id": "1", "target_name": "webhook"}
	with := func(base map[string]string, more ...string) map[string]string {
		out := map[string]string{}
		for k, v := range base {
			out[k] = v
		}
		for i := 0; i+1 < len(more); i += 2 {
			out[more[i]] = more[i+1]
		}
		return out
	}
	ours := map[string]string{"server": "host:9000"}
	op := func(name string) map[string]string { return map[string]string{"operation": name} }
	tests := []struct {
		name   string
		labels map[string]string
		want   float64
	}{
		{"carillon_target_events_delivered_total", hook, 2},
		{"carillon_target_events_failed_total", hook, 3},
		{"carillon_target_events_retried_total", hook, 1},
		{"carillon_target_events_parked_total", hook, 1},
		{"carillon_target_events_dropped_total", hook, 4},
		{"carillon_target_writes_refused_total", hook, 1},
		{"carillon_target_backlog_full", hook, 1},
		{"carillon_target_gap_events", hook, 5},
		{"carillon_target_events_delivered_total", map[string]string{"target_id": "2", "target_name": "kafka"}, 0},
		{"carillon_target_send_errors_total", hook, 1},
		{"carillon_target_sends_inflight", hook, 1},
		{"carillon_target_send_duration_seconds", hook, 1},
		{"carillon_target_delivery_latency_seconds", hook, 2},
		{"carillon_target_state", with(hook, "state", "offline"), 1},
		{"carillon_target_state", with(hook, "state", "online"), 0},
		{"carillon_target_backlog_events", hook, 7},
		{"carillon_target_backlog_bytes", hook, 700},
		{"carillon_target_oldest_event_age_seconds", hook, 60},
		{"carillon_target_backlog_over_limit", hook, 1},
		{"carillon_target_parked_events", hook, 2},
		{"carillon_target_blocked_keys", hook, 3},
		{"carillon_outbox_events", nil, 8},
		{"carillon_outbox_bytes", nil, 750},
		{"minio_notify_current_send_in_progress", ours, 1},
		{"minio_notify_events_skipped_total", ours, 4},
		{"minio_notify_events_errors_total", ours, 3},
		{"minio_notify_events_sent_total", ours, 2},
		{"minio_notify_target_total_events", with(hook, "server", "host:9000"), 5},
		{"minio_notify_target_failed_events", with(hook, "server", "host:9000"), 3},
		{"minio_notify_target_current_send_in_progress", with(hook, "server", "host:9000"), 1},
		{"minio_notify_target_queue_length", with(hook, "server", "host:9000"), 7},
		{"minio_notification_current_send_in_progress", ours, 1},
		{"minio_notification_events_errors_total", ours, 3},
		{"minio_notification_events_sent_total", ours, 2},
		{"minio_notification_events_skipped_total", ours, 4},
		{"carillon_s3_requests_inflight", nil, 1},
		{"carillon_s3_requests_total", with(op("GetObject"), "class", "2xx"), 1},
		{"carillon_s3_requests_total", with(op("GetObject"), "class", "5xx"), 0},
		{"carillon_s3_requests_total", with(op("PutObject"), "class", "5xx"), 1},
		{"carillon_s3_requests_total", with(op("PutObject"), "class", "none"), 1},
		{"carillon_s3_requests_total", with(op("other"), "class", "4xx"), 1},
		{"carillon_s3_request_duration_seconds", op("PutObject"), 2},
		{"carillon_s3_time_to_first_byte_seconds", op("PutObject"), 1},
		{"carillon_s3_received_bytes_total", op("PutObject"), 10},
		{"carillon_s3_sent_bytes_total", op("GetObject"), 1000},
		{"carillon_kv_sync_duration_seconds", nil, 1},
		{"carillon_kv_group_commits", nil, 1},
		{"carillon_kv_conflicts_total", nil, 2},
		{"carillon_store_failed", nil, 0},
		{"carillon_admitting_writes", nil, 1},
		{"carillon_disk_free_bytes", nil, 100},
		{"carillon_disk_reserve_bytes", nil, 50},
		{"minio_cluster_health_status", ours, 1},
		{"minio_cluster_capacity_usable_total_bytes", ours, 1000},
		{"carillon_pebble_l0_files", nil, 4},
		{"carillon_pebble_write_stalled", nil, 1},
		{"carillon_journal_records", nil, 9},
		{"carillon_journal_oldest_record_age_seconds", nil, 3600},
		{"minio_bucket_usage_object_total", with(ours, "bucket", "box"), 3},
		{"minio_bucket_usage_total_bytes", with(ours, "bucket", "other"), 10},
	}
	for _, tt := range tests {
		if got, ok := valueOf(families[tt.name], tt.labels); !ok || got != tt.want {
			t.Errorf("%s%v = %v (there: %v), want %v", tt.name, tt.labels, got, ok, tt.want)
		}
	}
	if _, ok := valueOf(families["carillon_s3_requests_total"], with(op("never asked"), "class", "2xx")); ok {
		t.Error("an operation that was never asked for has a series")
	}
}

// valueOf is the value of a series, or the count of a histogram.
func valueOf(f *dto.MetricFamily, labels map[string]string) (float64, bool) {
	for _, s := range f.GetMetric() {
		got := map[string]string{}
		for _, l := range s.Label {
			got[l.GetName()] = l.GetValue()
		}
		if !cmp.Equal(got, labels) && len(got)+len(labels) > 0 {
			continue
		}
		switch {
		case s.Counter != nil:
			return s.Counter.GetValue(), true
		case s.Histogram != nil:
			return float64(s.Histogram.GetSampleCount()), true
		default:
			return s.Gauge.GetValue(), true
		}
	}
	return 0, false
}

func TestOneBucket(t *testing.T) {
	t.Parallel()
	m := full()
	f := exposed(t, m.GatherBucket("box"))["minio_bucket_usage_object_total"]
	if len(f.GetMetric()) != 1 || f.Metric[0].Gauge.GetValue() != 3 {
		t.Errorf("the bucket's series: %v", f)
	}
	if got := exposed(t, m.GatherBucket("nosuch")); len(got) != 0 {
		t.Errorf("a bucket that is not there: %v", got)
	}
}

// TestNothingIsKnown: sources that fail leave their metrics out, and no scrape
// fails.
func TestNothingIsKnown(t *testing.T) {
	t.Parallel()
	m := telemetry.New(telemetry.Config{
		Store:   func() (telemetry.StoreState, bool) { return telemetry.StoreState{}, false },
		Journal: func() (telemetry.JournalState, bool) { return telemetry.JournalState{}, false },
	})
	got := exposed(t, m.Gather(groups()...))
	for _, name := range []string{"carillon_store_failed", "carillon_journal_records", "minio_bucket_usage_object_total"} {
		if got[name] != nil {
			t.Errorf("%s is there", name)
		}
	}
	if got["carillon_outbox_events"] == nil || got["go_goroutines"] == nil {
		t.Error("what is always known is missing")
	}
}

// TestCountingDoesNotAllocate, so that it costs the hot paths next to nothing.
func TestCountingDoesNotAllocate(t *testing.T) {
	m := full()
	hook := m.Targets.Of("1", "webhook")
	n := testing.AllocsPerRun(100, func() {
		m.Requests.Begin()
		m.Requests.Observe(telemetry.Request{Operation: "GetObject", Status: 200, Duration: time.Second, FirstByte: time.Second, Sent: 1})
		m.Requests.End()
		hook.SendBegan()
		hook.SendEnded(time.Millisecond, 0, 0, false)
		hook.Delivered(time.Millisecond)
		m.Commits.Synced(time.Millisecond, 3)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkCounting is what a PUT with one delivery costs in all.
func BenchmarkCounting(b *testing.B) {
	m := full()
	hook := m.Targets.Of("1", "webhook")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			m.Requests.Begin()
			m.Requests.Observe(telemetry.Request{Operation: "PutObject", Status: 200, Duration: time.Second, FirstByte: time.Second, Received: 1})
			m.Requests.End()
			m.Commits.Synced(time.Millisecond, 3)
			hook.SendBegan()
			hook.SendEnded(time.Millisecond, 0, 0, false)
			hook.Delivered(time.Millisecond)
		}
	})
}
