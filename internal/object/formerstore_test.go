package object_test

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/object"
)

// formerSite is a site on testdata/unversioned-rows.hex: the rows that a program
// wrote which knew nothing of versions.
func formerSite(t *testing.T) *site {
	t.Helper()
	s := newSite(t)
	stored, err := os.ReadFile("testdata/unversioned-rows.hex")
	if err != nil {
		t.Fatal(err)
	}
	var b kv.Batch
	for line := range strings.Lines(string(stored)) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		rawKey, keyErr := hex.DecodeString(key)
		rawValue, valueErr := hex.DecodeString(value)
		if keyErr != nil || valueErr != nil {
			t.Fatalf("%v, %v in %s", keyErr, valueErr, line)
		}
		b.Set(rawKey, rawValue)
	}
	if _, err := s.store.Commit(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	s.reopen(t)
	s.SkipIDs() // it has the incarnation of the program that wrote the rows
	return s
}

// TestFormerStore: what was written before there were versions can be read, and
// becomes the null versions once there are.
func TestFormerStore(t *testing.T) {
	t.Parallel()
	s := formerSite(t)
	ctx := t.Context()
	held := map[string]string{"a/small": "hello", "a/meta": "with metadata", "empty": "", "parts": ""}
	for key, want := range held {
		got, info, err := s.getVersion(ctx, object.GetInput{Bucket: "bucket", Key: key})
		if err != nil || got != want || info.VersionID != "" {
			t.Errorf("%s holds %q, version %q, %v", key, got, info.VersionID, err)
		}
	}
	info, err := s.Head(ctx, object.GetInput{Bucket: "bucket", Key: "a/meta"})
	if err != nil || info.Metadata["X-Amz-Meta-Color"] != "red" || info.StorageClass != "REDUCED_REDUNDANCY" {
		t.Errorf("a/meta is %+v, %v", info, err)
	}
	if state, err := s.Versioning(ctx, "bucket"); err != nil || state != object.NeverVersioned {
		t.Errorf("versioning is %v, %v", state, err)
	}
	if config, err := s.Notification(ctx, "bucket"); err != nil || config == nil {
		t.Errorf("the rules are %+v, %v", config, err)
	}

	if err := s.SetVersioning(ctx, "bucket", object.VersioningEnabled); err != nil {
		t.Fatal(err)
	}
	for key, want := range held {
		if _, err := s.Delete(ctx, object.DeleteInput{Bucket: "bucket", Key: key}); err != nil {
			t.Fatal(err)
		}
		s.put(t, "bucket", key, "new")
		got, info, err := s.getVersion(ctx, object.GetInput{Bucket: "bucket", Key: key, VersionID: object.NullVersion})
		if err != nil || got != want || info.VersionID != object.NullVersion {
			t.Errorf("the null version of %s holds %q, version %q, %v", key, got, info.VersionID, err)
		}
	}
	if err := s.CheckVersionRows(ctx, "bucket"); err != nil {
		t.Error(err)
	}
	page, err := s.ListVersions(ctx, object.ListVersionsInput{Bucket: "bucket", MaxKeys: 1000})
	if err != nil || len(page.Versions) != 3*len(held) {
		t.Errorf("%d versions, %v", len(page.Versions), err)
	}
	var all []object.DeleteTarget
	for _, v := range page.Versions {
		all = append(all, object.DeleteTarget{Key: v.Key, VersionID: v.VersionID})
	}
	for _, r := range s.DeleteMany(ctx, "bucket", all, event.Request{}) {
		if r.Err != nil {
			t.Error(r.Err)
		}
	}
	s.CollectAtOnce()
	s.ForgetAtOnce()
	s.collect(t)
	s.wantRows(t, "all versions deleted", rows{})
	if err := s.DeleteBucket(ctx, event.Request{}, "bucket"); err != nil {
		t.Error(err)
	}
}
