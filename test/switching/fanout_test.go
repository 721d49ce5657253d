package switching

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carillon-s3/carillon/test/harness"
)

// lane is one target of the bucket, as the test sees it.
type lane struct {
	target         string // such as 1:webhook
	prefix, suffix string // of its rule
	// read are the events that it got; nil for the mirror.
	read func() []told
}

func (l lane) matches(key string) bool {
	name := strings.TrimPrefix(key, bucket+"/")
	return strings.HasPrefix(name, l.prefix) && strings.HasSuffix(name, l.suffix)
}

func (l lane) rule() harness.Rule {
	r := rule(l.target)
	r.Prefix, r.Suffix = l.prefix, l.suffix
	return r
}

// variables configure an instance by the environment.
func variables(kind, id string, settings ...string) []string {
	env := []string{fmt.Sprintf("MINIO_NOTIFY_%s_ENABLE_%s=on", kind, id)}
	for _, setting := range settings {
		key, value, _ := strings.Cut(setting, "=")
		env = append(env, fmt.Sprintf("MINIO_NOTIFY_%s_%s_%s=%s", kind, strings.ToUpper(key), id, value))
	}
	return env
}

// receivedWith are the events that came with a token, of two targets that share
// a receiver.
func receivedWith(token string, r *harness.Receiver) (all []told) {
	for _, d := range r.Accepted() {
		if d.Header.Get("Authorization") == "Bearer "+token && len(d.Records) == 1 {
			all = append(all, tell(d.Records[0]))
		}
	}
	return all
}

// fan is a bucket with eight targets of four kinds, whose rules overlap.
type fan struct {
	*site
	steady, slow, both *harness.Receiver
	dead, frozen       redis
	lanes              []lane
}

func startFan(t *testing.T) *fan {
	t.Helper()
	f := &fan{
		steady: harness.NewReceiver(t), slow: harness.NewReceiver(t), both: harness.NewReceiver(t),
		dead: startRedis(t), frozen: startRedis(t),
	}
	subscriber, mqttSubscriber := startNATS(t), startMQTT(t)
	f.site = start(t, slices.Concat(
		[]string{"MINIO_PROMETHEUS_AUTH_TYPE=public"},
		variables("WEBHOOK", "steady", "endpoint="+f.steady.URL()),
		variables("WEBHOOK", "slow", "endpoint="+f.slow.URL()),
		variables("WEBHOOK", "twin1", "endpoint="+f.both.URL(), "auth_token=one"),
		variables("WEBHOOK", "twin2", "endpoint="+f.both.URL(), "auth_token=two"),
		variables("REDIS", "dead", f.dead.settings("", "namespace", "mirror")[1:]...),
		variables("REDIS", "frozen", f.frozen.settings("", "access", "list")[1:]...),
		variables("NATS", "1", subscriber.settings("")[1:]...),
		variables("MQTT", "1", mqttSubscriber.settings("")[1:]...),
	)...)
	f.lanes = []lane{
		{target: "steady:webhook", read: func() []told { return received(f.steady) }},
		{target: "slow:webhook", prefix: "in/", read: func() []told { return received(f.slow) }},
		{target: "twin1:webhook", read: func() []told { return receivedWith("one", f.both) }},
		{target: "twin2:webhook", read: func() []told { return receivedWith("two", f.both) }},
		{target: "dead:redis", prefix: "in/"},
		{target: "frozen:redis", suffix: ".jpg", read: func() []told { return f.frozen.list("list") }},
		{target: "1:nats", prefix: "in/e", read: subscriber.read},
		{target: "1:mqtt", prefix: "in/", suffix: ".jpg", read: mqttSubscriber.read},
	}
	var rules []harness.Rule
	for _, l := range f.lanes {
		rules = append(rules, l.rule())
	}
	harness.MakeBucket(t, f.client, bucket, rules...)
	return f
}

// held are the targets that are in trouble, in this test.
func held(target string) bool {
	return slices.Contains([]string{"slow:webhook", "dead:redis", "frozen:redis"}, target)
}

// TestFanOut: each target of a bucket has a lane of its own: one that is dead,
// one that is frozen and one that is slow delay no other, each is counted and
// shown by itself, and each gets all it is to get.
func TestFanOut(t *testing.T) {
	t.Parallel()
	f := startFan(t)
	l := begin(t, f.client)
	l.flow(60)
	release := make(chan struct{})
	f.slow.Behave(func(harness.Delivery) harness.Reply { return harness.Reply{Until: release} })
	f.dead.Kill()
	f.frozen.Freeze()
	l.flow(90)
	all := l.finish()

	// The others get everything while those three are held.
	for _, lane := range f.lanes {
		if !held(lane.target) {
			wantTold(t, lane.target, all.only(lane.matches), lane.read)
		}
	}
	// The slow one gets one after another, at its own pace.
	before := len(f.slow.Accepted())
	const some = 5
	for range some {
		select {
		case release <- struct{}{}:
		case <-time.After(harness.Patience):
			t.Fatal("nothing is sent to the slow receiver")
		}
	}
	f.slow.Wait(t, "answers of the slow receiver", func([]harness.Delivery) bool { return len(f.slow.Accepted()) >= before+some })
	f.await("dead:redis", "offline")
	f.await("frozen:redis", "offline")
	f.wantHealth(map[string]string{
		"steady:webhook": "online", "twin1:webhook": "online", "twin2:webhook": "online", "1:nats": "online", "1:mqtt": "online",
		"dead:redis": "offline", "frozen:redis": "offline",
	})
	for _, lane := range f.lanes {
		f.wantCounted(lane, all.only(lane.matches).total())
	}

	close(release)
	f.dead.Start()
	f.frozen.Thaw()
	for _, lane := range f.lanes {
		f.drained(lane.target)
		if lane.read != nil {
			wantTold(t, lane.target, all.only(lane.matches), lane.read)
			continue
		}
		wantShown(t, lane.target, all.only(lane.matches).shown(), func() map[string]string { return f.dead.hash("mirror") })
	}
	harness.Report(t, "fan-out: 8 targets of 4 kinds, one dead, one frozen, one slow, under %d changes: all told, in order", all.total())
}

// wantHealth wants `mc admin info` to show these states.
func (f *fan) wantHealth(want map[string]string) {
	f.t.Helper()
	var info struct {
		Info struct {
			Services struct {
				Notifications []map[string][]map[string]struct{ Status string }
			}
		}
	}
	harness.Poll(f.t, "mc admin info to show who is online", func() error {
		if err := json.Unmarshal([]byte(f.mc.OK("--json", "admin", "info", "myminio")), &info); err != nil {
			return err
		}
		got := make(map[string]string)
		for _, kinds := range info.Info.Services.Notifications {
			for kind, instances := range kinds {
				for _, instance := range instances {
					for id, s := range instance {
						got[id+":"+kind] = s.Status
					}
				}
			}
		}
		for target, status := range want {
			if got[target] != status {
				return fmt.Errorf("%s is %q, want %s", target, got[target], status)
			}
		}
		return nil
	})
}

// counts are what is told of one target.
type counts struct{ Delivered, Backlog int64 }

// wantCounted wants the metrics, `carillon events ls` and the admin interface to
// agree on what of the events of one target was delivered and what waits.
func (f *fan) wantCounted(l lane, total int) {
	f.t.Helper()
	id, kind, _ := strings.Cut(l.target, ":")
	harness.Poll(f.t, "the counts of "+l.target, func() error {
		info := f.info(l.target)
		told := map[string]counts{"admin info": {info.Delivered, info.Backlog}}
		var err error
		if told["metrics"], err = f.metrics(id, kind); err != nil {
			return err
		}
		if told["events ls"], err = f.listed(l.target); err != nil {
			return err
		}
		for where, c := range told {
			if c.Delivered+c.Backlog != int64(total) || held(l.target) != (c.Backlog > 0) {
				return fmt.Errorf("%s tells of %d events that were delivered and %d that wait, of %d", where, c.Delivered, c.Backlog, total)
			}
		}
		return nil
	})
}

func (f *fan) metrics(id, kind string) (counts, error) {
	f.t.Helper()
	m, _ := f.server.Scrape(f.t, "/metrics", "")
	delivered, err := m.Value("carillon_target_events_delivered_total", "target_id", id, "target_name", kind)
	if err != nil {
		return counts{}, err
	}
	backlog, err := m.Value("carillon_target_backlog_events", "target_id", id, "target_name", kind)
	return counts{int64(delivered), int64(backlog)}, err
}

func (f *fan) listed(target string) (counts, error) {
	f.t.Helper()
	for line := range strings.Lines(f.events("ls", "--json")) {
		var row struct {
			Target string
			counts
		}
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			return counts{}, err
		}
		if row.Target == target {
			return row.counts, nil
		}
	}
	return counts{}, fmt.Errorf("there is no line of it")
}
