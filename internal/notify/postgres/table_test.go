package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// history makes the messages of a bucket.
type history struct{ sequence uint64 }

func (h *history) put(key string) target.Message { return h.message(key, &event.State{}) }
func (h *history) del(key string) target.Message { return h.message(key, nil) }

func (h *history) message(key string, post *event.State) target.Message {
	h.sequence++
	rec := &event.Record{Name: event.ObjectCreatedPut, Bucket: "bucket", BucketID: 1, Key: key, Post: post}
	if post == nil {
		rec.Name = event.ObjectRemovedDelete
	}
	at := event.Place{Epoch: 1, Sequence: h.sequence, Stamp: 1_700_000_000_000_000_000 + h.sequence}
	return target.Message{
		ID: event.EventID(at), Key: rec.ResourceKey(), Record: rec, Time: at.Time(), Sequencer: event.Sequencer(rec, at), Attempt: 1,
		Body: new(event.Encoder).AppendRecords(nil, rec, at),
	}
}

// target opens one for the table; it is closed with the test.
func (d *table) target(t *testing.T) target.Target {
	t.Helper()
	tgt, err := open(t, d.values, target.Env{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tgt.Close(); err != nil {
			t.Error(err)
		}
	})
	return tgt
}

func send(t *testing.T, tgt target.Target, batch ...target.Message) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return tgt.Send(ctx, batch)
}

func mustSend(t *testing.T, tgt target.Target, batch ...target.Message) {
	t.Helper()
	if err := send(t, tgt, batch...); err != nil {
		t.Fatalf("send: %v", err)
	}
}

func testTablesThatExist(t *testing.T, s *server) {
	tests := map[string]struct {
		format, create string
		want           string // part of the error; empty: it is used
	}{
		"MinIO's namespace":      {"namespace", "TABLE %s (key VARCHAR PRIMARY KEY, value JSONB)", ""},
		"MinIO's access":         {"access", "TABLE %s (event_time TIMESTAMP WITH TIME ZONE NOT NULL, event_data JSONB)", ""},
		"json and text":          {"namespace", "TABLE %s (key TEXT PRIMARY KEY, value JSON)", ""},
		"further columns":        {"namespace", "TABLE %s (id BIGSERIAL NOT NULL, key TEXT UNIQUE NOT NULL, value JSONB, note TEXT, at TIMESTAMP DEFAULT now() NOT NULL)", ""},
		"partitioned":            {"access", "TABLE %s (event_time TIMESTAMPTZ NOT NULL, event_data JSONB) PARTITION BY RANGE (event_time); CREATE TABLE part PARTITION OF %[1]s DEFAULT", ""},
		"of the other format":    {"namespace", "TABLE %s (event_time TIMESTAMPTZ NOT NULL, event_data JSONB)", "it has no column key varchar, it has no column value jsonb, its column event_time must have a value; found (event_time timestamptz, event_data jsonb)"},
		"of the other format, 2": {"access", "TABLE %s (key VARCHAR PRIMARY KEY, value JSONB)", "it has no column event_time timestamptz, it has no column event_data jsonb"},
		"another type":           {"namespace", "TABLE %s (key VARCHAR PRIMARY KEY, value INTEGER)", "its column value is int4, not jsonb; found (key varchar, value int4)"},
		"key not unique":         {"namespace", "TABLE %s (key VARCHAR, value JSONB)", "its column key is neither primary key nor unique"},
		"key unique in part":     {"namespace", "TABLE %s (key VARCHAR, value JSONB, n INT, PRIMARY KEY (key, n))", "its column key is neither primary key nor unique"},
		"a column we cannot set": {"access", "TABLE %s (event_time TIMESTAMPTZ, event_data JSONB, tenant TEXT NOT NULL)", "its column tenant must have a value"},
		"a view":                 {"namespace", "VIEW %s AS SELECT 'k'::varchar AS key, '{}'::jsonb AS value", "it is not a table"},
		"companion of another":   {"namespace", "TABLE %s_deleted (id INT)", "_deleted\" cannot be used for this format"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := s.newTable(tt.format)
			s.psql(t, "CREATE "+fmt.Sprintf(tt.create, d.name))
			tgt := d.target(t)
			m := new(history).put("k")
			for name, err := range map[string]error{"check": tgt.(target.Checker).Check(t.Context()), "send": send(t, tgt, m)} {
				switch {
				case tt.want == "" && err != nil:
					t.Errorf("%s: %v", name, err)
				case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || target.IsPermanent(err)):
					t.Errorf("%s: %v, want %q, not permanent", name, err, tt.want)
				}
			}
			if tt.want == "" && len(d.Received(t)) != 1 {
				t.Error("the event is not in the table")
			}
		})
	}
	t.Run("a check makes no table", func(t *testing.T) {
		d := s.newTable("namespace")
		if err := d.target(t).(target.Checker).Check(t.Context()); err != nil {
			t.Error(err)
		}
		if n := s.psql(t, "SELECT count(*) FROM pg_tables WHERE tablename LIKE '"+d.name+"%'"); n != "0\n" {
			t.Errorf("%s tables were made", n)
		}
	})
	t.Run("dropped while in use", func(t *testing.T) {
		d := s.newTable("namespace")
		tgt, h := d.target(t), new(history)
		mustSend(t, tgt, h.put("a"))
		s.psql(t, "DROP TABLE "+d.name)
		m := h.put("b")
		if err := send(t, tgt, m); err == nil || target.IsPermanent(err) {
			t.Errorf("send without a table: %v", err)
		}
		mustSend(t, tgt, m)
		if got := d.rows(t); len(got) != 1 {
			t.Errorf("rows %v", got)
		}
	})
}

// testRowsOfMinIO: what another server wrote is replaced by what is newer.
func testRowsOfMinIO(t *testing.T, s *server) {
	d := s.newTable("namespace")
	row := `{"Records": [{"s3": {"object": {"key": "x", "sequencer": "%s"}}}]}`
	s.psql(t, fmt.Sprintf("CREATE TABLE %s (key VARCHAR PRIMARY KEY, value JSONB); INSERT INTO %[1]s VALUES ('bucket/old', '%s'), ('bucket/new', '%s'), ('bucket/none', '{}')",
		d.name, fmt.Sprintf(row, "147CE57C70B31931"), fmt.Sprintf(row, "F47CE57C70B31931")))
	tgt, h := d.target(t), new(history)
	mustSend(t, tgt, h.put("old"), h.put("new"), h.put("none"))
	got := d.rows(t)
	for key, newer := range map[string]bool{"bucket/old": true, "bucket/new": false, "bucket/none": true} {
		if strings.Contains(got[key], "ObjectCreated") != newer {
			t.Errorf("%s: %s", key, got[key])
		}
	}
}

// testIdleConnectionEnds: that a server ends idle connections is no failure.
func testIdleConnectionEnds(t *testing.T, s *server) {
	d := s.newTable("access")
	tgt, h := d.target(t), new(history)
	mustSend(t, tgt, h.put("a"))
	s.psql(t, "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")
	mustSend(t, tgt, h.put("b"))
}

func testPrune(t *testing.T, s *server) {
	d := s.newTable("namespace")
	h := new(history)
	late, removal := h.put("gone"), h.del("gone")
	mustSend(t, d.target(t), removal)
	s.psql(t, fmt.Sprintf("INSERT INTO %s_deleted VALUES ('bucket/last week', 'A', now() - interval '169 hours'), ('bucket/this week', 'A', now() - interval '167 hours')", d.name))
	mustSend(t, d.target(t), late)
	if got := s.psql(t, "SELECT key FROM "+d.name+"_deleted ORDER BY key"); got != "bucket/gone\nbucket/this week\n" {
		t.Errorf("deleted keys that are remembered: %q", got)
	}
	if got := d.rows(t); len(got) != 0 {
		t.Errorf("an event from before the delete brought a row back: %v", got)
	}
	mustSend(t, d.target(t), h.put("gone"))
	if got := s.psql(t, "SELECT key FROM "+d.name+"_deleted"); got != "bucket/this week\n" {
		t.Errorf("deleted keys after the key came back: %q", got)
	}
}

// testTwoWriters: one that was given up may still be at work when another takes
// its place. Whatever the order, each key ends as its newest event says.
func testTwoWriters(t *testing.T, s *server) {
	d := s.newTable("namespace")
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a test's
	const writers, keys, events = 4, 5, 600
	h := new(history)
	var all []target.Message
	want := make(map[string]bool)
	for range events {
		key := fmt.Sprintf("k%d", random.IntN(keys))
		m := h.put(key)
		if random.IntN(2) == 0 {
			m = h.del(key)
		}
		all = append(all, m)
		want[m.Key] = m.Mirror() == target.MirrorSet
	}
	var wg sync.WaitGroup
	for range writers {
		mine := append([]target.Message(nil), all...)
		random.Shuffle(len(mine), func(i, j int) { mine[i], mine[j] = mine[j], mine[i] })
		tgt := d.target(t)
		wg.Go(func() {
			for ; len(mine) > 0; mine = mine[min(7, len(mine)):] {
				if err := tgt.Send(t.Context(), mine[:min(7, len(mine))]); err != nil {
					t.Errorf("send: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	got := d.rows(t)
	for key, there := range want {
		if _, ok := got[key]; ok != there {
			t.Errorf("%s is there: %v, want %v", key, ok, there)
		}
	}
}

func testEventThatComesAgain(t *testing.T, s *server) {
	for name, tt := range map[string]struct {
		create string
		want   int
	}{
		"our table":   {"", 1},
		"MinIO's":     {"CREATE TABLE %s (event_time TIMESTAMPTZ NOT NULL, event_data JSONB)", 2},
		"id added":    {"CREATE TABLE %s (event_time TIMESTAMPTZ NOT NULL, event_data JSONB, event_id TEXT UNIQUE)", 1},
		"id a number": {"CREATE TABLE %s (event_time TIMESTAMPTZ NOT NULL, event_data JSONB, event_id INT)", 0},
	} {
		t.Run(name, func(t *testing.T) {
			d := s.newTable("access")
			if tt.create != "" {
				s.psql(t, fmt.Sprintf(tt.create, d.name))
			}
			m := new(history).put("k")
			for range 2 {
				err := send(t, d.target(t), m)
				if (err == nil) != (tt.want > 0) {
					t.Fatalf("send: %v", err)
				}
			}
			if got := d.Received(t); len(got) != tt.want {
				t.Errorf("%d rows, want %d", len(got), tt.want)
			}
		})
	}
}

// testRefusedData: what the database refuses for good is parked alone, and its
// key's later events wait for the next Send.
func testRefusedData(t *testing.T, s *server) {
	for _, format := range []string{"namespace", "access"} {
		t.Run(format, func(t *testing.T) {
			d := s.newTable(format)
			column := map[string]string{"namespace": "value", "access": "event_data"}[format]
			mustSend(t, d.target(t), new(history).put("first"))
			s.psql(t, fmt.Sprintf("TRUNCATE %s; ALTER TABLE %[1]s ADD CHECK (%s->'Records'->0->'s3'->'object'->>'key' <> 'bad' OR %[2]s->'Records'->0->>'eventName' LIKE '%%Delete')", d.name, column))
			tgt, h := d.target(t), &history{sequence: 1}
			batch := []target.Message{h.put("a"), h.put("bad"), h.put("b"), h.put("bad"), h.put("c"), h.put("nul\x00")}
			if format == "namespace" {
				batch[3] = h.del("bad") // of two events of a key in one batch the newer counts
			}
			err := send(t, tgt, batch...)
			var some *target.BatchError
			if !errors.As(err, &some) {
				t.Fatalf("send: %v", err)
			}
			want := map[int]bool{1: true, 3: false}
			if format == "namespace" {
				want[5] = true
			}
			got := make(map[int]bool)
			for i, err := range some.Failed {
				got[i] = target.IsPermanent(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("failed, and whether for good (-want +got):\n%s", diff)
			}
			if n := len(d.Received(t)); n != len(batch)-len(want) {
				t.Errorf("%d rows, want %d", n, len(batch)-len(want))
			}
			if err := send(t, tgt, batch[1]); !target.IsPermanent(err) {
				t.Errorf("alone: %v, want it to be permanent", err)
			}
			mustSend(t, tgt, h.put("after"))
		})
	}
}

// testCommitsAreFlushed: a database whose commits return early does not have us
// acknowledge what a crash would take.
func testCommitsAreFlushed(t *testing.T, s *server) {
	d := s.newTable("access")
	t.Cleanup(func() { s.psql(t, "ALTER ROLE CURRENT_USER RESET synchronous_commit") })
	s.psql(t, fmt.Sprintf("ALTER ROLE CURRENT_USER SET synchronous_commit = off; CREATE TABLE %s (event_time TIMESTAMPTZ NOT NULL, event_data JSONB, "+
		"CHECK (current_setting('synchronous_commit') = 'on' AND current_setting('statement_timeout') <> '0'))", d.name))
	mustSend(t, d.target(t), new(history).put("k"))
}
