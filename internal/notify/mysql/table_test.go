package mysql_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/brokertest"
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
	const binary = " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
	tests := map[string]struct {
		format, create string
		want           string // part of the error; empty: it is used
	}{
		"hash of its own":        {"namespace", "TABLE %s (key_name TEXT, key_hash CHAR(64) PRIMARY KEY, value JSON)" + binary, ""},
		"generated hash":         {"namespace", "TABLE %s (key_name VARCHAR(3072), key_hash CHAR(64) AS (SHA2(key_name, 256)) STORED, value JSON, UNIQUE KEY (key_hash))" + binary, ""},
		"MinIO's access":         {"access", "TABLE %s (event_time DATETIME NOT NULL, event_data JSON) ROW_FORMAT=Dynamic", ""},
		"further columns":        {"access", "TABLE %s (id BIGINT AUTO_INCREMENT PRIMARY KEY, event_time DATETIME(6), event_data LONGTEXT, note TEXT, at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)" + binary, ""},
		"of the other format":    {"namespace", "TABLE %s (event_time DATETIME NOT NULL, event_data JSON)", "it has no column key_name varchar, it has no column key_hash char, it has no column value json, its column event_time must have a value; found (event_time datetime, event_data "},
		"of the other format, 2": {"access", "TABLE %s (key_name VARCHAR(9) PRIMARY KEY, value JSON)", "it has no column event_time datetime, it has no column event_data json"},
		"another type":           {"namespace", "TABLE %s (key_name TEXT, key_hash CHAR(64) PRIMARY KEY, value INTEGER)", "its column value is int, not json"},
		"key not unique":         {"namespace", "TABLE %s (key_name TEXT, key_hash CHAR(64), value JSON)", "its column key_hash is neither primary key nor unique"},
		"key unique in part":     {"namespace", "TABLE %s (key_name TEXT, key_hash CHAR(64), value JSON, n INT, PRIMARY KEY (key_hash, n))", "its column key_hash is neither primary key nor unique"},
		"a column we cannot set": {"access", "TABLE %s (event_time DATETIME, event_data JSON, tenant VARCHAR(9) NOT NULL)", "its column tenant must have a value"},
		"no transactions":        {"access", "TABLE %s (event_time DATETIME, event_data JSON) ENGINE=MyISAM", "its engine MyISAM has no transactions"},
		"a view":                 {"access", "VIEW %s AS SELECT NOW() AS event_time, '{}' AS event_data", "it is not a table"},
		"companion of another":   {"namespace", "TABLE %s_deleted (id INT)", "_deleted` cannot be used for this format"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := s.newTable(tt.format)
			s.query(t, "CREATE "+fmt.Sprintf(tt.create, d.name))
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
			if tt.want == "" && d.count(t) != 1 {
				t.Error("the event is not in the table")
			}
		})
	}
	t.Run("made here", func(t *testing.T) {
		d, h := s.newTable("namespace"), new(history)
		mustSend(t, d.target(t), h.put("b"), h.put("a"), h.put("c"))
		// All that does not name columns sees the three that MinIO makes.
		const columns = "CREATE TABLE %[1]s_seen AS SELECT * FROM %[1]s; SELECT column_name FROM information_schema.columns WHERE table_name = '%[1]s_seen' ORDER BY column_name"
		if got := s.query(t, fmt.Sprintf(columns, d.name)); got != "key_hash\nkey_name\nvalue\n" {
			t.Errorf("columns: %q", got)
		}
		// Rows stand in the order in which they came, not in that of hashes.
		if got := s.query(t, "SELECT key_name FROM "+d.name+" FORCE INDEX (PRIMARY) ORDER BY row_id"); got != "bucket/b\nbucket/a\nbucket/c\n" {
			t.Errorf("rows: %q", got)
		}
	})
	t.Run("a check makes no table", func(t *testing.T) {
		d := s.newTable("namespace")
		if err := d.target(t).(target.Checker).Check(t.Context()); err != nil {
			t.Error(err)
		}
		if n := s.query(t, "SELECT COUNT(*) FROM information_schema.tables WHERE table_name LIKE '"+d.name+"%'"); n != "0\n" {
			t.Errorf("%s tables were made", n)
		}
	})
	t.Run("dropped while in use", func(t *testing.T) {
		d := s.newTable("namespace")
		tgt, h := d.target(t), new(history)
		mustSend(t, tgt, h.put("a"))
		s.query(t, "DROP TABLE "+d.name)
		m := h.put("b")
		if err := send(t, tgt, m); err == nil || target.IsPermanent(err) {
			t.Errorf("send without a table: %v", err)
		}
		mustSend(t, tgt, m)
		if n := d.count(t); n != 1 {
			t.Errorf("%d rows", n)
		}
	})
}

// testTableOfMinIO: the table that MinIO makes on MySQL, with what it wrote, is
// used as it is; what is newer replaces a row.
func testTableOfMinIO(t *testing.T, s *server) {
	d := s.newTable("namespace")
	row := `{"Records": [{"s3": {"object": {"key": "x", "sequencer": "%s"}}}]}`
	s.query(t, fmt.Sprintf("CREATE TABLE %s (key_name VARCHAR(3072) NOT NULL, key_hash CHAR(64) GENERATED ALWAYS AS (SHA2(key_name, 256)) STORED NOT NULL PRIMARY KEY, value JSON) "+
		"CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin ROW_FORMAT = Dynamic; INSERT INTO %[1]s (key_name, value) VALUES ('bucket/old', '%[2]s'), ('bucket/new', '%[3]s'), ('bucket/none', '{}')",
		d.name, fmt.Sprintf(row, "147CE57C70B31931"), fmt.Sprintf(row, "F47CE57C70B31931")))
	tgt, h := d.target(t), new(history)
	mustSend(t, tgt, h.put("old"), h.put("new"), h.put("none"))
	got := d.rows(t)
	for key, newer := range map[string]bool{"bucket/old": true, "bucket/new": false, "bucket/none": true} {
		if strings.Contains(got[key], "ObjectCreated") != newer {
			t.Errorf("%s: %s", key, got[key])
		}
	}
	mustSend(t, tgt, h.del("old"), h.del("new"))
	if n := d.count(t); n != 2 {
		t.Errorf("%d rows after a delete of an older and a newer row, want 2", n)
	}
}

func (d *table) count(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(d.query(t, "SELECT COUNT(*) FROM "+d.name)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// testIdleConnectionEnds: that a server ends idle connections is no failure.
func testIdleConnectionEnds(t *testing.T, s *server) {
	d := s.newTable("access")
	tgt, h := d.target(t), new(history)
	mustSend(t, tgt, h.put("a"))
	const others = "SELECT id FROM information_schema.processlist WHERE user = '" + brokertest.Login + "' AND id <> CONNECTION_ID()"
	for _, id := range strings.Fields(s.query(t, others)) {
		s.query(t, "KILL "+id)
	}
	for left := 100; s.query(t, others) != ""; left-- { // it ends soon after the answer to KILL
		if left == 0 {
			t.Fatal("the connection does not end")
		}
	}
	mustSend(t, tgt, h.put("b"))
}

func testPrune(t *testing.T, s *server) {
	d := s.newTable("namespace")
	h := new(history)
	late, removal := h.put("gone"), h.del("gone")
	mustSend(t, d.target(t), removal)
	s.query(t, fmt.Sprintf("INSERT INTO %s_deleted VALUES ('last week', 'A', UTC_TIMESTAMP() - INTERVAL 169 HOUR), ('this week', 'A', UTC_TIMESTAMP() - INTERVAL 167 HOUR)", d.name))
	mustSend(t, d.target(t), late)
	remembered := "SELECT IF(LENGTH(key_hash) = 64, 'gone', key_hash) FROM " + d.name + "_deleted WHERE key_hash <> 'turn' ORDER BY 1"
	if got := s.query(t, remembered); got != "gone\nlast week\nthis week\n" && got != "gone\nthis week\n" {
		t.Errorf("deleted keys that are remembered: %q", got)
	}
	if n := d.count(t); n != 0 {
		t.Error("an event from before the delete brought a row back")
	}
	mustSend(t, d.target(t), h.put("gone"))
	if got := s.query(t, remembered); got != "this week\n" {
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
			for len(mine) > 0 {
				n := min(7, len(mine))
				err := tgt.Send(t.Context(), mine[:n])
				switch {
				case err == nil:
					mine = mine[n:]
				case !strings.Contains(err.Error(), "try restarting transaction"): // a deadlock
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
		"MinIO's":     {"CREATE TABLE %s (event_time DATETIME NOT NULL, event_data JSON)", 2},
		"id added":    {"CREATE TABLE %s (event_time DATETIME NOT NULL, event_data JSON, event_id VARCHAR(64) UNIQUE)", 1},
		"id a number": {"CREATE TABLE %s (event_time DATETIME NOT NULL, event_data JSON, event_id INT)", 0},
	} {
		t.Run(name, func(t *testing.T) {
			d := s.newTable("access")
			if tt.create != "" {
				s.query(t, fmt.Sprintf(tt.create, d.name))
			}
			m := new(history).put("k")
			for range 2 {
				err := send(t, d.target(t), m)
				if (err == nil) != (tt.want > 0) {
					t.Fatalf("send: %v", err)
				}
			}
			if n := d.count(t); n != tt.want {
				t.Errorf("%d rows, want %d", n, tt.want)
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
			s.query(t, fmt.Sprintf("DELETE FROM %s; ALTER TABLE %[1]s ADD CHECK (JSON_UNQUOTE(JSON_EXTRACT(%[2]s, '$.Records[0].s3.object.key')) <> 'bad')", d.name, column))
			tgt, h := d.target(t), &history{sequence: 1}
			batch := []target.Message{h.put("a"), h.put("bad"), h.put("b"), h.put("bad"), h.put("c")}
			err := send(t, tgt, batch...)
			var some *target.BatchError
			if !errors.As(err, &some) {
				t.Fatalf("send: %v", err)
			}
			want := map[int]bool{1: true, 3: false}
			got := make(map[int]bool)
			for i, err := range some.Failed {
				got[i] = target.IsPermanent(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("failed, and whether for good (-want +got):\n%s", diff)
			}
			if n := d.count(t); n != len(batch)-len(want) {
				t.Errorf("%d rows, want %d", n, len(batch)-len(want))
			}
			if err := send(t, tgt, batch[1]); !target.IsPermanent(err) {
				t.Errorf("alone: %v, want it to be permanent", err)
			}
			mustSend(t, tgt, h.put("after"))
		})
	}
}
