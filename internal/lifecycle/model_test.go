package lifecycle_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// The model says what S3's pages say of lifecycle rules, as plainly as that can be
// written, and shares no code with the package.

// modelRule is a rule. Numbers of 0 and empty texts stand for elements that are not
// there, but for sizes.
type modelRule struct {
	enabled                             bool
	prefix, tag                         string
	over, under                         int // sizes; -1 for none
	days                                int
	date                                time.Time
	all, lone                           bool
	oldDays, oldNewer                   int
	uploadDays, markerDays, purgeDays   int
	purgeMarkers, oldForm, transitional bool
}

// xml is the rule as clients send it.
func (r *modelRule) xml() string {
	var b strings.Builder
	element := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "<%s>%s</%s>", name, fmt.Sprintf(format, args...), name)
	}
	status := "Disabled"
	if r.enabled {
		status = "Enabled"
	}
	element("Status", "%s", status)
	b.WriteString(r.filterXML())
	switch {
	case r.days > 0 && r.all:
		element("Expiration", "<Days>%d</Days><ExpiredObjectAllVersions>true</ExpiredObjectAllVersions>", r.days)
	case r.days > 0:
		element("Expiration", "<Days>%d</Days>", r.days)
	case !r.date.IsZero():
		element("Expiration", "<Date>%s</Date>", r.date.Format(time.RFC3339))
	case r.lone:
		element("Expiration", "<ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker>")
	}
	switch {
	case r.oldDays > 0 && r.oldNewer > 0:
		element("NoncurrentVersionExpiration", "<NoncurrentDays>%d</NoncurrentDays><NewerNoncurrentVersions>%d</NewerNoncurrentVersions>", r.oldDays, r.oldNewer)
	case r.oldDays > 0:
		element("NoncurrentVersionExpiration", "<NoncurrentDays>%d</NoncurrentDays>", r.oldDays)
	case r.oldNewer > 0:
		element("NoncurrentVersionExpiration", "<NewerNoncurrentVersions>%d</NewerNoncurrentVersions>", r.oldNewer)
	}
	if r.uploadDays > 0 {
		element("AbortIncompleteMultipartUpload", "<DaysAfterInitiation>%d</DaysAfterInitiation>", r.uploadDays)
	}
	if r.markerDays > 0 {
		element("DelMarkerExpiration", "<Days>%d</Days>", r.markerDays)
	}
	if r.purgeDays > 0 {
		element("AllVersionsExpiration", "<Days>%d</Days><DeleteMarker>%v</DeleteMarker>", r.purgeDays, r.purgeMarkers)
	}
	if r.transitional {
		element("NoncurrentVersionTransition", "<NoncurrentDays>0</NoncurrentDays><StorageClass>COLD</StorageClass>")
	}
	return b.String()
}

func (r *modelRule) filterXML() string {
	if r.oldForm {
		return "<Prefix>" + r.prefix + "</Prefix>"
	}
	var conditions []string
	if r.prefix != "" {
		conditions = append(conditions, "<Prefix>"+r.prefix+"</Prefix>")
	}
	if r.tag != "" {
		conditions = append(conditions, "<Tag><Key>t</Key><Value>"+r.tag+"</Value></Tag>")
	}
	if r.over >= 0 {
		conditions = append(conditions, fmt.Sprintf("<ObjectSizeGreaterThan>%d</ObjectSizeGreaterThan>", r.over))
	}
	if r.under >= 0 {
		conditions = append(conditions, fmt.Sprintf("<ObjectSizeLessThan>%d</ObjectSizeLessThan>", r.under))
	}
	if len(conditions) > 1 {
		return "<Filter><And>" + strings.Join(conditions, "") + "</And></Filter>"
	}
	return "<Filter>" + strings.Join(conditions, "") + "</Filter>"
}

// anyRule makes a rule that S3 takes.
func anyRule(random *rand.Rand, now time.Time) modelRule {
	for {
		one := func(in int) bool { return random.IntN(in) == 0 }
		number := func(in, most int) int {
			if one(in) {
				return 1 + random.IntN(most)
			}
			return 0
		}
		r := modelRule{
			enabled: !one(6), over: -1, under: -1, prefix: []string{"", "", "a", "a/", "b"}[random.IntN(5)],
			days: number(3, 6), oldDays: number(3, 4), oldNewer: number(4, 2), uploadDays: number(4, 3),
			markerDays: number(8, 6), purgeDays: number(10, 12), purgeMarkers: one(2), transitional: one(8),
		}
		switch {
		case r.days > 0:
			r.all = one(6)
		case one(8):
			r.date = now.AddDate(0, 0, random.IntN(8)-2).Truncate(24 * time.Hour)
		default:
			r.lone = one(4)
		}
		if one(4) {
			r.tag = []string{"x", "y"}[random.IntN(2)]
		}
		if one(5) {
			r.over = random.IntN(4)
		}
		if one(5) {
			r.under = r.over + 1 + random.IntN(4)
			if r.under < 1 {
				r.under = 1
			}
		}
		narrow := r.tag != "" || r.over >= 0 || r.under >= 0
		r.oldForm = !narrow && one(3)
		acts := r.days > 0 || !r.date.IsZero() || r.lone || r.oldDays+r.oldNewer+r.uploadDays+r.markerDays+r.purgeDays > 0 || r.transitional
		if acts && !(narrow && (r.uploadDays > 0 || r.lone)) {
			return r
		}
	}
}

// modelVersion is a version or marker.
type modelVersion struct {
	made         time.Time
	body, tag    string
	marker, null bool
}

// model is a bucket; the versions of a key are newest first.
type model struct {
	rules   []modelRule
	keys    map[string][]modelVersion
	uploads map[string]time.Time
	events  []string
}

func (m *model) add(key string, v modelVersion) {
	if v.null {
		m.keys[key] = slices.DeleteFunc(m.keys[key], func(o modelVersion) bool { return o.null })
	}
	m.keys[key] = append([]modelVersion{v}, m.keys[key]...)
}

func (m *model) remove(key string, n int) {
	m.keys[key] = slices.Delete(slices.Clone(m.keys[key]), n, n+1)
	if len(m.keys[key]) == 0 {
		delete(m.keys, key)
	}
}

func (m *model) shown(key string) string {
	if v := m.keys[key]; len(v) > 0 && !v[0].marker {
		return etag(v[0].body)
	}
	return "nothing"
}

func (m *model) tell(name, key string) {
	m.events = append(m.events, fmt.Sprintf("%s %s, then %s", name, key, m.shown(key)))
}

// old says whether the midnight after so many days has come.
func old(made, now time.Time, days int) bool {
	y, month, d := made.Date()
	return days > 0 && !now.Before(time.Date(y, month, d+days+1, 0, 0, 0, 0, time.UTC))
}

func (r *modelRule) about(key string, v *modelVersion) bool {
	narrow := r.tag != "" || r.over >= 0 || r.under >= 0
	return r.enabled && strings.HasPrefix(key, r.prefix) && !(v.marker && narrow) &&
		(r.tag == "" || r.tag == v.tag) && (r.over < 0 || len(v.body) > r.over) && (r.under < 0 || len(v.body) < r.under)
}

// scan does what a run of the scanner at that time does, to every key by the
// versions that it has when the run begins: of those the oldest goes first.
func (m *model) scan(now time.Time, state string) {
	for _, key := range slices.Sorted(maps.Keys(m.keys)) {
		versions := m.keys[key]
		var goes []int
		var mark, all, marked bool
		for n := len(versions) - 1; n >= 0; n-- {
			v := &versions[n]
			var gone bool
			for i := range m.rules {
				r := &m.rules[i]
				if !r.about(key, v) {
					continue
				}
				due := old(v.made, now, r.days) || !r.date.IsZero() && !now.Before(r.date)
				switch {
				case n > 0: // noncurrent since its successor was made; n-1 others are newer
					gone = gone || r.oldDays+r.oldNewer > 0 && n-1 >= r.oldNewer &&
						(r.oldDays == 0 || old(versions[n-1].made, now, r.oldDays))
				case v.marker:
					marked = marked || old(v.made, now, r.markerDays) || r.purgeMarkers && old(v.made, now, r.purgeDays)
					gone = gone || len(versions) == 1 && (due || r.lone)
				default:
					all = all || due && r.all || old(v.made, now, r.purgeDays)
					mark = mark || due
				}
			}
			if gone {
				goes = append(goes, n)
			}
		}
		m.expire(key, goes, mark, all, marked, state, now)
	}
	for key, begun := range m.uploads {
		for i := range m.rules {
			if r := &m.rules[i]; r.enabled && strings.HasPrefix(key, r.prefix) && old(begun, now, r.uploadDays) {
				delete(m.uploads, key)
			}
		}
	}
}

func (m *model) expire(key string, goes []int, mark, all, marked bool, state string, now time.Time) {
	for _, n := range goes {
		if n == 0 && marked {
			continue // the marker goes with all
		}
		m.remove(key, n)
		m.tell("ObjectRemoved:Delete", key)
	}
	switch {
	case marked:
		delete(m.keys, key)
		m.tell("LifecycleDelMarkerExpiration:Delete", key)
	case all:
		delete(m.keys, key)
		m.tell("ObjectRemoved:DeleteAllVersions", key)
	case mark && state == "never":
		delete(m.keys, key)
		m.tell("ObjectRemoved:Delete", key)
	case mark:
		m.add(key, modelVersion{made: now, marker: true, null: state == "suspended"})
		m.tell("ObjectRemoved:DeleteMarkerCreated", key)
	}
}

// list is the listing of versions, as site.list has it.
func (m *model) list() (lines []string) {
	for _, key := range slices.Sorted(maps.Keys(m.keys)) {
		for n, v := range m.keys[key] {
			what := etag(v.body)
			if v.marker {
				what = "marker"
			}
			lines = append(lines, fmt.Sprintf("%s %s null %v latest %v", key, what, v.null, n == 0))
		}
	}
	return lines
}
