package event_test

import (
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/event"
)

// TestSpellings: each name that there is can be asked for and means what the
// table says, and a rule with S3's name hears the event by MinIO's.
func TestSpellings(t *testing.T) {
	t.Parallel()
	seen := make(map[string]event.Spelling)
	for _, s := range event.Spellings() {
		if _, twice := seen[s.Text]; twice {
			t.Errorf("%s is there twice", s.Text)
		}
		seen[s.Text] = s
		got, err := event.ParsePattern(s.Text)
		if err != nil || got != s.Names || got == 0 {
			t.Errorf("%s means %v, %v; want %v", s.Text, got.Slice(), err, s.Names.Slice())
		}
		for _, n := range s.Names.Slice() {
			// What S3 has goes by S3's name in its form, and by MinIO's else.
			told := "s3:" + (&event.Record{Name: n}).AWSName()
			if s.Origin == event.OfS3 && told != s.Text && s.Text != "s3:ObjectTagging:*" || s.Origin == event.OfBoth && told != n.String() {
				t.Errorf("%s of %s is told as %s", n, s.Origin, told)
			}
		}
	}
	for text := range storedText() {
		if _, ok := seen[text]; !ok {
			t.Errorf("%s is not in the table", text)
		}
	}
	for _, refused := range []string{"s3:IntelligentTiering", "s3:ObjectAcl:Put", "s3:TestEvent"} {
		if _, err := event.ParsePattern(refused); err == nil || seen[refused].Text != "" {
			t.Errorf("%s is taken", refused)
		}
	}
	doc := document(queue("arn:minio:sqs::1:webhook", "s3:ObjectTagging:*", "s3:LifecycleTransition"))
	c := parseConfig(t, doc, event.Site{Known: only})
	if !strings.Contains(string(c.AppendXML(nil, "")), "<Event>s3:ObjectTagging:*</Event>") {
		t.Error("GET does not show the rule as it was put")
	}
	rules := c.Rules()
	for _, n := range []event.Name{event.ObjectCreatedPutTagging, event.ObjectCreatedDeleteTagging, event.ObjectTransitionComplete} {
		if len(rules.Match(n, "k")) != 1 {
			t.Errorf("the rule does not hear %s", n)
		}
	}
	if len(rules.Match(event.ObjectCreatedPut, "k")) != 0 {
		t.Error("the rule hears of puts")
	}
}

// storedText are the names that have numbers.
func storedText() map[string]bool {
	all := make(map[string]bool)
	for _, text := range storedNumbers() {
		all[text] = true
	}
	return all
}
