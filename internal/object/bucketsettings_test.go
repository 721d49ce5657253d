package object_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/cors"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/object"
)

// TestBucketSettingsStay: what is set of a bucket is there after another setting
// changed and after a restart, and goes with the bucket.
func TestBucketSettingsStay(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(s.CreateBucket(ctx, event.Request{}, "settings", ""))
	age := uint32(0)
	rules := &cors.Config{Rules: []cors.Rule{{ID: "a", Origins: []string{"*"}, Methods: []string{"GET"}, Headers: []string{"*"}, Expose: []string{"ETag"}, MaxAge: &age}}}
	block := &object.PublicAccessBlock{BlockPolicy: true, Restrict: true}
	must(s.SetCORS(ctx, "settings", rules))
	must(s.SetPublicAccessBlock(ctx, "settings", block))
	var bad *cors.Error
	if err := s.SetCORS(ctx, "settings", &cors.Config{}); !errors.As(err, &bad) {
		t.Errorf("no rules: %v", err)
	}
	must(s.SetVersioning(ctx, "settings", object.VersioningEnabled))
	s.reopen(t)
	gotRules, err := s.CORS(ctx, "settings")
	must(err)
	gotBlock, err := s.PublicAccessBlock(ctx, "settings")
	must(err)
	if diff := cmp.Diff(rules, gotRules) + cmp.Diff(block, gotBlock); diff != "" {
		t.Error(diff)
	}
	must(s.DeleteBucket(ctx, event.Request{}, "settings"))
	must(s.CreateBucket(ctx, event.Request{}, "settings", ""))
	if got, err := s.CORS(ctx, "settings"); got != nil || err != nil {
		t.Errorf("CORS of a new bucket: %v, %v", got, err)
	}
	if got, err := s.PublicAccessBlock(ctx, "settings"); got != nil || err != nil {
		t.Errorf("public access block of a new bucket: %v, %v", got, err)
	}
}
