package main

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestMetric(t *testing.T) {
	text := `# TYPE carillon_target_events_delivered_total counter
carillon_target_events_delivered_total{target_id="a",target_name="x"} 12
carillon_target_events_delivered_total{target_id="b",target_name="y"} 1.5e+06
carillon_target_events_delivered_total_more{target_id="b"} 7
`
	for name, tt := range map[string]struct {
		text, metric string
		want         int
	}{
		"sum of series": {text, delivered, 1500012},
		"no such":       {text, failures, 0},
		"nothing":       {"", delivered, 0},
		"no number":     {delivered + `{a="b"} ?`, delivered, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := metric([]byte(tt.text), tt.metric); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

func TestTargetRows(t *testing.T) {
	all := allTargetRows()
	seen := map[string]bool{}
	for i, r := range all {
		if seen[r.name] {
			t.Errorf("two rows are named %s", r.name)
		}
		seen[r.name] = true
		if env := r.env(i, "127.0.0.1:1"); len(env) < 2 || !strings.HasPrefix(env[0], "MINIO_NOTIFY_"+r.system+"_ENABLE_T") {
			t.Errorf("%s is configured by %q", r.name, env)
		}
	}
	if got := (&options{targets: []string{"redis", "nsq"}}).targetRows(); len(got) != 3 {
		t.Errorf("redis and nsq are %d rows, want 3", len(got))
	}
	if got := (&options{}).targetRows(); len(got) != len(all) {
		t.Errorf("no name gives %d rows of %d", len(got), len(all))
	}
}

func TestDrainTable(t *testing.T) {
	d := drained{events: 1000, took: time.Second, server: 20 * time.Millisecond, broker: 500 * time.Millisecond, idle: mebi, peaks: [quarters]int64{3 * mebi, 5 * mebi, 0, 4 * mebi}}
	rows := drainTable([]visit{{samples: []sample{
		{cell: "good", rate: 1000, drain: d},
		{cell: "bad", remark: "no broker"},
	}}})
	want := []string{
		"good | 1000 | 1000..1000 | 20µs | 500µs | 0.02 | 0.50 | 1 | 3 5 - 4 | ",
		"bad | - | - | - | - | - | - | - | - | no broker",
	}
	for i, w := range want {
		if got := strings.Join(rows[i+1], " | "); got != w {
			t.Errorf("row %d is %q, want %q", i, got, w)
		}
	}
}

func TestBrokersEnd(t *testing.T) {
	var ended []int
	err := withBrokers(func(b *brokers) error {
		b.Cleanup(func() { ended = append(ended, 1) })
		b.Cleanup(func() { ended = append(ended, 2); b.Fatalf("it does not end") })
		b.Fatalf("no %s here", "broker")
		return errors.New("not reached")
	})
	if err == nil || err.Error() != "no broker here\nit does not end" {
		t.Errorf("error %v", err)
	}
	if len(ended) != 2 || ended[0] != 2 {
		t.Errorf("ended %v, want the last first, and both", ended)
	}
}
