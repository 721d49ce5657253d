package lifecycle_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/object"
	"github.com/carillon-s3/carillon/internal/s3"
)

// modelWalk does the same to a site and to the model.
type modelWalk struct {
	*site
	model  *model
	random *rand.Rand
	state  string
	bodies int
}

// TestAgreesWithTheModel: random rules, objects and clock jumps leave the same
// versions and the same events as a model of what S3 says.
func TestAgreesWithTheModel(t *testing.T) {
	t.Parallel()
	for n := range modelWalks {
		seed := rand.Uint64()
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 0))
			w := &modelWalk{
				site: newSite(t, []int{0, 1, 2, 5}[n%4]), random: random, state: "never",
				model: &model{keys: map[string][]modelVersion{}, uploads: map[string]time.Time{}},
			}
			w.clock.forward(500 * time.Millisecond) // no object is made at midnight
			for range modelSteps {
				w.do()
			}
			w.compare()
			if s := w.saw; s.failed != 0 {
				t.Errorf("%d failed", s.failed)
			}
		})
	}
}

// modelWalks times modelSteps is how often something is done.
const modelWalks, modelSteps = 40, 400

func (w *modelWalk) do() {
	w.t.Helper()
	key := []string{"a", "a/b", "a/c", "ab", "b", "c"}[w.random.IntN(6)]
	switch n := w.random.IntN(20); {
	case n < 6:
		w.write(key)
	case n < 8:
		_, err := w.Delete(w.t.Context(), object.DeleteInput{Bucket: "bucket", Key: key})
		w.check(err)
		if w.state == "never" {
			delete(w.model.keys, key)
		} else {
			w.model.add(key, modelVersion{made: w.clock.Now(), marker: true, null: w.state == "suspended"})
		}
	case n == 8:
		w.removeVersion()
	case n == 9:
		w.retag(key)
	case n == 10:
		w.begin(key)
	case n == 11:
		w.replaceRules()
	case n == 12 && w.random.IntN(4) == 0:
		w.switchState()
	case n < 16:
		w.clock.forward(time.Duration(w.random.IntN(3*24*60*60)) * time.Second)
	case n < 19:
		w.compare()
	case w.random.IntN(8) == 0:
		w.clock.forward(time.Duration(w.random.IntN(900)) * 24 * time.Hour)
	}
}

func (w *modelWalk) write(key string) {
	w.t.Helper()
	w.bodies++
	body, tag := fmt.Sprint(w.bodies), []string{"", "x", "y"}[w.random.IntN(3)]
	if w.random.IntN(6) == 0 {
		body = ""
	}
	in := object.PutInput{Bucket: "bucket", Key: key, Body: strings.NewReader(body), Size: int64(len(body)), Tags: tagged(tag)}
	_, err := w.Put(w.t.Context(), in)
	w.check(err)
	w.model.add(key, modelVersion{made: w.clock.Now(), body: body, tag: tag, null: w.state != "enabled"})
}

func tagged(tag string) []s3.Tag {
	if tag == "" {
		return nil
	}
	return []s3.Tag{{Key: "t", Value: tag}}
}

// anyVersion chooses one of the listing, and its place in the model.
func (w *modelWalk) anyVersion() (key, id string, n int, ok bool) {
	w.t.Helper()
	page, err := w.ListVersions(w.t.Context(), object.ListVersionsInput{Bucket: "bucket", MaxKeys: 1000})
	w.check(err)
	if len(page.Versions) == 0 {
		return "", "", 0, false
	}
	at := w.random.IntN(len(page.Versions))
	v := page.Versions[at]
	for at--; at >= 0 && page.Versions[at].Key == v.Key; at-- {
		n++
	}
	return v.Key, v.VersionID, n, true
}

func (w *modelWalk) removeVersion() {
	w.t.Helper()
	if key, id, n, ok := w.anyVersion(); ok {
		_, err := w.Delete(w.t.Context(), object.DeleteInput{Bucket: "bucket", Key: key, VersionID: id})
		w.check(err)
		w.model.remove(key, n)
	}
}

func (w *modelWalk) retag(string) {
	w.t.Helper()
	key, id, n, ok := w.anyVersion()
	if !ok || w.model.keys[key][n].marker {
		return
	}
	tag := []string{"x", "y"}[w.random.IntN(2)]
	in := object.TagsInput{Bucket: "bucket", Key: key, VersionID: id, Tags: tagged(tag)}
	_, err := w.SetTags(w.t.Context(), in)
	w.check(err)
	w.model.keys[key][n].tag = tag
}

func (w *modelWalk) begin(key string) {
	w.t.Helper()
	if _, ok := w.model.uploads[key]; ok {
		return
	}
	_, err := w.CreateUpload(w.t.Context(), object.CreateUploadInput{Bucket: "bucket", Key: key})
	w.check(err)
	w.model.uploads[key] = w.clock.Now()
}

func (w *modelWalk) replaceRules() {
	w.t.Helper()
	w.model.rules = nil
	var rules []string
	for range w.random.IntN(4) {
		r := anyRule(w.random, w.clock.Now())
		w.model.rules, rules = append(w.model.rules, r), append(rules, r.xml())
	}
	if rules == nil {
		w.check(w.SetDocument(w.t.Context(), "bucket", object.LifecycleDocument, nil))
		return
	}
	w.setRules(rules...)
}

func (w *modelWalk) switchState() {
	state := object.VersioningEnabled
	if w.state = "enabled"; w.random.IntN(2) == 0 {
		state, w.state = object.VersioningSuspended, "suspended"
	}
	w.versioning(state)
}

// compare scans, and compares what is left and what was told.
func (w *modelWalk) compare() {
	w.t.Helper()
	w.events() // of what clients did
	before := w.list()
	w.model.events = nil
	w.model.scan(w.clock.Now(), w.state)
	w.scan()
	if diff := cmp.Diff(w.model.list(), w.list()); diff != "" {
		w.t.Fatalf("at %s, rules %q, of\n%s\nis left (-want +got):\n%s", w.clock.Now(), w.ruleTexts(), strings.Join(before, "\n"), diff)
	}
	var events []string
	for _, r := range w.events() {
		shown := "nothing"
		if r.Post != nil {
			shown = r.Post.ETag
		}
		events = append(events, fmt.Sprintf("%s %s, then %s", strings.TrimPrefix(r.Name.String(), "s3:"), r.Key, shown))
	}
	if diff := cmp.Diff(w.model.events, events); diff != "" {
		w.t.Fatalf("at %s, rules %q, events (-want +got):\n%s", w.clock.Now(), w.ruleTexts(), diff)
	}
	page, err := w.ListUploads(w.t.Context(), object.ListUploadsInput{Bucket: "bucket", MaxUploads: 1000})
	w.check(err)
	var uploads []string
	for i := range page.Uploads {
		uploads = append(uploads, page.Uploads[i].Key)
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(w.model.uploads)), uploads); diff != "" {
		w.t.Fatalf("uploads: %s", diff)
	}
}

func (w *modelWalk) ruleTexts() (out []string) {
	for i := range w.model.rules {
		out = append(out, w.model.rules[i].xml())
	}
	return out
}
