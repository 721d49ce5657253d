package takeover_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/s2"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/notify/takeover"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// captured returns the files that a MinIO server left for a target (see
// testdata/README.md), by the names that it gave them: one with a colon cannot
// be in a repository.
func captured(t testing.TB, kind string) map[string][]byte {
	t.Helper()
	dir := filepath.Join("testdata", "minio-"+kind+"-1")
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string][]byte)
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[strings.Replace(e.Name(), "_", ":", 1)] = content
	}
	return files
}

func TestCapturedFiles(t *testing.T) {
	for kind, want := range map[string][]string{
		"webhook": {
			"s3:ObjectCreated:Put photos/folder/a b+ü.txt", "s3:ObjectCreated:Put photos/k", "s3:ObjectAccessed:Get photos/k",
			"s3:ObjectRemoved:Delete photos/k", "s3:ObjectRemoved:Delete photos/folder/a b+ü.txt",
		},
		"kafka": {
			"s3:ObjectCreated:Put photos/folder/a b+ü.txt", "s3:ObjectCreated:Put photos/k", "s3:ObjectAccessed:Get photos/k",
			"s3:ObjectRemoved:Delete photos/k", "s3:ObjectRemoved:Delete photos/folder/a b+ü.txt",
		},
	} {
		t.Run(kind, func(t *testing.T) {
			ids := map[string]bool{}
			var all []takeover.Event
			for name, content := range captured(t, kind) {
				events, err := takeover.Parse(name, content)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				all = append(all, events...)
			}
			if len(all) != 10 {
				t.Errorf("%d events, want 10", len(all))
			}
			slices.SortFunc(all, func(a, b takeover.Event) int {
				if a.Sequencer != b.Sequencer {
					return int(int64(a.Sequencer) - int64(b.Sequencer))
				}
				return a.Time.Compare(b.Time)
			})
			var got []string
			for _, e := range all {
				if ids[e.ID] {
					t.Errorf("the id %s is there twice", e.ID)
				}
				ids[e.ID] = true
				// Reads of the client beside those that are told of are left out.
				if text := e.Record.Name.String() + " " + e.Record.ResourceKey(); slices.Contains(want, text) && !slices.Contains(got, text) {
					got = append(got, text)
				}
				if !json.Valid(e.JSON) || bytes.ContainsAny(e.JSON, "\n") {
					t.Errorf("not one line of JSON: %s", e.JSON)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestMessage: the body holds the very record, and the rest is read from it.
func TestMessage(t *testing.T) {
	const name = "ca0cb6d2-6205-41bb-a021-c581e76d4646.event"
	content := captured(t, "webhook")[name]
	events, err := takeover.Parse(name, append(bytes.Clone(content), '\n'))
	if err != nil || len(events) != 1 {
		t.Fatalf("%d, %v", len(events), err)
	}
	for form, want := range map[target.Body]string{
		target.Envelope: `{"EventName":"s3:ObjectCreated:Put","Key":"photos/folder/a b+ü.txt","Records":[` + string(content) + `]}`,
		target.Records:  `{"Records":[` + string(content) + `]}`,
	} {
		m, err := events[0].Message(form, 3)
		if err != nil {
			t.Fatal(err)
		}
		if string(m.Body) != want {
			t.Errorf("body %s\nwant %s", m.Body, want)
		}
		if m.ID != "minio-ca0cb6d2-6205-41bb-a021-c581e76d4646-0" || m.Key != "photos/folder/a b+ü.txt" || m.Attempt != 3 ||
			!strings.Contains(string(content), `"sequencer":"`+m.Sequencer+`"`) || m.Time.Year() != 2026 {
			t.Errorf("%+v", m)
		}
		r := m.Record
		if r.Size != 4 || r.ETag == "" || r.UserMetadata["X-Amz-Meta-Color"] != "blue" || r.Request.Principal != "carillon-root" ||
			r.Request.SourceIP != "127.0.0.1" || r.Request.ID == "" || r.Request.Internal || r.Post == nil || r.Post.ETag != r.ETag {
			t.Errorf("%+v", r)
		}
	}
}

// line is a record as short as one can be.
func line(name, key string, more ...string) string {
	return fmt.Sprintf(`{"eventTime":"2026-11-24T09:37:57.743Z","eventName":%q,"requestParameters":{},"s3":{"bucket":{"name":"b"},"object":{"key":%q,"sequencer":"18EAF1A194795F88"%s}}}`,
		name, key, strings.Join(more, ""))
}

func TestPostState(t *testing.T) {
	for name, want := range map[string]string{
		"s3:ObjectCreated:Put":                         "there",
		"s3:ObjectCreated:Copy":                        "there",
		"s3:ObjectCreated:Post":                        "there",
		"s3:ObjectCreated:CompleteMultipartUpload":     "there",
		"s3:ObjectRemoved:Delete":                      "absent",
		"s3:ObjectRemoved:DeleteMarkerCreated":         "absent",
		"s3:ObjectRemoved:DeleteAllVersions":           "absent",
		"s3:ObjectRemoved:NoOP":                        "unknown",
		"s3:ObjectAccessed:Get":                        "unknown",
		"s3:ObjectCreated:PutTagging":                  "unknown",
		"s3:ObjectCreated:PutRetention":                "unknown",
		"s3:ObjectRestore:Completed":                   "unknown",
		"s3:Replication:OperationCompletedReplication": "unknown",
	} {
		events, err := takeover.Parse(id+".event", []byte(line(name, "k")))
		if err != nil {
			t.Fatal(err)
		}
		r := events[0].Record
		got := "absent"
		switch {
		case r.NoPost:
			got = "unknown"
		case r.Post != nil:
			got = "there"
		}
		if got != want {
			t.Errorf("%s leaves the key %s, want %s", name, got, want)
		}
	}
}

const id = "01234567-89ab-4def-8123-456789abcdef"

func TestUnusableFiles(t *testing.T) {
	good := line("s3:ObjectCreated:Put", "k")
	for name, tt := range map[string]struct{ file, content string }{
		"empty":                    {id + ".event", ""},
		"torn":                     {id + ".event", good[:len(good)/2]},
		"torn in the last byte":    {id + ".event", good[:len(good)-1]},
		"nulls":                    {id + ".event", strings.Repeat("\x00", 1000)},
		"foreign name":             {"README", good},
		"foreign id":               {"not-a-uuid.event", good},
		"other suffix":             {id + ".event.tmp", good},
		"no number":                {"x:" + id + ".event", good},
		"number with a zero":       {"01:" + id + ".event", good},
		"two records of one":       {id + ".event", good + "\n" + good},
		"one record of two":        {"2:" + id + ".event", good},
		"not compressed":           {id + ".event.snappy", good},
		"torn and compressed":      {"2:" + id + ".event.snappy", string(s2.EncodeSnappy(nil, []byte(good+"\n"+good))[:100])},
		"unknown event":            {id + ".event", line("s3:ObjectEaten:All", "k")},
		"no bucket":                {id + ".event", strings.Replace(good, `"name":"b"`, `"name":""`, 1)},
		"no time":                  {id + ".event", strings.Replace(good, "2026", "soon", 1)},
		"sequencer of no number":   {id + ".event", strings.Replace(good, "18EAF1", "XXXXXX", 1)},
		"sequencer is too long":    {id + ".event", strings.Replace(good, "18EAF1", "18EAF118EAF1", 1)},
		"key with a broken escape": {id + ".event", line("s3:ObjectCreated:Put", "%zz")},
		"another JSON":             {id + ".event", `{"hello":"world"}`},
		"a list":                   {id + ".event", "[" + good + "]"},
	} {
		t.Run(name, func(t *testing.T) {
			if events, err := takeover.Parse(tt.file, []byte(tt.content)); !errors.Is(err, takeover.ErrUnusable) {
				t.Errorf("%d events, %v", len(events), err)
			}
		})
	}
	both := []byte(good + "\n" + line("s3:ObjectRemoved:Delete", "k") + "\n")
	for file, content := range map[string][]byte{
		"2:" + id + ".event":        both,
		"2:" + id + ".event.snappy": s2.EncodeSnappy(nil, both),
		id + ".event.snappy":        s2.Encode(nil, []byte(good)),
	} {
		if _, err := takeover.Parse(file, content); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	f := takeover.FolderOf(dir, event.TargetID{ID: "1", Type: "webhook"})
	none := func(string) bool { return false }
	if names, err := f.List(none); err != nil || len(names) > 0 || f.CountAside() != 0 {
		t.Errorf("a folder that is not there: %q, %v", names, err)
	}
	for _, other := range []string{"minio-webhook-2", "minio-webhook-1/carillon-webhook-1", "carillon-webhook-1"} {
		if err := os.MkdirAll(filepath.Join(dir, other), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	base := time.Now()
	for i, name := range []string{"c", "a", "b", "skipped"} {
		path := filepath.Join(f.Path, name)
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, base, base.Add(time.Duration(i/2)*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	names, err := f.List(func(name string) bool { return name == "skipped" })
	if want := []string{"a", "c", "b"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("%q, %v; want %q", names, err, want)
	}
	if err := f.SetAside("a"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(f.Path, "a"), []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.SetAside("a"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Remove("b"), f.Remove("b")); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{"a": "x", "a.1": "another"} {
		if got, err := os.ReadFile(filepath.Join(f.Path, takeover.AsideFolder, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
	if n := f.CountAside(); n != 2 {
		t.Errorf("%d files aside", n)
	}
	if err := os.Symlink("/etc/hostname", filepath.Join(f.Path, id+".event")); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Read(id + ".event"); !errors.Is(err, takeover.ErrUnusable) {
		t.Errorf("a symbolic link: %v", err)
	}
	if outside := takeover.FolderOf(dir, event.TargetID{ID: "../../etc", Type: "webhook"}); outside.Path != "" {
		t.Errorf("a name that is a path leads to %s", outside.Path)
	}
}

// FuzzParse: any file is a number of whole events or unusable.
func FuzzParse(f *testing.F) {
	for _, kind := range []string{"webhook", "kafka"} {
		for name, content := range captured(f, kind) {
			f.Add(name, content)
		}
	}
	f.Add("2:"+id+".event", []byte(line("s3:ObjectCreated:Put", "k")+line("s3:ObjectRemoved:Delete", "k")))
	f.Fuzz(func(t *testing.T, name string, content []byte) {
		events, err := takeover.Parse(name, content)
		if err != nil {
			if !errors.Is(err, takeover.ErrUnusable) || len(events) > 0 {
				t.Errorf("%d events, %v", len(events), err)
			}
			return
		}
		for _, e := range events {
			m, err := e.Message(target.Envelope, 1)
			if err != nil || !json.Valid(m.Body) || m.ID == "" || m.Record.Bucket == "" || len(m.Sequencer) != 16 {
				t.Errorf("%+v, %v", m, err)
			}
		}
	})
}
