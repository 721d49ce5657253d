package object_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/object"
)

func TestReplayWants(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustBucket(t, "former")
	s.watchAll(t, "former")
	s.put(t, "former", "old", "v")
	if _, err := s.Delete(t.Context(), object.DeleteInput{Bucket: "former", Key: "old"}); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteBucket(t.Context(), event.Request{}, "former"); err != nil {
		t.Fatal(err)
	}
	s.mustBucket(t, "former")
	s.watchAll(t, "former")
	s.put(t, "former", "new", "v")
	s.mustBucket(t, "ruled")
	s.setRules(t, "ruled", `<QueueConfiguration><Event>s3:ObjectCreated:*</Event>`+
		`<Filter><S3Key><FilterRule><Name>prefix</Name><Value>in/</Value></FilterRule></S3Key></Filter>`+
		`<Queue>arn:minio:sqs::1:webhook</Queue></QueueConfiguration>`)
	s.put(t, "ruled", "in/a", "v")
	s.put(t, "ruled", "out/b", "v")
	s.mustBucket(t, "silent")
	s.put(t, "silent", "in/c", "v")
	one, two := hookTarget(), event.TargetID{ID: "2", Type: "webhook"}
	for name, tt := range map[string]struct {
		filter object.ReplayFilter
		want   []string
	}{
		"by rules":                 {object.ReplayFilter{Target: one}, []string{"former/new", "ruled/in/a"}},
		"by rules, another target": {object.ReplayFilter{Target: two}, nil},
		"by rules, of a bucket":    {object.ReplayFilter{Target: one, Bucket: "ruled"}, []string{"ruled/in/a"}},
		"all":                      {object.ReplayFilter{Target: two, All: true}, []string{"former/new", "former/old", "ruled/in/a", "ruled/out/b", "silent/in/c"}},
		"all of a bucket":          {object.ReplayFilter{Target: two, All: true, Bucket: "former"}, []string{"former/new"}},
		"all of a prefix":          {object.ReplayFilter{Target: two, All: true, Prefix: "in/"}, []string{"ruled/in/a", "silent/in/c"}},
	} {
		t.Run(name, func(t *testing.T) {
			want, err := s.ReplayWants(t.Context(), tt.filter)
			if err != nil {
				t.Fatal(err)
			}
			sent := make(map[string]bool)
			for p := range uint16(journal.Partitions) {
				entries, err := s.journal.Read(t.Context(), p, 1, 1000)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range entries {
					ok, err := want(e.Record)
					if err != nil {
						t.Fatal(err)
					}
					if ok {
						sent[e.Record.ResourceKey()] = true
					}
				}
			}
			wanted := make(map[string]bool)
			for _, key := range tt.want {
				wanted[key] = true
			}
			if diff := cmp.Diff(wanted, sent); diff != "" {
				t.Error(diff)
			}
		})
	}
	if _, err := s.ReplayWants(t.Context(), object.ReplayFilter{Bucket: "missing"}); !errors.Is(err, object.ErrNoSuchBucket) {
		t.Errorf("of a missing bucket: %v", err)
	}
}
