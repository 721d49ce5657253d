package lifecycle

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/carillon-s3/carillon/internal/object"
)

// maxDays is the most that Amazon S3 takes, and more than anybody waits for.
const maxDays = 1<<31 - 1

// due is when something is so many days old: days are added to its time, and the
// sum rounded up to the next midnight UTC (S3, "Setting lifecycle configuration
// on a bucket": "How lifecycle rules are evaluated").
func (r *Rules) due(since time.Time, days int) time.Time {
	// In seconds, since a time.Duration holds no more than 292 years.
	span := int64(min(days, maxDays)) * int64(r.day/time.Second)
	return time.Unix(since.Unix()+span, int64(since.Nanosecond())).UTC().Truncate(r.day).Add(r.day)
}

// passed says whether that time has come; never for 0 days, which are no action.
func (r *Rules) passed(since time.Time, days int, now time.Time) bool {
	return days > 0 && !now.Before(r.due(since, days))
}

// Decide says what is to be done to a version now. Each rule is looked at for
// itself, so that the earliest of several expiries takes place.
func (r *Rules) Decide(v *object.Aged, now time.Time) object.Expiry {
	does := object.Keep
	for i := range r.rules {
		one := &r.rules[i]
		if !one.matches(&v.Version) {
			continue
		}
		switch {
		case !v.Latest:
			does = max(does, r.noncurrent(one, v, now))
		case v.Marker:
			does = max(does, r.marker(one, v, now))
		default:
			does = max(does, r.latest(one, v, now))
		}
	}
	return does
}

// noncurrent says what a rule does to a version or marker that is not the latest.
// MinIO takes NewerNoncurrentVersions without days: then age does not matter.
func (r *Rules) noncurrent(one *rule, v *object.Aged, now time.Time) object.Expiry {
	switch {
	case one.noncurrentDays == 0 && one.newerNoncurrent == 0, v.Newer < one.newerNoncurrent:
		return object.Keep
	case one.noncurrentDays == 0, r.passed(v.Superseded, one.noncurrentDays, now):
		return object.ExpireVersion
	}
	return object.Keep
}

// marker says what a rule does to a delete marker that is the latest version. One
// below which nothing is left goes by the rule that removes objects too, once it
// is old enough for that (S3, "LifecycleExpiration").
func (r *Rules) marker(one *rule, v *object.Aged, now time.Time) object.Expiry {
	switch {
	case r.passed(v.Modified, one.markerDays, now), one.allMarkers && r.passed(v.Modified, one.allDays, now):
		return object.ExpireMarked
	case v.Alone && (one.loneMarkers || r.expired(one, v, now)):
		return object.ExpireVersion
	}
	return object.Keep
}

// latest says what a rule does to a version that GET shows.
func (r *Rules) latest(one *rule, v *object.Aged, now time.Time) object.Expiry {
	expired := r.expired(one, v, now)
	switch {
	case expired && one.allVersions, r.passed(v.Modified, one.allDays, now):
		return object.ExpireAll
	case expired:
		return object.ExpireLatest
	}
	return object.Keep
}

// expired says whether a rule's Expiration has come. A date stays passed: it is
// for later objects too ("Lifecycle rules based on a specific date").
func (r *Rules) expired(one *rule, v *object.Aged, now time.Time) bool {
	return r.passed(v.Modified, one.days, now) || !one.date.IsZero() && !now.Before(one.date)
}

// DecideUpload says whether an upload under way is to be given up now.
func (r *Rules) DecideUpload(u *object.Upload, now time.Time) bool {
	for i := range r.rules {
		if strings.HasPrefix(u.Key, r.rules[i].prefix) && r.passed(u.Created, r.rules[i].uploadDays, now) {
			return true
		}
	}
	return false
}

// Expiration is the x-amz-expiration header of answers about a key's latest
// version (S3, "GetObject"): when it expires, by which rule. It is empty if no rule
// removes it.
func (r *Rules) Expiration(info *object.Info) string {
	v := &object.Version{Info: *info, Latest: true}
	var at time.Time
	var by string
	for i := range r.rules {
		one := &r.rules[i]
		if !one.matches(v) {
			continue
		}
		for _, due := range r.expiries(one, info.Modified) {
			if at.IsZero() || due.Before(at) {
				at, by = due, one.id
			}
		}
	}
	if at.IsZero() {
		return ""
	}
	return `expiry-date="` + at.Format(http.TimeFormat) + `", rule-id="` + url.PathEscape(by) + `"`
}

// expiries are the times at which a rule removes a latest version.
func (r *Rules) expiries(one *rule, modified time.Time) (out []time.Time) {
	for _, days := range []int{one.days, one.allDays} {
		if days > 0 {
			out = append(out, r.due(modified, days))
		}
	}
	if !one.date.IsZero() {
		out = append(out, one.date)
	}
	return out
}

// outermost leaves out the prefixes that begin with another.
func outermost(prefixes []string) (out []string) {
	slices.Sort(prefixes)
	for _, p := range prefixes {
		if len(out) == 0 || !strings.HasPrefix(p, out[len(out)-1]) {
			out = append(out, p)
		}
	}
	return out
}
