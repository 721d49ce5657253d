package event_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/s3"
)

const emptyDocument = `<NotificationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></NotificationConfiguration>`

func webhook(id string) event.TargetID { return event.TargetID{ID: id, Type: "webhook"} }

// only knows the one target "1:webhook".
func only(id event.TargetID) bool { return id == webhook("1") }

func parseConfig(t *testing.T, doc string, site event.Site) *event.Config {
	t.Helper()
	c, err := event.ParseConfig(strings.NewReader(doc), site)
	if err != nil {
		t.Fatalf("%s: %v", doc, err)
	}
	return c
}

// rules makes a document of QueueConfigurations.
func document(queues ...string) string {
	var b strings.Builder
	b.WriteString("<NotificationConfiguration>")
	for _, q := range queues {
		b.WriteString("<QueueConfiguration>" + q + "</QueueConfiguration>")
	}
	return b.String() + "</NotificationConfiguration>"
}

func queue(arn string, events ...string) string {
	return "<Queue>" + arn + "</Queue><Event>" + strings.Join(events, "</Event><Event>") + "</Event>"
}

func filter(prefix, suffix string) string {
	return "<Filter><S3Key><FilterRule><Name>prefix</Name><Value>" + prefix + "</Value></FilterRule>" +
		"<FilterRule><Name>suffix</Name><Value>" + suffix + "</Value></FilterRule></S3Key></Filter>"
}

// TestFilterNameInCapitals: the filter selects as that in small letters does.
func TestFilterNameInCapitals(t *testing.T) {
	t.Parallel()
	q := event.Queue{Filters: []event.FilterRule{{Name: "Prefix", Value: "a/"}, {Name: "SUFFIX", Value: ".jpg"}}}
	if f := q.Filter(); !f.Match("a/b.jpg") || f.Match("b.jpg") || f.Match("a/b") {
		t.Errorf("%+v selects other keys", q.Filters)
	}
}

// TestConfigAgainstPeer replays documents that were sent to MinIO, and compares
// with what it answered.
func TestConfigAgainstPeer(t *testing.T) {
	t.Parallel()
	var cases []struct{ Name, Put, Get, Code, Message string }
	readGolden(t, "notification.json", &cases)
	for _, tc := range cases {
		t.Run(tc.Name, func(t *testing.T) {
			t.Parallel()
			switch tc.Name { // where we differ on purpose
			case "bucketshort": // both spellings are accepted
				tc.Code, tc.Get = "", strings.Replace(emptyDocument, "></", "><QueueConfiguration><Id></Id>"+
					"<Event>s3:BucketCreated</Event><Queue>arn:minio:sqs::1:webhook</Queue></QueueConfiguration></", 1)
			case "badname": // S3 takes Prefix too, which the SDK for Java sends
				tc.Code, tc.Get = "", strings.Replace(emptyDocument, "></", "><QueueConfiguration><Id></Id><Filter><S3Key><FilterRule>"+
					"<Name>Prefix</Name><Value>a</Value></FilterRule></S3Key></Filter>"+
					"<Event>s3:ObjectCreated:*</Event><Queue>arn:minio:sqs::1:webhook</Queue></QueueConfiguration></", 1)
			case "otherns": // the answer's name space is always that of S3
				tc.Get = strings.Replace(tc.Get, "urn:x", "http://s3.amazonaws.com/doc/2006-03-01/", 1)
			}
			c, err := event.ParseConfig(strings.NewReader(tc.Put), event.Site{Known: only})
			if tc.Code != "" {
				wantConfigError(t, err, tc.Code, tc.Message)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := string(c.AppendXML(nil, ""))
			if diff := cmp.Diff(tc.Get, got); diff != "" {
				t.Errorf("GET (-peer +ours):\n%s", diff)
			}
			if diff := cmp.Diff(c, parseConfig(t, got, event.Site{Known: only})); diff != "" {
				t.Errorf("the answer parsed again (-want +got):\n%s", diff)
			}
		})
	}
}

func wantConfigError(t *testing.T, err error, code, message string) {
	t.Helper()
	var e *event.ConfigError
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a ConfigError %s", err, code)
	}
	if e.Code != code || e.Message != message && code != event.CodeUnsupportedNotification {
		t.Fatalf("got %v, want %s: %s", e, code, message)
	}
}

func readGolden(t *testing.T, name string, into any) {
	t.Helper()
	raw, err := os.ReadFile("testdata/golden/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func TestConfigRegion(t *testing.T) {
	t.Parallel()
	const otherRegion = "A specified destination is in a different region than the bucket. " +
		"You must use a destination that resides in the same region as the bucket."
	tests := map[string]struct {
		site, arn string
		refused   bool
	}{
		"none":            {"", "", false},
		"only in the ARN": {"", "eu-west-7", false},
		"only at site":    {"eu-west-7", "", false},
		"same":            {"eu-west-7", "eu-west-7", false},
		"other":           {"eu-west-7", "us-east-1", true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc := document(queue("arn:minio:sqs:"+tc.arn+":1:webhook", "s3:ObjectCreated:*"))
			c, err := event.ParseConfig(strings.NewReader(doc), event.Site{Region: tc.site, Known: only})
			if tc.refused {
				wantConfigError(t, err, event.CodeInvalidArgument, otherRegion)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, want := string(c.AppendXML(nil, tc.site)), "<Queue>arn:minio:sqs:"+tc.site+":1:webhook</Queue>"; !strings.Contains(got, want) {
				t.Errorf("%s lacks %s", got, want)
			}
		})
	}
}

func TestConfigOfRemovedTarget(t *testing.T) {
	t.Parallel()
	const badARN = "A specified destination ARN does not exist or is not well-formed. Verify the destination ARN."
	gone := queue("arn:minio:sqs::gone:webhook", "s3:ObjectCreated:*")
	live := queue("arn:minio:sqs::1:webhook", "s3:ObjectRemoved:*")
	stored := parseConfig(t, document(gone), event.Site{Known: func(event.TargetID) bool { return true }})

	site := event.Site{Known: only, Stored: stored}
	if c := parseConfig(t, document(gone, live), site); len(c.Queues) != 2 {
		t.Errorf("%d rules, want 2", len(c.Queues))
	}
	for name, doc := range map[string]string{
		"another unknown target": document(gone, queue("arn:minio:sqs::other:webhook", "s3:ObjectCreated:*")),
		"same id, other type":    document(queue("arn:minio:sqs::gone:kafka", "s3:ObjectCreated:*")),
	} {
		_, err := event.ParseConfig(strings.NewReader(doc), site)
		t.Run(name, func(t *testing.T) { wantConfigError(t, err, event.CodeInvalidArgument, badARN) })
	}
	_, err := event.ParseConfig(strings.NewReader(document(gone)), event.Site{})
	wantConfigError(t, err, event.CodeInvalidArgument, badARN)
}

func TestConfigBucketEventTwice(t *testing.T) {
	t.Parallel()
	doc := document(queue("arn:minio:sqs::1:webhook", "s3:BucketCreated", "s3:BucketCreated:*"))
	_, err := event.ParseConfig(strings.NewReader(doc), event.Site{Known: only})
	wantConfigError(t, err, event.CodeInvalidArgument,
		"Configurations overlap. Configurations on the same bucket cannot share a common event type.")
}

func TestConfigBounds(t *testing.T) {
	t.Parallel()
	const malformed = "The XML you provided was not well-formed or did not validate against our published schema."
	one := document(queue("arn:minio:sqs::1:webhook", "s3:ObjectCreated:*"))
	site := event.Site{Known: only}

	full := one[:len(one)-len("</NotificationConfiguration>")] +
		strings.Repeat(" ", s3.MaxNotificationXMLBytes-len(one)) + "</NotificationConfiguration>"
	if c := parseConfig(t, full, site); len(c.Queues) != 1 {
		t.Errorf("a document at the limit has %d rules", len(c.Queues))
	}
	_, err := event.ParseConfig(strings.NewReader(" "+full), site)
	wantConfigError(t, err, event.CodeMalformedXML, "The notification configuration is too large.")

	deep := func(n int) string {
		return strings.Replace(one, "<QueueConfiguration>", strings.Repeat("<x>", n)+strings.Repeat("</x>", n)+"<QueueConfiguration>", 1)
	}
	parseConfig(t, deep(31), site)
	_, err = event.ParseConfig(strings.NewReader(deep(32)), site)
	wantConfigError(t, err, event.CodeMalformedXML, malformed)

	bomb := `<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>` + strings.Replace(one, "<Queue>", "<Id>&b;</Id><Queue>", 1)
	_, err = event.ParseConfig(strings.NewReader(bomb), site)
	wantConfigError(t, err, event.CodeMalformedXML, malformed)

	broken := errors.New("connection reset")
	_, err = event.ParseConfig(io.MultiReader(strings.NewReader(one[:40]), &failingReader{broken}), site)
	if !errors.Is(err, broken) {
		t.Errorf("a failing reader gave %v", err)
	}
}

type failingReader struct{ err error }

func (r *failingReader) Read([]byte) (int, error) { return 0, r.err }

func TestEmptyConfig(t *testing.T) {
	t.Parallel()
	var none *event.Config
	if got := string(none.AppendXML(nil, "eu")); got != emptyDocument {
		t.Errorf("no configuration is %s", got)
	}
	if none.Rules() != nil || none.Targets() != nil {
		t.Error("no configuration has rules or targets")
	}
	c := parseConfig(t, emptyDocument, event.Site{})
	if got := string(c.AppendXML([]byte("<?"), "eu")); got != "<?"+emptyDocument {
		t.Errorf("an empty configuration is %s", got)
	}
}

func TestConfigStoredForm(t *testing.T) {
	t.Parallel()
	c := parseConfig(t, document("<Id>a</Id>"+filter("img/", ".jpg")+queue("arn:minio:sqs::1:webhook", "s3:ObjectCreated:*", "s3:BucketCreated")), event.Site{Known: only})
	stored, err := cbor.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var back event.Config
	if err := cbor.Unmarshal(stored, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, &back); diff != "" {
		t.Errorf("came back different (-want +got):\n%s", diff)
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add(document("<Id>a</Id>" + filter("img/", ".jpg") + queue("arn:minio:sqs::1:webhook", "s3:ObjectCreated:*", "s3:BucketCreated")))
	f.Add(emptyDocument)
	f.Add(`<?xml version="1.0" encoding="UTF-8"?><NotificationConfiguration><TopicConfiguration/></NotificationConfiguration>`)
	f.Add("<NotificationConfiguration><QueueConfiguration><Id>\r\n&#xD;</Id>" + queue("arn:minio:sqs::1:webhook", "s3:ObjectRemoved:*"))
	raw, err := os.ReadFile("testdata/golden/notification.json")
	var cases []struct{ Put string }
	if err != nil || json.Unmarshal(raw, &cases) != nil {
		f.Fatal("no golden documents")
	}
	for _, tc := range cases {
		f.Add(tc.Put)
	}
	all := event.Site{Known: func(event.TargetID) bool { return true }}
	f.Fuzz(func(t *testing.T, doc string) {
		c, err := event.ParseConfig(strings.NewReader(doc), all)
		if err != nil {
			var e *event.ConfigError
			if !errors.As(err, &e) || c != nil {
				t.Fatalf("got %v, %v", c, err)
			}
			return
		}
		answer := c.AppendXML(nil, "eu-west-7")
		again, err := event.ParseConfig(strings.NewReader(string(answer)), event.Site{Region: "eu-west-7", Stored: c})
		if err != nil {
			t.Fatalf("%s is refused: %v", answer, err)
		}
		if diff := cmp.Diff(c, again); diff != "" {
			t.Fatalf("%s came back different:\n%s", answer, diff)
		}
		c.Rules().Match(event.ObjectCreatedPut, "some/key")
	})
}

// TestConfigOfMC puts the documents that mc sends, in the order of its commands.
func TestConfigOfMC(t *testing.T) {
	t.Parallel()
	var steps []struct {
		Put, Get string
		Status   int
	}
	readGolden(t, "mc.json", &steps)
	var stored *event.Config
	for i, step := range steps {
		c, err := event.ParseConfig(strings.NewReader(step.Put), event.Site{Known: only, Stored: stored})
		if (err == nil) != (step.Status == 200) {
			t.Fatalf("step %d: %v, but MinIO answered %d", i, err, step.Status)
		}
		if err != nil {
			wantConfigError(t, err, event.CodeInvalidArgument, "An object key name filtering rule defined with overlapping prefixes, "+
				"overlapping suffixes, or overlapping combinations of prefixes and suffixes for the same event types.")
			continue
		}
		stored = c
		if diff := cmp.Diff(step.Get, string(c.AppendXML(nil, ""))); diff != "" {
			t.Errorf("step %d (-peer +ours):\n%s", i, diff)
		}
	}
}
