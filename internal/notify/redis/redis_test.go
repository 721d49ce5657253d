package redis_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/notify/payload"
	"github.com/carillon-s3/carillon/internal/notify/redis"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

func (s *server) open(t *testing.T, env target.Env) target.Target {
	t.Helper()
	kind := redis.Kind()
	settings := kind.New()
	if err := config.Decode(settings, s.values); err != nil {
		t.Fatal(err)
	}
	tgt, err := kind.Open(settings, env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tgt.Close() })
	return tgt
}

// put is the event of a new object, at a number of seconds after a moment.
func put(key string, second int) target.Message {
	return message(&event.Record{Name: event.ObjectCreatedPut, Bucket: "b", Key: key, Post: &event.State{}}, second)
}

func removal(key string, second int) target.Message {
	return message(&event.Record{Name: event.ObjectRemovedDelete, Bucket: "b", Key: key}, second)
}

var epoch = time.Date(2026, 11, 23, 4, 8, 11, 404_000_000, time.UTC)

func message(rec *event.Record, second int) target.Message {
	at := event.Place{Epoch: 1, Sequence: uint64(second), Stamp: uint64(epoch.Add(time.Duration(second) * time.Second).UnixNano())}
	return target.Message{
		ID: event.EventID(at), Key: rec.ResourceKey(), Record: rec, Time: at.Time(), Sequencer: event.Sequencer(rec, at), Attempt: 1,
		Body: (&event.Encoder{}).AppendRecords(nil, rec, at),
	}
}

func send(t *testing.T, tgt target.Target, msgs ...target.Message) {
	t.Helper()
	if err := tgt.Send(t.Context(), msgs); err != nil {
		t.Fatalf("send: %v", err)
	}
}

func TestAccessLayouts(t *testing.T) {
	t.Parallel()
	m := put("k", 0)
	record := strings.TrimSuffix(strings.TrimPrefix(string(m.Body), `{"Records":[`), `]}`)
	const at = `"2026-11-23T04:08:11.404Z"`
	guide := `[` + at + `,` + string(m.Body) + `]`
	minio := `[{"Event":[` + record + `],"EventTime":` + at + `}]`
	const ofMinIO = `[{"Event":[{}],"EventTime":""}]`
	tests := map[string]struct{ layout, found, want string }{
		"auto in an empty list":         {"auto", "", guide},
		"not set":                       {"", "", guide},
		"auto after items of MinIO":     {"auto", ofMinIO, minio},
		"auto after items of the guide": {"auto", guide, guide},
		"auto after something else":     {"auto", "x", guide},
		"guide after items of MinIO":    {"guide", ofMinIO, guide},
		"minio in an empty list":        {"minio", "", minio},
	}
	s := start(t, "access", nil)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s.cli(t, "DEL", key)
			if tt.found != "" {
				s.cli(t, "RPUSH", key, tt.found)
			}
			s.values["access_layout"] = tt.layout
			send(t, s.open(t, target.Env{}), m)
			if got := s.cli(t, "LINDEX", key, "-1"); got != tt.want {
				t.Errorf("item %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestAccessPayloads: an item is well-formed in either layout, whatever the form
// of its event.
func TestAccessPayloads(t *testing.T) {
	t.Parallel()
	s := start(t, "access", nil)
	const at = `"2026-11-23T04:08:11.404Z"`
	for layout, format := range map[string]string{"guide": `[` + at + `,%s]`, "minio": `[{"Event":[%s],"EventTime":` + at + `}]`} {
		for _, form := range []target.Body{target.AWS, target.EventBridge, target.CloudEvents} {
			m := put("k", 0)
			payload.Encoder{Events: &event.Encoder{}}.Fill(&m, form, m.Record, event.Place{Stamp: uint64(epoch.UnixNano())})
			body := string(m.Body)
			if layout == "minio" && form == target.AWS { // a list of its own
				body = strings.TrimSuffix(strings.TrimPrefix(body, `{"Records":[`), `]}`)
			}
			s.values["access_layout"] = layout
			send(t, s.open(t, target.Env{}), m)
			if got, want := s.cli(t, "LINDEX", key, "-1"), fmt.Sprintf(format, body); got != want || !json.Valid([]byte(got)) {
				t.Errorf("item %s\nwant %s", got, want)
			}
		}
	}
}

// TestAutoLayoutStays while consumers take every item away.
func TestAutoLayoutStays(t *testing.T) {
	t.Parallel()
	s := start(t, "access", nil)
	s.cli(t, "RPUSH", key, `[{"Event":[{}],"EventTime":""}]`)
	tgt := s.open(t, target.Env{})
	for i := range 2 {
		send(t, tgt, put("k", i))
		if got := s.cli(t, "RPOP", key); !strings.HasPrefix(got, `[{"Event":[{"eventVersion"`) {
			t.Errorf("item %d is %s", i, got)
		}
		s.cli(t, "DEL", key)
	}
}

// TestOrderInTheList: a batch is in order, and may hold a key twice.
func TestOrderInTheList(t *testing.T) {
	t.Parallel()
	s := start(t, "access", nil)
	var batch []target.Message
	for i := range 100 {
		batch = append(batch, put(fmt.Sprintf("k%d", i%3), i))
	}
	send(t, s.open(t, target.Env{}), batch...)
	for i, r := range s.Received(t) {
		if r.Body != string(batch[i].Body) {
			t.Fatalf("item %d is %s", i, r.Body)
		}
	}
}

func TestDeletedKeysAreRememberedForSevenDays(t *testing.T) {
	t.Parallel()
	s := start(t, "namespace", nil)
	now := epoch
	tgt := s.open(t, target.Env{Now: func() time.Time { return now }})
	companions := func() []string {
		return append(s.lines(t, "HKEYS", key+":carillon-deleted"), s.lines(t, "ZRANGE", key+":carillon-deleted-at", "0", "-1")...)
	}
	send(t, tgt, put("old", 0), put("back", 1), removal("old", 2), removal("back", 3))
	send(t, tgt, put("back", 4))
	if diff := cmp.Diff([]string{"b/old", "b/old"}, companions()); diff != "" {
		t.Errorf("after a put the key is not deleted (-want +got):\n%s", diff)
	}
	now = epoch.Add(7 * 24 * time.Hour)
	send(t, tgt, removal("new", 5), put("old", 0))
	if got := s.cli(t, "HGET", key, "b/old"); got != "" {
		t.Errorf("a late event brought back a deleted key: %s", got)
	}
	now = now.Add(time.Second)
	send(t, tgt, put("other", 6))
	if diff := cmp.Diff([]string{"b/new", "b/new"}, companions()); diff != "" {
		t.Errorf("after seven days (-want +got):\n%s", diff)
	}
}

// TestHashOfAnother: what MinIO, or anybody, left in the hash is replaced.
func TestHashOfAnother(t *testing.T) {
	t.Parallel()
	older := `{"Records":[{"s3":{"object":{"key":"k","sequencer":"17E4A0D2B5F0C000"}}}]}`
	newer := `{"Records":[{"s3":{"object":{"key":"k","sequencer":"FFFFFFFFFFFFFFFF"}}}]}`
	m := put("k", 0)
	tests := map[string]struct{ found, want string }{
		"an older event":         {older, string(m.Body)},
		"a newer event":          {newer, newer},
		"no JSON":                {"x", string(m.Body)},
		"empty":                  {"", string(m.Body)},
		"JSON of another shape":  {`{"Records":7}`, string(m.Body)},
		"a sequencer of another": {`{"Records":[{"s3":{"object":{"sequencer":7}}}]}`, string(m.Body)},
	}
	s := start(t, "namespace", nil)
	tgt := s.open(t, target.Env{})
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s.cli(t, "HSET", key, "b/k", tt.found)
			send(t, tgt, m)
			if got := s.cli(t, "HGET", key, "b/k"); got != tt.want {
				t.Errorf("the field shows %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestConnectionThatRedisClosed, as it does to idle ones, costs no failure; nor
// does a script that Redis forgot.
func TestConnectionThatRedisClosed(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"access", "namespace"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			s := start(t, format, nil)
			tgt := s.open(t, target.Env{})
			send(t, tgt, put("a", 0))
			s.cli(t, "CLIENT", "KILL", "TYPE", "normal")
			send(t, tgt, put("b", 1))
			s.cli(t, "SCRIPT", "FLUSH")
			send(t, tgt, put("c", 2))
			if n := len(s.Received(t)); n != 3 {
				t.Errorf("%d events arrived, want 3", n)
			}
		})
	}
}

// TestRefusalsAreNotTheEventsFault: all of them end once Redis is as it should
// be, so that nothing is parked.
func TestRefusalsAreNotTheEventsFault(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spoil, mend []string
		want        string
	}{
		"memory is full":       {[]string{"CONFIG", "SET", "maxmemory", "1"}, []string{"CONFIG", "SET", "maxmemory", "0"}, "OOM"},
		"a replica":            {[]string{"REPLICAOF", "127.0.0.1", "1"}, []string{"REPLICAOF", "NO", "ONE"}, "READONLY"},
		"key of another type":  {[]string{"SET", key, "x"}, []string{"DEL", key}, "expected type"},
		"password was changed": {[]string{"ACL", "SETUSER", "carillon", "resetpass"}, []string{"ACL", "SETUSER", "carillon", ">broker-pass-1"}, "WRONGPASS"},
	}
	for _, format := range []string{"access", "namespace"} {
		s := start(t, format, nil)
		for name, tt := range tests {
			t.Run(format+", "+name, func(t *testing.T) {
				s.cli(t, "DEL", key)
				tgt := s.open(t, target.Env{})
				s.cli(t, tt.spoil...)
				err := tgt.Send(t.Context(), []target.Message{put("k", 0)})
				var some *target.BatchError
				if err == nil || !strings.Contains(err.Error(), tt.want) || target.IsPermanent(err) || errors.As(err, &some) {
					t.Errorf("error %v, want %s of the whole target", err, tt.want)
				}
				s.cli(t, tt.mend...)
				send(t, tgt, put("k", 0))
				if n := len(s.Received(t)); n != 1 {
					t.Errorf("%d events arrived, want 1", n)
				}
			})
		}
	}
}
