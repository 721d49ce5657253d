package event_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/carillon-s3/carillon/internal/event"
)

func parseQuery(t *testing.T, s string) url.Values {
	t.Helper()
	q, err := url.ParseQuery(s)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestParseListenErrors(t *testing.T) {
	t.Parallel()
	const created = "events=s3:ObjectCreated:*"
	const invalid, badResource = event.CodeInvalidArgument, event.CodeInvalidResourceName
	tests := map[string]string{
		"":                             invalid,
		"events=":                      invalid,
		"prefix=a":                     invalid,
		"events=s3:X":                  invalid,
		created + "&events=s3:X":       invalid,
		created + "&prefix=a&prefix=b": invalid,
		created + "&suffix=&suffix=":   invalid,
		created + "&prefix=a%5Cb":      invalid,
		created + "&suffix=%5C":        invalid,
		created + "&prefix=%FF":        invalid,
		created + "&suffix=" + strings.Repeat("a", 1025): invalid,
		created + "&prefix=../a":                         badResource,
		created + "&prefix=..":                           badResource,
		created + "&suffix=/..":                          badResource,
		created + "&prefix=./a":                          badResource,
		created + "&suffix=.":                            badResource,
		created + "&prefix=a/..%5Cb":                     invalid,
		created + "&prefix=a%2F..%2F%5Cb":                badResource,
	}
	for query, code := range tests {
		_, err := event.ParseListen("", parseQuery(t, query))
		var e *event.ConfigError
		if !errors.As(err, &e) || e.Code != code {
			t.Errorf("%.60s: got %v, want %s", query, err, code)
		}
	}
	for _, query := range []string{
		created, created + "&prefix=&suffix=&ping=10", created + "&prefix=a//b", created + "&prefix=/a",
		created + "&prefix=..a", created + "&suffix=" + strings.Repeat("a", 1024), "events=s3:BucketCreated&events=s3:BucketRemoved:*",
	} {
		if _, err := event.ParseListen("", parseQuery(t, query)); err != nil {
			t.Errorf("%.60s: %v", query, err)
		}
	}
}

func TestListenFilterMatch(t *testing.T) {
	t.Parallel()
	put := event.Record{Name: event.ObjectCreatedPut, Bucket: "photos", Key: "img/1.jpg"}
	created := event.Record{Name: event.BucketCreated, Bucket: "photos"}
	tests := map[string]struct {
		bucket, query string
		rec           event.Record
		want          bool
	}{
		"all buckets":              {"", "events=s3:ObjectCreated:*", put, true},
		"its bucket":               {"photos", "events=s3:ObjectCreated:*", put, true},
		"another bucket":           {"other", "events=s3:ObjectCreated:*", put, false},
		"another event":            {"", "events=s3:ObjectRemoved:*", put, false},
		"one of the events":        {"", "events=s3:ObjectRemoved:*&events=s3:ObjectCreated:Put", put, true},
		"prefix and suffix":        {"", "events=s3:ObjectCreated:*&prefix=img/&suffix=.jpg", put, true},
		"another prefix":           {"", "events=s3:ObjectCreated:*&prefix=doc/&suffix=.jpg", put, false},
		"another suffix":           {"", "events=s3:ObjectCreated:*&prefix=img/&suffix=.png", put, false},
		"bucket event":             {"", "events=s3:BucketCreated:*", created, true},
		"bucket event not asked":   {"", "events=s3:ObjectCreated:*", created, false},
		"bucket event with prefix": {"", "events=s3:BucketCreated:*&prefix=img/", created, false},
	}
	for name, tc := range tests {
		f, err := event.ParseListen(tc.bucket, parseQuery(t, tc.query))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := f.Match(&tc.rec); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if (&event.ListenFilter{}).Match(&put) {
		t.Error("the zero ListenFilter matches")
	}
}

func TestParsePing(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]time.Duration{
		"": 0, "ping=": 0, "ping=1": time.Second, "ping=10": 10 * time.Second, "ping=1&ping=x": time.Second,
		"ping=2147483647": 2147483647 * time.Second,
	} {
		if got, err := event.ParsePing(parseQuery(t, query)); err != nil || got != want {
			t.Errorf("%s: %v, %v", query, got, err)
		}
	}
	for _, query := range []string{"ping=0", "ping=x", "ping=-1", "ping=1.5", "ping=1s", "ping=2147483648", "ping=99999999999999999999"} {
		got, err := event.ParsePing(parseQuery(t, query))
		var e *event.ConfigError
		if !errors.As(err, &e) || e.Code != event.CodeBadQueryParameters {
			t.Errorf("%s: %v, %v", query, got, err)
		}
	}
}

func FuzzParseListen(f *testing.F) {
	f.Add("events=s3:ObjectCreated:*&prefix=img/&suffix=.jpg&ping=10")
	f.Add("events=s3:BucketCreated&events=s3:Scanner:BigPrefix&prefix=..")
	f.Fuzz(func(t *testing.T, query string) {
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		listen, err := event.ParseListen("", q)
		var e *event.ConfigError
		if err != nil && !errors.As(err, &e) || (err == nil) == (listen.Names == 0) {
			t.Fatalf("got %+v, %v", listen, err)
		}
		listen.Match(&event.Record{Name: event.ObjectCreatedPut, Bucket: "b", Key: "img/1.jpg"})
		if ping, err := event.ParsePing(q); err != nil && !errors.As(err, &e) || ping < 0 {
			t.Fatalf("ping %v, %v", ping, err)
		}
	})
}

// TestExpiredRecords: what a lifecycle rule did goes by the name that was asked
// for, and by Amazon's if both were.
func TestExpiredRecords(t *testing.T) {
	t.Parallel()
	const removed, expired, marker, marked = event.ObjectRemovedDelete, event.LifecycleExpirationDelete,
		event.ObjectRemovedDeleteMarkerCreated, event.LifecycleExpirationMarkerCreated
	for name, tt := range map[string]struct {
		asked string
		rec   event.Record
		want  event.Name
	}{
		"MinIO's":             {"s3:ObjectRemoved:*", event.Record{Name: removed, Expired: true}, removed},
		"Amazon's":            {"s3:LifecycleExpiration:*", event.Record{Name: removed, Expired: true}, expired},
		"a marker":            {"s3:LifecycleExpiration:*", event.Record{Name: marker, Expired: true}, marked},
		"all versions":        {"s3:LifecycleExpiration:Delete", event.Record{Name: event.ObjectRemovedDeleteAllVersions, Expired: true}, expired},
		"both":                {"s3:ObjectRemoved:* s3:LifecycleExpiration:*", event.Record{Name: removed, Expired: true}, expired},
		"the other":           {"s3:LifecycleExpiration:DeleteMarkerCreated", event.Record{Name: removed, Expired: true}, 0},
		"a client's delete":   {"s3:LifecycleExpiration:*", event.Record{Name: removed}, 0},
		"and that by its own": {"s3:ObjectRemoved:* s3:LifecycleExpiration:*", event.Record{Name: removed}, removed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := event.ParseListen("", url.Values{"events": strings.Fields(tt.asked)})
			if err != nil {
				t.Fatal(err)
			}
			before := tt.rec.Name
			switch {
			case f.Match(&tt.rec) != (tt.want != 0):
				t.Errorf("selected: %v", tt.want == 0)
			case tt.want != 0 && f.Told(&tt.rec).Name != tt.want:
				t.Errorf("told as %s", f.Told(&tt.rec).Name)
			case tt.rec.Name != before:
				t.Error("the record changed")
			}
		})
	}
	rec := event.Record{Name: marker, Expired: true, AliasFor: []string{"1:webhook"}}
	if rec.For("1:webhook").Name != marked || rec.For("2:webhook").Name != marker {
		t.Error("consumers do not get it by the name that they asked for")
	}
}
