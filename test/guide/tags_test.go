package guide

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/test/harness"
)

// tagsOf are what `mc tag list` shows.
func tagsOf(t *testing.T, mc *harness.MC, args ...string) map[string]string {
	t.Helper()
	var out struct {
		TagSet map[string]string `json:"tagset"`
	}
	text := mc.OK(append([]string{"tag", "list", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return out.TagSet
}

// TestTagCommands types the commands of the client that have to do with tags.
func TestTagCommands(t *testing.T) {
	t.Parallel()
	server := harness.Start(t, harness.Options{})
	mc := harness.NewMC(t).Alias("myminio", server)
	want := func(what map[string]string, args ...string) {
		t.Helper()
		if diff := cmp.Diff(what, tagsOf(t, mc, args...)); diff != "" {
			t.Errorf("mc tag list %s: %s", strings.Join(args, " "), diff)
		}
	}
	mc.OK("mb", "myminio/docs")
	mc.Refused("tag", "list", "myminio/docs")
	mc.OK("tag", "set", "myminio/docs", "team=red&cost centre=7")
	want(map[string]string{"team": "red", "cost centre": "7"}, "myminio/docs")
	mc.OK("tag", "remove", "myminio/docs")
	mc.Refused("tag", "list", "myminio/docs")

	mc.OK("version", "enable", "myminio/docs")
	const key = "myminio/docs/a/note.txt"
	mc.OK("cp", "--tags", "state=draft&by=me", write(t, "note.txt", "first\n"), key)
	want(map[string]string{"state": "draft", "by": "me"}, key)
	mc.OK("cp", write(t, "note.txt", "second\n"), key)
	listed := versions(t, mc, "myminio/docs")
	first, second := listed[1].VersionID, listed[0].VersionID
	mc.OK("tag", "set", key, "state=final")
	want(map[string]string{"state": "final"}, key)
	want(map[string]string{"state": "draft", "by": "me"}, "--version-id", first, key)
	mc.OK("tag", "set", "--version-id", first, key, "state=old")
	want(map[string]string{"state": "old"}, "--version-id", first, key)
	want(map[string]string{"state": "final"}, "--version-id", second, key)
	if got := mc.OK("stat", key); !strings.Contains(got, "Tagging") {
		t.Errorf("mc stat shows no tags: %s", got)
	}
	mc.OK("tag", "set", "--versions", key, "all=yes")
	for _, version := range []string{first, second} {
		want(map[string]string{"all": "yes"}, "--version-id", version, key)
	}
	mc.OK("tag", "remove", "--version-id", first, key)
	if got := tagsOf(t, mc, "--version-id", first, key); len(got) != 0 {
		t.Errorf("removed tags: %v", got)
	}
	want(map[string]string{"all": "yes"}, key)
	mc.OK("tag", "remove", "--versions", key)
	if got := tagsOf(t, mc, key); len(got) != 0 {
		t.Errorf("removed tags: %v", got)
	}
	if again := versions(t, mc, "myminio/docs"); !cmp.Equal(listed, again) {
		t.Errorf("tags made versions: %+v, before %+v", again, listed)
	}
	mc.Refused("tag", "set", key, "a*=b")
	mc.Refused("tag", "list", "myminio/docs/none")
}
