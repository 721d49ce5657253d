package crash

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/carillon-s3/carillon/test/harness"
)

// listed are the keys that the listings of both buckets show, as bucket/key.
func listed(t *testing.T, client *minio.Client) []string {
	t.Helper()
	ctx, cancel := harness.Bounded(t)
	defer cancel()
	var keys []string
	for n := range outageBuckets {
		name := outageBucket(n)
		for o := range client.ListObjects(ctx, name, minio.ListObjectsOptions{Recursive: true}) {
			if o.Err != nil {
				t.Fatalf("list %s: %v", name, o.Err)
			}
			keys = append(keys, name+"/"+o.Key)
		}
	}
	return keys
}

// mirror compares rows with what is there, object by object: they are those of
// the listed keys, and each holds the event that made what GET shows, the last
// of its key among all events.
func (r *report) mirror(rows map[string][]byte, listed []string, now map[string]state, events []seen) {
	last := make(map[string]seen)
	for _, e := range events {
		if before, ok := last[e.key]; !ok || bySequencer(e, before) > 0 {
			last[e.key] = e
		}
	}
	rows = maps.Clone(rows)
	for _, key := range listed {
		body, ok := rows[key]
		delete(rows, key)
		if !ok {
			r.stale("%s: it is listed, and the mirror lacks it", key)
			continue
		}
		row, err := parseEvent(body, "")
		made, shown := last[key], now[key]
		switch {
		case err != nil:
			r.stale("%s: its row is no event: %v", key, err)
		case row.key != key:
			r.stale("%s: its row is of %s", key, row.key)
		case !strings.HasPrefix(row.name, "s3:ObjectCreated:"):
			r.stale("%s: its row tells of %s", key, row.name)
		case row.etag != shown.etag || row.size != shown.size || row.label != shown.mark:
			r.stale("%s: GET shows %s, its row %d bytes of %q, etag %s", key, shown.content, row.size, row.label, row.etag)
		case row.sequencer != made.sequencer:
			r.stale("%s: its row has sequencer %s, the last event %s", key, row.sequencer, made.sequencer)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		r.stale("%s: it is not listed, and the mirror has it", key)
	}
}

func (r *report) stale(format string, args ...any) {
	r.staleRows++
	r.detail(format, args...)
}
