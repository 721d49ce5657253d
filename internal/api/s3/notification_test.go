package s3api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/notification"

	s3api "github.com/carillon-s3/carillon/internal/api/s3"
	"github.com/carillon-s3/carillon/internal/object"
)

func TestBucketNotification(t *testing.T) {
	t.Parallel()
	s, ctx := newSite(t), t.Context()
	s.bucket(t, "bkt")
	empty, err := s.client.GetBucketNotification(ctx, "bkt")
	if err != nil || len(empty.QueueConfigs) != 0 {
		t.Fatalf("at first: %+v, %v", empty, err)
	}
	rule := notification.NewConfig(notification.NewArn("minio", "sqs", "", "1", "webhook"))
	rule.ID = "mine"
	rule.AddEvents(notification.ObjectCreatedAll, notification.ObjectRemovedAll)
	rule.AddFilterPrefix("in/")
	rule.AddFilterSuffix(".jpg")
	var config notification.Configuration
	config.AddQueue(rule)
	if err := s.client.SetBucketNotification(ctx, "bkt", config); err != nil {
		t.Fatal(err)
	}
	got, err := s.client.GetBucketNotification(ctx, "bkt")
	if err != nil || len(got.QueueConfigs) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	q := got.QueueConfigs[0]
	if q.Queue != "arn:minio:sqs::1:webhook" || q.ID != "mine" || len(q.Events) != 2 || len(q.Filter.S3Key.FilterRules) != 2 {
		t.Errorf("%+v", q)
	}
	if err := s.client.SetBucketNotification(ctx, "bkt", got); err != nil {
		t.Errorf("putting back what was got: %v", err)
	}
	if err := s.client.RemoveAllBucketNotification(ctx, "bkt"); err != nil {
		t.Error(err)
	}
	a := s.do(t, raw{method: "GET", path: "/bkt/?notification="})
	if want := `<NotificationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></NotificationConfiguration>`; a.body != want {
		t.Error(a.body)
	}
}

func TestBadNotifications(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	rule := func(inner string) string {
		return "<NotificationConfiguration><QueueConfiguration>" + inner + "</QueueConfiguration></NotificationConfiguration>"
	}
	const ok = "<Event>s3:ObjectCreated:*</Event><Queue>arn:minio:sqs::1:webhook</Queue>"
	tests := map[string]struct {
		body    string
		code    string
		message string
	}{
		"unknown event":  {rule("<Event>s3:TestEvent</Event><Queue>arn:minio:sqs::1:webhook</Queue>"), "InvalidArgument", "not supported"},
		"unknown target": {rule("<Event>s3:ObjectCreated:*</Event><Queue>arn:minio:sqs::2:webhook</Queue>"), "InvalidArgument", "destination ARN"},
		"filter name":    {rule("<Filter><S3Key><FilterRule><Name>Infix</Name><Value>a</Value></FilterRule></S3Key></Filter>" + ok), "InvalidArgument", "prefix or suffix"},
		"twice":          {"<NotificationConfiguration>" + strings.Repeat("<QueueConfiguration>"+ok+"</QueueConfiguration>", 2) + "</NotificationConfiguration>", "InvalidArgument", "An object key name filtering rule defined with overlapping prefixes, overlapping suffixes, or overlapping combinations of prefixes and suffixes for the same event types"},
		"topic":          {"<NotificationConfiguration><TopicConfiguration/></NotificationConfiguration>", "UnsupportedNotification", ""},
		"no event":       {rule("<Queue>arn:minio:sqs::1:webhook</Queue>"), "MalformedXML", ""},
		"other root":     {"<Notification/>", "MalformedXML", ""},
		"too long":       {rule(ok) + strings.Repeat(" ", 1<<20), "MaxMessageLengthExceeded", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a := s.do(t, raw{method: "PUT", path: "/bkt/?notification=", body: tt.body})
			if a.StatusCode != 400 || a.code(t) != tt.code || !strings.Contains(a.body, tt.message) {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
		})
	}
	if c, err := s.service.Notification(t.Context(), "bkt"); c != nil || err != nil {
		t.Errorf("stored %+v, %v", c, err)
	}
}

func TestListen(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	s.bucket(t, "other")
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	watched := s.client.ListenBucketNotification(ctx, "bkt", "in/", "", []string{"s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectAccessed:*"})
	everywhere := s.client.ListenNotification(ctx, "", "", []string{"s3:ObjectCreated:*", "s3:BucketCreated:*"})
	s.awaitListeners(t, 2)
	for _, key := range []string{"in/a b", "out/a", "in/c"} {
		if _, err := s.client.PutObject(ctx, "bkt", key, strings.NewReader("x"), 1, minio.PutObjectOptions{UserMetadata: map[string]string{"Colour": "red"}}); err != nil {
			t.Fatal(err)
		}
	}
	s.store(t, "other", "in/d", "x", nil)
	if a := s.do(t, raw{method: "GET", path: "/bkt/in/c"}); a.StatusCode != 200 {
		t.Fatal(a.body)
	}
	if a := s.do(t, raw{method: "HEAD", path: "/bkt/in/c"}); a.StatusCode != 200 {
		t.Fatal(a.body)
	}
	if err := s.client.RemoveObject(ctx, "bkt", "in/c", minio.RemoveObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	heard := func(c <-chan notification.Info, n int) map[string]int {
		got := map[string]int{}
		for range n {
			info, ok := <-c
			if !ok || info.Err != nil {
				t.Fatalf("stream ended: %v, after %v", info.Err, got)
			}
			for _, r := range info.Records {
				got[r.EventName+" "+r.S3.Bucket.Name+"/"+r.S3.Object.Key]++
				if r.S3.Object.Key == "in/a b" && r.S3.Object.UserMetadata["X-Amz-Meta-Colour"] != "red" {
					t.Errorf("metadata %v", r.S3.Object.UserMetadata)
				}
			}
		}
		return got
	}
	want := map[string]int{
		"s3:ObjectCreated:Put bkt/in/a b": 1, "s3:ObjectCreated:Put bkt/in/c": 1, "s3:ObjectRemoved:Delete bkt/in/c": 1,
		"s3:ObjectAccessed:Get bkt/in/c": 1, "s3:ObjectAccessed:Head bkt/in/c": 1,
	}
	if diff := cmp.Diff(want, heard(watched, 5)); diff != "" {
		t.Error(diff)
	}
	want = map[string]int{
		"s3:ObjectCreated:Put bkt/in/a b": 1, "s3:ObjectCreated:Put bkt/out/a": 1, "s3:ObjectCreated:Put bkt/in/c": 1, "s3:ObjectCreated:Put other/in/d": 1,
	}
	if diff := cmp.Diff(want, heard(everywhere, 4)); diff != "" {
		t.Error(diff)
	}
}

// awaitListeners waits until n streams have begun, by listening too: the client
// library does not say when its own has.
func (s *site) awaitListeners(t *testing.T, n int64) {
	t.Helper()
	deadline := time.After(waitLimit)
	for s.listening.Load() < n {
		select {
		case <-s.began:
		case <-deadline:
			t.Fatalf("%d of %d listeners began", s.listening.Load(), n)
		}
	}
}

func (s *site) open(t *testing.T, path string) (*http.Response, *bufio.Reader) {
	t.Helper()
	resp, err := s.transport.RoundTrip(s.request(t, raw{method: "GET", path: path}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp, bufio.NewReader(resp.Body)
}

func TestListenOnTheWire(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	// The head comes although no event has: RoundTrip returns.
	resp, lines := s.open(t, "/bkt/?events=s3%3AObjectCreated%3A*&ping=600")
	want := map[string]string{"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
	for name, value := range want {
		if resp.StatusCode != 200 || resp.Header.Get(name) != value {
			t.Errorf("%d %s: %q", resp.StatusCode, name, resp.Header.Get(name))
		}
	}
	s.store(t, "bkt", "k", "x", nil)
	line, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var document struct{ Records []json.RawMessage }
	if err := json.Unmarshal([]byte(line), &document); err != nil || len(document.Records) != 1 {
		t.Errorf("line %q: %v", line, err)
	}
	close(s.draining)
	if rest, err := io.ReadAll(lines); err != nil || len(rest) > 0 {
		t.Errorf("after the server began to stop: %q, %v", rest, err)
	}
}

func TestListenErrors(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	for path, want := range map[string]string{
		"/bkt/?events=s3:Nothing":                                             "400 InvalidArgument",
		"/bkt/?events=":                                                       "400 InvalidArgument",
		"/bkt/?events=s3:ObjectCreated:*&ping=0":                              "400 AuthorizationQueryParametersError",
		"/bkt/?events=s3:ObjectCreated:*&ping=x":                              "400 AuthorizationQueryParametersError",
		"/bkt/?events=s3:ObjectCreated:*&prefix=a&prefix=b":                   "400 InvalidArgument",
		"/bkt/?events=s3:ObjectCreated:*&suffix=a&suffix=b":                   "400 InvalidArgument",
		"/bkt/?events=s3:ObjectCreated:*&prefix=a%5Cb":                        "400 InvalidArgument",
		"/bkt/?events=s3:ObjectCreated:*&prefix=../a":                         "400 XMinioInvalidResourceName",
		"/bkt/?events=s3:ObjectCreated:*&since=yesterday":                     "400 InvalidArgument",
		"/?events=s3:ObjectCreated:*&since=AAAA":                              "400 InvalidArgument",
		"/other/?events=s3:ObjectCreated:*":                                   "404 NoSuchBucket",
		"/?events=s3:Nothing":                                                 "400 InvalidArgument",
		"/bkt/?events=s3:ObjectCreated:*&prefix=" + strings.Repeat("a", 1025): "400 InvalidArgument",
	} {
		a := s.do(t, raw{method: "GET", path: path})
		if got := a.Status[:4] + a.code(t); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

// scripted is an object layer whose listeners hear what the test says.
type scripted struct {
	s3api.Service
	script func(ctx context.Context, tell func(object.Heard) error) error
}

func (s scripted) Listen(ctx context.Context, _ object.ListenInput, ready func(), fn func(object.Heard) error) error {
	ready()
	return s.script(ctx, fn)
}

func TestListenTellsOfGapsAndPositions(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *s3api.Config) {
		c.Service = scripted{c.Service, func(_ context.Context, tell func(object.Heard) error) error {
			return errors.Join(tell(object.Heard{Gap: true}), tell(object.Heard{Gap: true, Missed: 7}), tell(object.Heard{Token: "t-_0"}))
		}}
	})
	_, lines := s.open(t, "/?events=s3:ObjectCreated:*&ping=600&since=")
	want := `{"Records":null,"Gap":true}` + "\n" + `{"Records":null,"Gap":true,"Missed":7}` + "\n" + `{"Records":null,"Token":"t-_0"}` + "\n"
	if got, err := io.ReadAll(lines); err != nil || string(got) != want {
		t.Errorf("%q, %v", got, err)
	}
}

// TestListenSignsOfLife runs the clock: blanks for old clients, lines for those
// that ask for a ping.
func TestListenSignsOfLife(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"":        "    ",
		"&ping=1": "{\"Records\":null}\n{\"Records\":null}\n",
	} {
		synctest.Test(t, func(t *testing.T) {
			h := s3api.NewListenHandlerForTest(scripted{script: func(ctx context.Context, _ func(object.Heard) error) error {
				<-ctx.Done()
				return ctx.Err()
			}})
			ctx, cancel := context.WithTimeout(t.Context(), 2100*time.Millisecond)
			defer cancel()
			if got := h(ctx, "events=s3:ObjectCreated:*"+query); got != want {
				t.Errorf("%q: %q", query, got)
			}
		})
	}
}

// TestListenEndsWithTheClient: nothing of a stream is left when its client goes.
func TestListenEndsWithTheClient(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	s := newSite(t, func(c *s3api.Config) {
		c.Service = scripted{c.Service, func(ctx context.Context, _ func(object.Heard) error) error {
			<-ctx.Done()
			close(ended)
			return ctx.Err()
		}}
	})
	resp, _ := s.open(t, "/?events=s3:ObjectCreated:*&ping=600")
	_ = resp.Body.Close()
	select {
	case <-ended:
	case <-time.After(waitLimit):
		t.Error("the listener goes on")
	}
}
