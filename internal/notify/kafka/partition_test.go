package kafka

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestPartitionsAreSaramas: the vectors were computed apart from this code, from
// sarama's definition: FNV-1a of the key as a signed number, the remainder of
// its division by the number of partitions, without its sign.
func TestPartitionsAreSaramas(t *testing.T) {
	t.Parallel()
	counts := []int{1, 3, 12, 50, 1000}
	tests := map[string][]int{
		"images/myphoto.jpg":             {0, 0, 3, 5, 55},
		"bucket/a":                       {0, 0, 9, 31, 581},
		"bucket/b":                       {0, 1, 10, 12, 962},
		"bucket/c":                       {0, 2, 11, 43, 343},
		"bucket/ü/ñ/日本":                  {0, 2, 5, 3, 353},
		"bucket/a b":                     {0, 1, 1, 33, 33},
		"b/" + strings.Repeat("k", 1024): {0, 1, 10, 10, 910},
	}
	topic := kgo.StickyKeyPartitioner(kgo.SaramaCompatHasher(fnv1a)).ForTopic("t")
	for key, want := range tests {
		rec := &kgo.Record{Key: []byte(key)}
		if !topic.RequiresConsistency(rec) {
			t.Errorf("%.30s: its partition depends on which are available", key)
		}
		var got []int
		for _, n := range counts {
			got = append(got, topic.Partition(rec, n))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%.30s among %v partitions (-want +got):\n%s", key, counts, diff)
		}
	}
}
