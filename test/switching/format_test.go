package switching

import (
	"maps"
	"slices"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

// writtenSince are the keys that changed after before, as a mirror that was made
// then shows them.
func (h history) writtenSince(before history) map[string]string {
	return h.only(func(key string) bool { return len(h[key]) > len(before[key]) }).shown()
}

// TestAnotherFormat: events go to a mirror, to a list, and to another mirror.
// Each is in one of them; a mirror shows what was written while it was the
// target's, and after a backfill all there is.
func TestAnotherFormat(t *testing.T) {
	t.Parallel()
	redis, database := startRedis(t), startPostgres(t)
	rows := func(table, format string) []string {
		return []string{"notify_postgres:1", "connection_string=" + database.URL(), "table=" + table, "format=" + format}
	}
	s := start(t)
	s.set(redis.settings("1", "namespace", "first")...)
	s.set(rows("first", "namespace")...)
	harness.MakeBucket(t, s.client, bucket, rule("1:redis"), rule("1:postgresql"))
	// What is not touched again is in the first mirrors only.
	still := history{bucket + "/still": {{harness.Put(t, s.client, bucket, "still", []byte("still")).ETag}}}
	l := begin(t, s.client)
	l.flow(60)

	s.set(redis.settings("1", "access", "list")...)
	s.set(rows("list", "access")...)
	l.flow(60)
	s.set("notify_postgres:1", "max_open_connections=6") // other senders
	l.flow(60)
	before := l.soFar() // the access format is in force for longer
	s.set(redis.settings("1", "namespace", "second")...)
	s.set(rows("second", "namespace")...)
	l.flow(90)
	all := l.finish()
	s.drained("1:redis", "1:postgresql")

	for _, tt := range []struct {
		what          string
		list          func() []told
		first, second func() map[string]string
	}{
		{
			what:   "1:redis",
			list:   func() []told { return redis.list("list") },
			first:  func() map[string]string { return redis.hash("first") },
			second: func() map[string]string { return redis.hash("second") },
		},
		{
			what:   "1:postgresql",
			list:   func() []told { return database.rows("list") },
			first:  func() map[string]string { return database.mirror("first") },
			second: func() map[string]string { return database.mirror("second") },
		},
	} {
		since, there := all.writtenSince(before), all.shown()
		second := tt.second()
		for key, etag := range since {
			if second[key] != etag {
				t.Errorf("%s: the mirror shows %q of %s, which was written since: %s", tt.what, second[key], key, etag)
			}
		}
		for key := range second {
			if there[key] == "" {
				t.Errorf("%s: the mirror shows %s, which is not there", tt.what, key)
			}
		}
		if tt.first()[bucket+"/still"] == "" || second[bucket+"/still"] != "" {
			t.Errorf("%s: what was written before is in another mirror than the first", tt.what)
		}
		all.wantAccounted(t, tt.what, tt.first(), tt.list(), second)
		// What there was before comes by a backfill.
		s.events("backfill", tt.what, bucket)
		maps.Copy(there, still.shown())
		wantShown(t, tt.what, there, tt.second)
	}
	harness.Report(t, "switching: two targets to two other formats under %d changes: nothing lost", all.total())
}

// wantAccounted wants each change of each key to be in the first mirror, in the
// list, or in the second mirror.
func (h history) wantAccounted(t *testing.T, what string, first map[string]string, events []told, second map[string]string) {
	t.Helper()
	if len(events) == 0 {
		t.Errorf("%s: the list is empty", what)
	}
	for key, listed := range distinct(events) {
		if !accounted(h[key], first[key], listed, second[key]) {
			t.Errorf("%s: of %s the first mirror shows %q, the list has %v and the second mirror shows %q, of %v",
				what, key, first[key], listed, second[key], h[key])
		}
	}
}

// accounted reports whether the list continues what the first mirror shows, and
// the second mirror what the list has. The last changes of the first may be in
// the list too.
func accounted(all []change, first string, listed []change, second string) bool {
	for from := 0; from+len(listed) <= len(all); from++ {
		to := from + len(listed)
		if !slices.Equal(all[from:to], listed) || to < len(all) && all[len(all)-1].etag != second {
			continue
		}
		for n := from; n <= to; n++ {
			if n == 0 && first == "" || n > 0 && all[n-1].etag == first {
				return true
			}
		}
	}
	return false
}
