package notify

import (
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/notify/payload"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// TestMirrorsAreToldWhatGetShows: a copy of the bucket's keys follows the state
// that an event left.
func TestMirrorsAreToldWhatGetShows(t *testing.T) {
	t.Parallel()
	old := &event.State{VersionID: "v1", Size: 7, ETag: "e1", ContentType: "text/plain"}
	tests := map[string]struct {
		rec    event.Record
		mirror target.Mirror
		body   []string // what it holds
	}{
		"a new object": {
			event.Record{Name: event.ObjectCreatedPut, Size: 5, ETag: "e2", Post: &event.State{Size: 5, ETag: "e2"}},
			target.MirrorSet,
			[]string{`"s3:ObjectCreated:Put"`, `"size":5`, `"eTag":"e2"`},
		},
		"the object removed": {
			event.Record{Name: event.ObjectRemovedDelete}, target.MirrorDelete, []string{`"s3:ObjectRemoved:Delete"`},
		},
		"the latest version removed": {
			event.Record{Name: event.ObjectRemovedDelete, VersionID: "v2", Post: old},
			target.MirrorSet,
			[]string{`"s3:ObjectCreated:Put"`, `"size":7`, `"eTag":"e1"`, `"versionId":"v1"`, `"contentType":"text/plain"`},
		},
		"tags of the latest version": {
			event.Record{Name: event.ObjectCreatedPutTagging, VersionID: "v1", Size: 7, ETag: "e1", Post: old},
			target.MirrorSet,
			[]string{`"s3:ObjectCreated:PutTagging"`, `"size":7`, `"versionId":"v1"`},
		},
		"tags of an older version": {
			event.Record{Name: event.ObjectCreatedPutTagging, VersionID: "v0", Size: 3, ETag: "e0", Post: old},
			target.MirrorSet,
			[]string{`"s3:ObjectCreated:Put"`, `"size":7`, `"eTag":"e1"`, `"versionId":"v1"`},
		},
		"tags below a marker": {
			event.Record{Name: event.ObjectCreatedDeleteTagging, VersionID: "v0", Size: 3, ETag: "e0"},
			target.MirrorDelete, nil,
		},
		"a read": {
			event.Record{Name: event.ObjectAccessedGet, NoPost: true, Size: 9}, target.MirrorNothing, []string{`"s3:ObjectAccessed:Get"`},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.rec.Bucket, tt.rec.Key = "b", "k"
			r := &runner{encoder: payload.Encoder{Events: &event.Encoder{}}}
			it := &item{entry: journal.Entry{Place: event.Place{Stamp: 1}, Record: &tt.rec}}
			m := r.message(it, target.Traits{Body: target.Records, Mirror: true})
			if m.Mirror() != tt.mirror {
				t.Errorf("mirror = %d, want %d", m.Mirror(), tt.mirror)
			}
			for _, part := range tt.body {
				if !strings.Contains(string(m.Body), part) {
					t.Errorf("body %s has no %s", m.Body, part)
				}
			}
			if tt.rec.Name != m.Record.Name {
				t.Error("the record itself was changed")
			}
		})
	}
}
