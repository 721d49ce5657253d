package event_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/event"
)

// storedNumbers are part of the journal's format. A change here makes every
// existing journal unreadable.
func storedNumbers() map[event.Name]string {
	return map[event.Name]string{
		1:  "s3:ObjectAccessed:Get",
		2:  "s3:ObjectAccessed:GetRetention",
		3:  "s3:ObjectAccessed:GetLegalHold",
		4:  "s3:ObjectAccessed:Head",
		5:  "s3:ObjectAccessed:Attributes",
		6:  "s3:ObjectCreated:CompleteMultipartUpload",
		7:  "s3:ObjectCreated:Copy",
		8:  "s3:ObjectCreated:Post",
		9:  "s3:ObjectCreated:Put",
		10: "s3:ObjectCreated:PutRetention",
		11: "s3:ObjectCreated:PutLegalHold",
		12: "s3:ObjectCreated:PutTagging",
		13: "s3:ObjectCreated:DeleteTagging",
		14: "s3:ObjectRemoved:Delete",
		15: "s3:ObjectRemoved:DeleteMarkerCreated",
		16: "s3:ObjectRemoved:DeleteAllVersions",
		17: "s3:ObjectRemoved:NoOP",
		18: "s3:BucketCreated:*",
		19: "s3:BucketRemoved:*",
		20: "s3:Replication:OperationFailedReplication",
		21: "s3:Replication:OperationCompletedReplication",
		22: "s3:Replication:OperationMissedThreshold",
		23: "s3:Replication:OperationReplicatedAfterThreshold",
		24: "s3:Replication:OperationNotTracked",
		25: "s3:ObjectRestore:Post",
		26: "s3:ObjectRestore:Completed",
		27: "s3:ObjectTransition:Failed",
		28: "s3:ObjectTransition:Complete",
		29: "s3:Scanner:ManyVersions",
		30: "s3:Scanner:LargeVersions",
		31: "s3:Scanner:BigPrefix",
		32: "s3:LifecycleDelMarkerExpiration:Delete",
		33: "s3:LifecycleExpiration:Delete", 34: "s3:LifecycleExpiration:DeleteMarkerCreated",
	}
}

func TestNameForms(t *testing.T) {
	t.Parallel()
	for n, text := range storedNumbers() {
		if n.String() != text {
			t.Errorf("Name(%d) is %q, want %q", n, n, text)
		}
		parsed, err := event.ParseName(text)
		if err != nil || parsed != n {
			t.Errorf("ParseName(%q) = %d, %v", text, parsed, err)
		}
		asJSON, err := json.Marshal(n)
		if err != nil || string(asJSON) != `"`+text+`"` {
			t.Errorf("JSON of %d is %s, %v", n, asJSON, err)
		}
		var back event.Name
		if err := json.Unmarshal(asJSON, &back); err != nil || back != n {
			t.Errorf("JSON of %d came back as %d, %v", n, back, err)
		}
		stored, err := cbor.Marshal(n)
		if want, _ := cbor.Marshal(uint8(n)); err != nil || !cmp.Equal(stored, want) {
			t.Errorf("CBOR of %d is %x, %v, not its number", n, stored, err)
		}
	}
	last := event.Name(len(storedNumbers()))
	for _, n := range []event.Name{0, last + 1, 255} {
		if text, err := n.MarshalText(); err == nil {
			t.Errorf("Name(%d) has the text %q", n, text)
		}
		if !strings.Contains(n.String(), "event.Name(") {
			t.Errorf("Name(%d) prints as %q", n, n)
		}
	}
}

func TestParsePattern(t *testing.T) {
	t.Parallel()
	tests := map[string][]event.Name{
		"s3:ObjectCreated:Put":     {event.ObjectCreatedPut},
		"s3:ObjectCreated:*":       {6, 7, 8, 9, 10, 11, 12, 13},
		"s3:ObjectRemoved:*":       {14, 15, 16, 17},
		"s3:ObjectAccessed:*":      {1, 2, 3, 4, 5},
		"s3:Replication:*":         {20, 21, 22, 23, 24},
		"s3:ObjectRestore:*":       {25, 26},
		"s3:ObjectTransition:*":    {27, 28},
		"s3:LifecycleExpiration:*": {33, 34},
		"s3:BucketCreated":         {event.BucketCreated},
		"s3:BucketCreated:*":       {event.BucketCreated},
		"s3:BucketRemoved":         {event.BucketRemoved},
		"s3:BucketRemoved:*":       {event.BucketRemoved},
		"s3:Scanner:BigPrefix":     {event.ScannerBigPrefix},
	}
	for pattern, want := range tests {
		got, err := event.ParsePattern(pattern)
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
		}
		if diff := cmp.Diff(want, got.Slice()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", pattern, diff)
		}
	}
	for _, pattern := range []string{
		"", "*", ":*", "s3:*", "s3:Scanner:*", "s3:LifecycleDelMarkerExpiration:*", "s3:TestEvent",
		"s3:ReducedRedundancyLostObject", "ObjectCreated:Put", "s3:objectcreated:put", " s3:ObjectCreated:Put",
		"s3:ObjectCreated", "s3:ObjectCreated:", "s3:ObjectCreated:**", "s3:ObjectCreated:P*", "s3:BucketCreated:",
	} {
		if got, err := event.ParsePattern(pattern); err == nil {
			t.Errorf("%q was taken as %v", pattern, got.Slice())
		}
	}
}

func TestNameClasses(t *testing.T) {
	t.Parallel()
	for n := range storedNumbers() {
		text := n.String()
		access := strings.HasPrefix(text, "s3:ObjectAccessed:") || text == "s3:ObjectRemoved:NoOP"
		if n.IsAccess() != access {
			t.Errorf("%s: IsAccess is %v", n, n.IsAccess())
		}
		if want := strings.HasPrefix(text, "s3:Bucket"); n.IsBucket() != want {
			t.Errorf("%s: IsBucket is %v", n, n.IsBucket())
		}
		want := n == event.ObjectRemovedDelete || n == event.ObjectRemovedDeleteMarkerCreated || n == event.ObjectRemovedNoOP ||
			strings.HasPrefix(text, "s3:LifecycleExpiration:")
		if n.IsRemoved() != want {
			t.Errorf("%s: IsRemoved is %v", n, n.IsRemoved())
		}
	}
}

func FuzzParsePattern(f *testing.F) {
	for _, text := range storedNumbers() {
		f.Add(text)
	}
	f.Add("s3:ObjectCreated:*")
	f.Add("s3:BucketCreated")
	f.Fuzz(func(t *testing.T, s string) {
		set, err := event.ParsePattern(s)
		if err != nil {
			if set != 0 {
				t.Fatalf("%q: both %v and %v", s, set.Slice(), err)
			}
			return
		}
		if len(set.Slice()) == 0 {
			t.Fatalf("%q names nothing", s)
		}
		if slices.ContainsFunc(event.Spellings(), func(known event.Spelling) bool { return known.Text == s && known.Origin == event.OfS3 }) {
			return
		}
		for _, n := range set.Slice() {
			if !strings.HasPrefix(n.String(), strings.TrimSuffix(s, "*")) {
				t.Fatalf("%q names %s", s, n)
			}
		}
	})
}
