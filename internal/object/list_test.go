package object_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/object"
)

// listAll pages through a listing and returns keys and prefixes as they come.
func (s *site) listAll(t *testing.T, in object.ListInput) []string {
	t.Helper()
	var out []string
	for {
		page, err := s.List(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, o := range page.Objects {
			names = append(names, o.Key)
		}
		names = append(names, page.Prefixes...)
		slices.Sort(names)
		out = append(out, names...)
		if len(names) > in.MaxKeys || (page.Truncated && len(names) != in.MaxKeys) {
			t.Fatalf("page of %d, truncated %v, asked for %d", len(names), page.Truncated, in.MaxKeys)
		}
		if !page.Truncated {
			return out
		}
		in.After = page.Next
	}
}

// listModel is what S3 says a listing is.
func listModel(keys []string, in object.ListInput) []string {
	var out []string
	for _, key := range keys {
		rest, ok := strings.CutPrefix(key, in.Prefix)
		if !ok || key <= in.After {
			continue
		}
		if before, _, found := strings.Cut(rest, in.Delimiter); in.Delimiter != "" && found {
			key = in.Prefix + before + in.Delimiter
			if key == in.After {
				continue
			}
		}
		if !slices.Contains(out, key) {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return out
}

func TestListAgreesWithTheModel(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	pieces := []string{"a", "b", "/", "//", "é", "\xf0\x9f\x98\x80", " ", "ab", "\x01", "~", "-"}
	word := func(longest int) string {
		var b strings.Builder
		for range random.IntN(longest) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		return b.String()
	}
	s := newSite(t)
	s.mustBucket(t, "before")
	s.mustBucket(t, "bucket")
	s.mustBucket(t, "zafter")
	s.put(t, "before", "a/x", "v")
	s.put(t, "zafter", "a/x", "v")
	var keys []string
	for range 300 {
		if key := word(7); key != "" && !slices.Contains(keys, key) {
			keys = append(keys, key)
			s.put(t, "bucket", key, "v")
		}
	}
	for range 500 {
		in := object.ListInput{Bucket: "bucket", Prefix: word(3), After: word(4), MaxKeys: 1 + random.IntN(20)}
		if random.IntN(3) > 0 {
			in.Delimiter = []string{"/", "a", "//", "é"}[random.IntN(4)]
		}
		if diff := cmp.Diff(listModel(keys, in), s.listAll(t, in)); diff != "" {
			t.Fatalf("seed %d: %+v: %s", seed, in, diff)
		}
	}
}

func TestListLimits(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustBucket(t, "bucket")
	for i := range 1100 {
		s.put(t, "bucket", fmt.Sprintf("k%04d", i), "v")
	}
	for asked, want := range map[int]int{-1: 0, 0: 0, 1: 1, 1000: 1000, 5000: 1000} {
		page, err := s.List(t.Context(), object.ListInput{Bucket: "bucket", MaxKeys: asked})
		if err != nil || len(page.Objects) != want || page.Truncated != (want > 0) {
			t.Errorf("asked for %d: %d keys, truncated %v, %v", asked, len(page.Objects), page.Truncated, err)
		}
	}
}
