package object_test

import (
	"fmt"
	"testing"

	"github.com/carillon-s3/carillon/internal/object"
	"github.com/carillon-s3/carillon/internal/s3"
)

// TestExpiredMeanwhile lets something happen between the decision to expire a
// version and its commit, by way of another Service on the same store: what was
// decided by what is no more does not commit.
func TestExpiredMeanwhile(t *testing.T) {
	t.Parallel()
	type made = []object.Info // versions of k, oldest first
	del := func(version func(made) string) func(*site, made) error {
		return func(s *site, of made) error {
			id := ""
			if version != nil {
				id = version(of)
			}
			_, err := s.Delete(t.Context(), object.DeleteInput{Bucket: "bucket", Key: "k", VersionID: id})
			return err
		}
	}
	nth := func(n int) func(made) string { return func(of made) string { return of[n].VersionID } }
	document := func(body string) func(*site, made) error {
		return func(s *site, _ made) error {
			if body == "" {
				return s.SetDocument(t.Context(), "bucket", object.LifecycleDocument, nil)
			}
			return s.SetDocument(t.Context(), "bucket", object.LifecycleDocument, &object.Document{Body: []byte(body)})
		}
	}
	tag := func(s *site, of made) error {
		_, err := s.SetTags(t.Context(), object.TagsInput{Bucket: "bucket", Key: "k", VersionID: of[0].VersionID, Tags: []s3.Tag{{Key: "keep"}}})
		return err
	}
	put := func(s *site, _ made) error {
		_, err := s.Put(t.Context(), putInput("bucket", "k", "newest"))
		return err
	}
	held := func(s *site, of made) error {
		if err := s.SetLockConfig(t.Context(), "bucket", object.LockConfig{}); err != nil {
			return err
		}
		_, err := s.SetLegalHold(t.Context(), object.LegalHoldInput{Bucket: "bucket", Key: "k", VersionID: of[0].VersionID, LegalHold: object.LegalHoldOn})
		return err
	}
	for name, tt := range map[string]struct {
		versions, expire int // how many there are, and which one is looked at
		meanwhile        func(*site, made) error
		does             object.Expiry // what the rules do if there are newer or it is the latest
		want             object.Expiry
	}{
		"the rules go":                 {1, 0, document(""), object.ExpireLatest, object.Keep},
		"the rules change":             {1, 0, document("others"), object.ExpireVersion, object.Keep},
		"the rules are put again":      {1, 0, document("rules"), object.ExpireVersion, object.ExpireVersion},
		"a tag comes":                  {1, 0, tag, object.ExpireLatest, object.Keep},
		"a tag comes to an older one":  {3, 0, tag, object.ExpireVersion, object.Keep},
		"a newer version comes":        {1, 0, put, object.ExpireLatest, object.Keep},
		"a marker comes":               {1, 0, del(nil), object.ExpireAll, object.Keep},
		"a newer one of an older":      {3, 0, put, object.ExpireVersion, object.ExpireVersion},
		"its successor goes":           {3, 0, del(nth(1)), object.ExpireVersion, object.Keep},
		"the latest goes":              {3, 0, del(nth(2)), object.ExpireVersion, object.Keep}, // then no noncurrent one is newer
		"it goes":                      {3, 0, del(nth(0)), object.ExpireVersion, object.Keep},
		"it is held":                   {1, 0, held, object.ExpireVersion, object.Keep},
		"one of all is held":           {3, 2, held, object.ExpireAll, object.Keep},
		"a hold is none for a marker":  {1, 0, held, object.ExpireLatest, object.ExpireLatest},
		"an older one goes before all": {3, 2, del(nth(1)), object.ExpireAll, object.ExpireAll},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			s := f.other.s
			s.setVersioning(t, "bucket", object.VersioningEnabled)
			if err := document("rules")(s, nil); err != nil {
				t.Fatal(err)
			}
			var of made
			for i := range tt.versions {
				of = append(of, s.put(t, "bucket", "k", fmt.Sprint(i)))
			}
			in := object.ExpireInput{
				Bucket: "bucket", Key: "k", VersionID: of[tt.expire].VersionID, Stamp: of[tt.expire].Stamp, Newer: 1,
				Decide: func(d *object.Document, v *object.Aged) object.Expiry {
					if string(d.Body) != "rules" || len(v.Tags) > 0 || !v.Latest && v.Newer == 0 {
						return object.Keep
					}
					return tt.does
				},
			}
			if tt.expire+1 < len(of) {
				in.Successor = of[tt.expire+1].Stamp
			}
			f.store.before = func() {
				if err := tt.meanwhile(s, of); err != nil {
					t.Errorf("meanwhile: %v", err)
				}
			}
			got, err := f.s.Expire(t.Context(), in)
			if err != nil || got != tt.want {
				t.Errorf("it did %d, %v; want %d", got, err, tt.want)
			}
			if f.store.before != nil {
				t.Error("nothing was committed")
			}
			if err := s.CheckVersionRows(t.Context(), "bucket"); err != nil {
				t.Error(err)
			}
		})
	}
}
