package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/object"
	"github.com/carillon-s3/carillon/internal/s3"
)

// days moves the clock.
func (s *site) days(n int) { s.clock.forward(time.Duration(n) * 24 * time.Hour) }

// told are names and versions of events.
func names(all []*event.Record) (out []string) {
	for _, r := range all {
		out = append(out, strings.TrimPrefix(r.Name.String(), "s3:")+" "+r.Key)
	}
	return out
}

// TestExpiresByVersioning: what expiry does to the latest version is what a delete
// that names no version does.
func TestExpiresByVersioning(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		states []object.Versioning // one before each put
		rules  string
		list   []string // after the first scan
		events []string
		again  []string // after the second, a day later
	}{
		"unversioned": {
			[]object.Versioning{object.NeverVersioned}, days1, nil, []string{"ObjectRemoved:Delete k"}, nil,
		},
		"versioned": {
			[]object.Versioning{object.VersioningEnabled},
			days1,
			[]string{"k marker null false latest true", "k " + etag("0") + " null false latest false"},
			[]string{"ObjectRemoved:DeleteMarkerCreated k"},
			[]string{"k marker null false latest true", "k " + etag("0") + " null false latest false"},
		},
		"suspended": {
			[]object.Versioning{object.VersioningEnabled, object.VersioningSuspended},
			days1,
			[]string{"k marker null true latest true", "k " + etag("0") + " null false latest false"},
			[]string{"ObjectRemoved:DeleteMarkerCreated k"},
			[]string{"k marker null true latest true", "k " + etag("0") + " null false latest false"},
		},
		"old ones": {
			[]object.Versioning{object.VersioningEnabled, object.VersioningEnabled, object.VersioningEnabled},
			"<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration>",
			[]string{"k " + etag("2") + " null false latest true"},
			[]string{"ObjectRemoved:Delete k", "ObjectRemoved:Delete k"},
			[]string{"k " + etag("2") + " null false latest true"},
		},
		"all": {
			[]object.Versioning{object.VersioningEnabled, object.VersioningEnabled},
			"<Expiration><Days>1</Days><ExpiredObjectAllVersions>true</ExpiredObjectAllVersions></Expiration>",
			nil,
			[]string{"ObjectRemoved:DeleteAllVersions k"},
			nil,
		},
		"then the marker": {
			[]object.Versioning{object.VersioningEnabled},
			days1 + "<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration>",
			[]string{"k marker null false latest true", "k " + etag("0") + " null false latest false"},
			[]string{"ObjectRemoved:DeleteMarkerCreated k"},
			[]string{"k marker null false latest true"}, // which goes with the third
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 0)
			for i, state := range tt.states {
				if state != object.NeverVersioned {
					s.versioning(state)
				}
				s.put("k", fmt.Sprint(i))
			}
			s.setRules(tt.rules)
			before := s.list()
			s.scan()
			if diff := cmp.Diff(before, s.list()); diff != "" {
				t.Fatalf("at once: %s", diff)
			}
			s.events()
			s.days(2)
			s.scan()
			if diff := cmp.Diff(tt.list, s.list()); diff != "" {
				t.Error(diff)
			}
			got := s.events()
			if diff := cmp.Diff(tt.events, names(got)); diff != "" {
				t.Error(diff)
			}
			for _, r := range got {
				if !r.Expired || !r.Request.Internal || r.Request.UserAgent != "Internal: [ILM-Expiry]" || r.Request.SourceIP != "host" {
					t.Errorf("event %+v", r)
				}
			}
			s.days(2)
			s.scan()
			if diff := cmp.Diff(tt.again, s.list()); diff != "" {
				t.Errorf("two days later: %s", diff)
			}
			s.days(2)
			s.scan()
			if name == "then the marker" && len(s.list()) != 0 {
				t.Errorf("the marker that was left alone is there: %q", s.list())
			}
		})
	}
}

// TestExpiresMarked: the versions below a marker go with it, in one event.
func TestExpiresMarked(t *testing.T) {
	t.Parallel()
	s := newSite(t, 0)
	s.versioning(object.VersioningEnabled)
	s.put("k", "a")
	s.put("k", "b")
	if _, err := s.Delete(t.Context(), object.DeleteInput{Bucket: "bucket", Key: "k"}); err != nil {
		t.Fatal(err)
	}
	s.put("shown", "a")
	s.events()
	s.setRules("<DelMarkerExpiration><Days>1</Days></DelMarkerExpiration>")
	s.days(2)
	s.scan()
	if got := s.list(); len(got) != 1 {
		t.Errorf("left: %q", got)
	}
	if got := names(s.events()); len(got) != 1 || got[0] != "LifecycleDelMarkerExpiration:Delete k" {
		t.Errorf("events %q", got)
	}
}

// TestTargetsGetTheNameTheyAskedFor: of one commit each target gets one event.
func TestTargetsGetTheNameTheyAskedFor(t *testing.T) {
	t.Parallel()
	s := newSite(t, 0)
	rule := func(id string, names ...string) string {
		return "<QueueConfiguration><Event>" + strings.Join(names, "</Event><Event>") + "</Event><Queue>arn:minio:sqs::" + id + ":webhook</Queue></QueueConfiguration>"
	}
	doc := "<NotificationConfiguration>" + rule("1", "s3:ObjectRemoved:*") + rule("2", "s3:LifecycleExpiration:*") +
		rule("3", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:Delete") + rule("4", "s3:LifecycleExpiration:DeleteMarkerCreated") + "</NotificationConfiguration>"
	s.check(s.SetNotification(t.Context(), "bucket", []byte(doc)))
	s.put("expires", "a")
	s.put("deleted", "b")
	s.setRules(days1)
	if _, err := s.Delete(t.Context(), object.DeleteInput{Bucket: "bucket", Key: "deleted"}); err != nil {
		t.Fatal(err)
	}
	s.days(2)
	s.scan()
	for consumer, want := range map[string][]string{
		"1:webhook": {"ObjectRemoved:Delete deleted", "ObjectRemoved:Delete expires"},
		"2:webhook": {"LifecycleExpiration:Delete expires"},
		"3:webhook": {"ObjectRemoved:Delete deleted", "LifecycleExpiration:Delete expires"},
		"4:webhook": nil,
	} {
		var got []string
		for _, key := range []string{"deleted", "expires"} {
			for p := range s.told {
				entries, _, err := s.journal.Pending(t.Context(), consumer, uint16(p), 0, 100)
				s.check(err)
				for _, e := range entries {
					if e.Record.Key == key {
						got = append(got, names([]*event.Record{e.Record.For(consumer)})...)
					}
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", consumer, diff)
		}
	}
}

// TestAbortsUploads: uploads that were begun long ago go, without an event.
func TestAbortsUploads(t *testing.T) {
	t.Parallel()
	s := newSite(t, 0)
	begin := func(key string) {
		t.Helper()
		_, err := s.CreateUpload(t.Context(), object.CreateUploadInput{Bucket: "bucket", Key: key})
		s.check(err)
	}
	begin("a/old")
	begin("b/old")
	s.days(2)
	begin("a/new")
	s.setRules("<Filter><Prefix>a/</Prefix></Filter><AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload>")
	s.scan()
	page, err := s.ListUploads(t.Context(), object.ListUploadsInput{Bucket: "bucket", MaxUploads: 10})
	s.check(err)
	if len(page.Uploads) != 2 || page.Uploads[0].Key != "a/new" || s.saw.expired["abort"] != 1 {
		t.Errorf("left %+v, told %v", page.Uploads, s.saw.expired)
	}
	if got := s.events(); len(got) != 0 {
		t.Errorf("events %q", names(got))
	}
}

// TestExpireDecidesAgain: what a listing showed and is another by now is spared.
func TestExpireDecidesAgain(t *testing.T) {
	t.Parallel()
	always := func(*object.Document, *object.Aged) object.Expiry { return object.ExpireVersion }
	for name, tt := range map[string]struct {
		meanwhile func(*site, object.Info)
		want      object.Expiry
	}{
		"nothing":   {func(*site, object.Info) {}, object.ExpireVersion},
		"put again": {func(s *site, _ object.Info) { s.put("k", "newer") }, object.Keep},
		"deleted": {func(s *site, _ object.Info) {
			_, err := s.Delete(s.t.Context(), object.DeleteInput{Bucket: "bucket", Key: "k"})
			s.check(err)
		}, object.Keep},
		"rules gone": {func(s *site, _ object.Info) {
			s.check(s.SetDocument(s.t.Context(), "bucket", object.LifecycleDocument, nil))
		}, object.Keep},
		"tags changed": {func(s *site, _ object.Info) {
			_, err := s.SetTags(s.t.Context(), object.TagsInput{Bucket: "bucket", Key: "k", Tags: []s3.Tag{{Key: "keep"}}})
			s.check(err)
		}, object.ExpireVersion},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 0)
			s.setRules(days1)
			info := s.put("k", "body")
			tt.meanwhile(s, info)
			var tags int
			in := object.ExpireInput{Bucket: "bucket", Key: "k", VersionID: object.NullVersion, Stamp: info.Stamp}
			in.Decide = func(d *object.Document, v *object.Aged) object.Expiry {
				tags = len(v.Tags)
				return always(d, v)
			}
			got, err := s.Expire(t.Context(), in)
			if err != nil || got != tt.want {
				t.Errorf("%d, %v", got, err)
			}
			if name == "tags changed" && tags != 1 {
				t.Error("the decision did not see the tags")
			}
		})
	}
}

// TestExpireSeesNeighbours: a version whose successor went, or whose newer ones
// went, is looked at as it is now.
func TestExpireSeesNeighbours(t *testing.T) {
	t.Parallel()
	s := newSite(t, 0)
	s.versioning(object.VersioningEnabled)
	s.setRules(old3keep2)
	var made []object.Info // oldest first
	for i := range 6 {
		made = append(made, s.put("k", fmt.Sprint(i)))
		s.days(1)
	}
	look := func(n, successor int) (got *object.Aged) {
		t.Helper()
		_, err := s.Expire(t.Context(), object.ExpireInput{
			Bucket: "bucket", Key: "k", VersionID: made[n].VersionID, Stamp: made[n].Stamp, Successor: made[successor].Stamp, Newer: 3,
			Decide: func(_ *object.Document, v *object.Aged) object.Expiry { got = v; return object.Keep },
		})
		s.check(err)
		return got
	}
	if v := look(0, 1); v == nil || v.Newer != 3 || !v.Superseded.Equal(made[1].Modified) || v.Latest {
		t.Errorf("the oldest: %+v", v)
	}
	if v := look(3, 4); v == nil || v.Newer != 1 {
		t.Errorf("the fourth: %+v", v)
	}
	if _, err := s.Delete(t.Context(), object.DeleteInput{Bucket: "bucket", Key: "k"}); err != nil {
		t.Fatal(err)
	}
	if v := look(3, 4); v == nil || v.Newer != 2 {
		t.Errorf("below a marker: %+v", v)
	}
	if v := look(5, 5); v == nil || v.Newer != 0 {
		t.Errorf("right below a marker: %+v", v)
	}
	if _, err := s.Delete(t.Context(), object.DeleteInput{Bucket: "bucket", Key: "k", VersionID: made[4].VersionID}); err != nil {
		t.Fatal(err)
	}
	if v := look(3, 4); v != nil {
		t.Errorf("without its successor: %+v", v)
	}
	if v := look(3, 5); v == nil || v.Newer != 1 || !v.Superseded.Equal(made[5].Modified) {
		t.Errorf("with another: %+v", v)
	}
}

// TestScanGoesOn: a walk that was cut off goes on where it was, also by another
// scanner, and the next one begins anew.
func TestScanGoesOn(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	s.setRules("<Filter><Prefix>a</Prefix></Filter><Expiration><Days>9</Days></Expiration>", "<Filter><Prefix>b</Prefix></Filter><Expiration><Days>9</Days></Expiration>")
	for i := range 5 {
		s.put(fmt.Sprint("a", i), "x")
		s.put(fmt.Sprint("b", i), "x")
	}
	s.check(s.SetWalkPosition(t.Context(), "lifecycle", s.positionAt("a", "a2")))
	s.scan()
	if s.saw.versions != 2+5 {
		t.Errorf("from the third key on %d versions were looked at", s.saw.versions)
	}
	s.saw.versions = 0
	s.scan()
	if s.saw.versions != 10 {
		t.Errorf("the next walk looked at %d", s.saw.versions)
	}
	// One that is cut off leaves its position.
	ctx, cancel := context.WithCancel(t.Context())
	s.saw.versions = 0
	s.days(10)
	s.scanner.Observer = cutAfter{s.saw, cancel, 6}
	if err := s.scanner.Scan(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("it gave %v", err)
	}
	left := len(s.list())
	if left == 0 || left == 10 {
		t.Fatalf("%d are left", left)
	}
	at, err := s.WalkPosition(t.Context(), "lifecycle")
	if err != nil || at == nil || at.Prefix == "a" && at.After == "" {
		t.Errorf("position %+v, %v", at, err)
	}
	s.saw.versions = 0
	s.scanner = s.newScanner()
	s.scan()
	if got := s.list(); len(got) != 0 || s.saw.versions > left {
		t.Errorf("left %q after %d were looked at", got, s.saw.versions)
	}
}

func (s *site) positionAt(prefix, after string) *object.WalkPosition {
	b, err := s.Bucket(s.t.Context(), "bucket")
	s.check(err)
	return &object.WalkPosition{Bucket: "bucket", BucketID: b.ID, Prefix: prefix, After: after}
}

// cutAfter ends a scan once so many versions were looked at.
type cutAfter struct {
	*saw
	cut func()
	n   int
}

func (c cutAfter) Scanned(versions, uploads int) {
	c.saw.Scanned(versions, uploads)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.versions >= c.n {
		c.cut()
	}
}

// TestManyVersions: a key with more versions than one commit removes ends like any
// other, with an event for each that had to go before.
func TestManyVersions(t *testing.T) {
	t.Parallel()
	s := newSite(t, 100)
	s.versioning(object.VersioningEnabled)
	for range 1005 {
		s.put("k", "x")
	}
	s.put("other", "x")
	s.events()
	s.setRules("<Filter><Prefix>k</Prefix></Filter><AllVersionsExpiration><Days>1</Days></AllVersionsExpiration>")
	s.days(3)
	s.scan()
	for n := 0; len(s.list()) > 1; n++ {
		if n > 10 {
			t.Fatalf("%d versions are left", len(s.list()))
		}
		s.scan()
	}
	got := names(s.events())
	if len(got) != 5 || got[4] != "ObjectRemoved:DeleteAllVersions k" || got[0] != "ObjectRemoved:Delete k" {
		t.Errorf("events %q", got)
	}
}

// TestRunEnds: Run scans at its interval, and ends with its context.
func TestRunEnds(t *testing.T) {
	t.Parallel()
	s := newSite(t, 0)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	s.scanner.Observer = endAfter{s.saw, cancel, 3}
	go func() { defer close(ended); s.scanner.Run(ctx) }()
	<-ended
	if s.saw.finished != 3 {
		t.Errorf("%d runs", s.saw.finished)
	}
}

type endAfter struct {
	*saw
	end func()
	n   int
}

func (e endAfter) Finished(took time.Duration, complete bool) {
	e.saw.Finished(took, complete)
	if e.finished == e.n {
		e.end()
	}
}
