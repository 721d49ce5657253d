package event_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/event"
)

// payloadCase is a record in the forms of Amazon S3.
type payloadCase struct{ Name, AWS, EventBridge string }

// payloadRecords are the golden records, and those of jobs.
func payloadRecords() map[string]event.Record {
	records := goldenRecords()
	maps.DeleteFunc(records, func(name string, _ event.Record) bool { return strings.HasPrefix(name, "listen ") })
	job := event.Request{Internal: true, SourceIP: "node1", UserAgent: "Internal: [ILM-Expiry]"}
	for name, rec := range map[string]event.Record{
		"expired":           {Name: event.ObjectRemovedDelete},
		"expired to marker": {Name: event.ObjectRemovedDeleteMarkerCreated, VersionID: "VERSION-ID"},
		"by S3's name":      {Name: event.LifecycleExpirationDelete},
		"marker, S3's name": {Name: event.LifecycleExpirationMarkerCreated, VersionID: "VERSION-ID"},
		"all versions":      {Name: event.ObjectRemovedDeleteAllVersions, Size: 11, ETag: etagHello},
		"expired marker":    {Name: event.LifecycleDelMarkerExpirationDelete, VersionID: "VERSION-ID"},
		"transition":        {Name: event.ObjectTransitionComplete, Size: 11, ETag: etagHello},
		"restore":           {Name: event.ObjectRestorePost, Size: 11, ETag: etagHello},
		"restored":          {Name: event.ObjectRestoreCompleted, Size: 11, ETag: etagHello},
		"replicated":        {Name: event.ReplicationOperationCompleted, Size: 11, ETag: etagHello},
	} {
		rec.Bucket, rec.Key, rec.Request = "plain", "a b/ü+&.txt", job
		records[name] = rec
	}
	return records
}

func payloadCases() []payloadCase {
	at := event.Place{Epoch: 0xfeed, Partition: 3, Sequence: 7, Stamp: stamp}
	e := goldenEncoder("eu-west-7")
	var cases []payloadCase
	for _, name := range slices.Sorted(maps.Keys(payloadRecords())) {
		rec := payloadRecords()[name]
		cases = append(cases, payloadCase{
			Name: name,
			AWS:  string(e.AppendAWS(nil, &rec, at)), EventBridge: string(e.AppendEventBridge(nil, event.EventID(at), &rec, at)),
		})
	}
	return cases
}

func TestPayloadsGolden(t *testing.T) {
	t.Parallel()
	got := payloadCases()
	const file = "testdata/golden/payloads.json"
	if os.Getenv("UPDATE_GOLDEN") != "" {
		var out bytes.Buffer
		enc := json.NewEncoder(&out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", " ")
		if err := enc.Encode(got); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var want []payloadCase
	readGolden(t, "payloads.json", &want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("UPDATE_GOLDEN=1 rewrites the file (-golden +ours):\n%s", diff)
	}
}

// member is a value within a JSON text: its path, and whether it is a text, a
// number or other.
type member struct {
	path string
	kind string
}

// members lists the members of a JSON text in order.
func members(t *testing.T, text string) []member {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var out []member
	var walk func(path string)
	walk = func(path string) {
		token, err := d.Token()
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		switch v := token.(type) {
		case json.Delim:
			for d.More() {
				if v == '[' {
					walk(path + "[]")
					continue
				}
				name, err := d.Token()
				if err != nil {
					t.Fatal(err)
				}
				walk(path + "." + name.(string))
			}
			if _, err := d.Token(); err != nil { // the closing one
				t.Fatal(err)
			}
		case json.Number:
			out = append(out, member{path, "number"})
		case string:
			out = append(out, member{path, "text"})
		default:
			out = append(out, member{path, "other"})
		}
	}
	walk("")
	return out
}

// TestPayloadsAsDocumented: every member stands where Amazon's pages have it, as
// the same kind of value, in the same order, and those that an event always has
// are there.
func TestPayloadsAsDocumented(t *testing.T) {
	t.Parallel()
	documented := func(name string) []member {
		raw, err := os.ReadFile("testdata/documented/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return members(t, string(raw))
	}
	aws, created, deleted := documented("aws.json"), documented("eventbridge-created.json"), documented("eventbridge-deleted.json")
	optional := map[string]bool{
		"size": true, "eTag": true, "etag": true, "versionId": true, "version-id": true, "source-ip-address": true,
		"reason": true, "deletion-type": true, "lifecycleRestorationExpiryTime": true, "lifecycleRestoreStorageClass": true,
	}
	check := func(t *testing.T, got string, want []member) {
		t.Helper()
		have := members(t, got)
		for _, m := range want {
			switch name := m.path[strings.LastIndexByte(m.path, '.')+1:]; {
			case len(have) > 0 && have[0] == m:
				have = have[1:]
			case !optional[name]:
				t.Errorf("no %v where it is documented: %s", m, got)
			}
		}
		if len(have) > 0 {
			t.Errorf("not documented, or not there: %v in %s", have, got)
		}
	}
	for _, tc := range payloadCases() {
		check(t, tc.AWS, aws)
		want := created
		if !strings.Contains(tc.EventBridge, `"size"`) {
			want = deleted
		}
		check(t, tc.EventBridge, want)
	}
}

func TestAWSNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[event.Name]string{
		event.ObjectCreatedPut:           "ObjectCreated:Put",
		event.ObjectCreatedPutTagging:    "ObjectTagging:Put",
		event.ObjectCreatedDeleteTagging: "ObjectTagging:Delete",
		event.ObjectCreatedPutRetention:  "ObjectCreated:PutRetention",
		event.ObjectAccessedHead:         "ObjectAccessed:Head",
		event.ObjectTransitionComplete:   "LifecycleTransition",
		event.ObjectTransitionFailed:     "ObjectTransition:Failed",
	} {
		if got := (&event.Record{Name: name}).AWSName(); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}
