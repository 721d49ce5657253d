package lifecycle

import (
	"encoding/xml"
	"fmt"
	"strings"
	"time"

	"github.com/carillon-s3/carillon/internal/bucketconfig"
	"github.com/carillon-s3/carillon/internal/object"
	"github.com/carillon-s3/carillon/internal/s3"
)

// Day is how long a day of a rule lasts, but for those who try rules out.
const Day = 24 * time.Hour

// Rules are the enabled rules of a lifecycle configuration. They do not change.
type Rules struct {
	// day is in whole seconds.
	day   time.Duration
	rules []rule
}

// rule is one enabled rule. Days of 0 say that there is no such action.
type rule struct {
	id string
	filter

	days        int       // Expiration
	date        time.Time // zero for none
	allVersions bool      // ExpiredObjectAllVersions
	loneMarkers bool      // ExpiredObjectDeleteMarker

	noncurrentDays, newerNoncurrent int

	uploadDays int // AbortIncompleteMultipartUpload
	markerDays int // DelMarkerExpiration
	allDays    int // AllVersionsExpiration
	allMarkers bool
}

// filter says which versions a rule is about.
type filter struct {
	prefix string
	tags   []bucketconfig.Tag
	// Sizes are between these, both excluded; below 0 there is no bound.
	over, under int64
}

// Parse reads a configuration that bucketconfig found valid. Transitions are kept
// in it, and do nothing. day is how long its days last, in whole seconds.
func Parse(document []byte, day time.Duration) (*Rules, error) {
	var config bucketconfig.Lifecycle
	if err := xml.Unmarshal(document, &config); err != nil {
		return nil, fmt.Errorf("lifecycle: %w", err)
	}
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("lifecycle: %w", err)
	}
	out := &Rules{day: day}
	for i := range config.Rules {
		if config.Rules[i].Status != bucketconfig.Enabled {
			continue
		}
		r, err := compile(&config.Rules[i])
		if err != nil {
			return nil, fmt.Errorf("lifecycle: rule %q: %w", config.Rules[i].ID, err)
		}
		out.rules = append(out.rules, r)
	}
	return out, nil
}

func compile(from *bucketconfig.LifecycleRule) (rule, error) {
	r := rule{id: from.ID, filter: compileFilter(from)}
	if e := from.Expiration; e != nil {
		r.days, r.allVersions, r.loneMarkers = value(e.Days), value(e.AllVersions), value(e.DeleteMarker)
		if e.Date != nil {
			var err error
			if r.date, err = bucketconfig.ParseDate(*e.Date); err != nil {
				return r, err
			}
		}
	}
	if e := from.NoncurrentVersionExpiration; e != nil {
		r.noncurrentDays, r.newerNoncurrent = value(e.Days), value(e.Newer)
	}
	if e := from.AbortIncompleteUpload; e != nil {
		r.uploadDays = value(e.Days)
	}
	if e := from.DelMarkerExpiration; e != nil {
		r.markerDays = value(e.Days)
	}
	if e := from.AllVersionsExpiration; e != nil {
		r.allDays, r.allMarkers = value(e.Days), value(e.DeleteMarker)
	}
	return r, nil
}

func compileFilter(from *bucketconfig.LifecycleRule) filter {
	f := filter{over: -1, under: -1}
	if from.Prefix != nil {
		f.prefix = *from.Prefix
	}
	if from.Filter == nil {
		return f
	}
	conditions := &from.Filter.Conditions
	if from.Filter.And != nil {
		conditions = from.Filter.And
	}
	f.prefix, f.tags = value(conditions.Prefix), conditions.Tags
	if conditions.GreaterThan != nil {
		f.over = *conditions.GreaterThan
	}
	if conditions.LessThan != nil {
		f.under = *conditions.LessThan
	}
	return f
}

// value is what p points to, the zero value if that is nil.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// matches says whether a rule is about a version. A delete marker has neither
// tags nor a size: a rule that asks for them is not about markers.
func (f *filter) matches(v *object.Version) bool {
	if !strings.HasPrefix(v.Key, f.prefix) {
		return false
	}
	if v.Marker {
		return len(f.tags) == 0 && f.over < 0 && f.under < 0
	}
	if f.over >= 0 && v.Size <= f.over || f.under >= 0 && v.Size >= f.under {
		return false
	}
	for _, want := range f.tags {
		if !hasTag(v.Tags, want) {
			return false
		}
	}
	return true
}

func hasTag(tags []s3.Tag, want bucketconfig.Tag) bool {
	for _, t := range tags {
		if t.Key == want.Key && t.Value == want.Value {
			return true
		}
	}
	return false
}

// Prefixes are those of the keys that the rules are about, none of them within
// another, in bytewise order.
func (r *Rules) Prefixes() []string { return r.prefixes(func(*rule) bool { return true }) }

// UploadPrefixes are those of the uploads that are given up.
func (r *Rules) UploadPrefixes() []string {
	return r.prefixes(func(one *rule) bool { return one.uploadDays > 0 })
}

func (r *Rules) prefixes(of func(*rule) bool) (out []string) {
	for i := range r.rules {
		if of(&r.rules[i]) {
			out = append(out, r.rules[i].prefix)
		}
	}
	return outermost(out)
}

// Newer is how many newer noncurrent versions make a difference.
func (r *Rules) Newer() (n int) {
	for i := range r.rules {
		n = max(n, r.rules[i].newerNoncurrent)
	}
	return n
}
