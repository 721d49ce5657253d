package lifecycle_test

import (
	"strings"
	"testing"
	"time"

	"github.com/carillon-s3/carillon/internal/lifecycle"
	"github.com/carillon-s3/carillon/internal/object"
	"github.com/carillon-s3/carillon/internal/s3"
)

// document is a configuration of one enabled rule for each text.
func document(rules ...string) []byte {
	var b strings.Builder
	b.WriteString("<LifecycleConfiguration>")
	for _, r := range rules {
		if !strings.Contains(r, "<Filter") && !strings.Contains(r, "<Prefix") {
			r = "<Filter/>" + r
		}
		if !strings.Contains(r, "<Status>") {
			r = "<Status>Enabled</Status>" + r
		}
		b.WriteString("<Rule>" + r + "</Rule>")
	}
	return []byte(b.String() + "</LifecycleConfiguration>")
}

func parse(t *testing.T, rules ...string) *lifecycle.Rules {
	t.Helper()
	r, err := lifecycle.Parse(document(rules...), lifecycle.Day)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// at reads a time of the tests.
func at(t *testing.T, text string) time.Time {
	t.Helper()
	out, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const (
	days1     = "<Expiration><Days>1</Days></Expiration>"
	days3     = "<Expiration><Days>3</Days></Expiration>"
	dated     = "<Expiration><Date>2014-01-20T00:00:00Z</Date></Expiration>"
	lone      = "<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>"
	notLone   = "<Expiration><ExpiredObjectDeleteMarker>false</ExpiredObjectDeleteMarker></Expiration>"
	allOf3    = "<Expiration><Days>3</Days><ExpiredObjectAllVersions>true</ExpiredObjectAllVersions></Expiration>"
	old3      = "<NoncurrentVersionExpiration><NoncurrentDays>3</NoncurrentDays></NoncurrentVersionExpiration>"
	old3keep2 = "<NoncurrentVersionExpiration><NoncurrentDays>3</NoncurrentDays><NewerNoncurrentVersions>2</NewerNoncurrentVersions></NoncurrentVersionExpiration>"
	keep2     = "<NoncurrentVersionExpiration><NewerNoncurrentVersions>2</NewerNoncurrentVersions></NoncurrentVersionExpiration>"
	keep0     = "<NoncurrentVersionExpiration><NewerNoncurrentVersions>0</NewerNoncurrentVersions></NoncurrentVersionExpiration>"
	marked3   = "<DelMarkerExpiration><Days>3</Days></DelMarkerExpiration>"
	purge3    = "<AllVersionsExpiration><Days>3</Days></AllVersionsExpiration>"
	purge3too = "<AllVersionsExpiration><Days>3</Days><DeleteMarker>true</DeleteMarker></AllVersionsExpiration>"
	move      = "<Transition><Days>0</Days><StorageClass>COLD</StorageClass></Transition>"
	abort3    = "<AbortIncompleteMultipartUpload><DaysAfterInitiation>3</DaysAfterInitiation></AbortIncompleteMultipartUpload>"
)

// TestDecide: the version was made, or superseded, on 2014-01-15 at half past ten,
// as in S3's example: three days later is 2014-01-19 at midnight.
func TestDecide(t *testing.T) {
	t.Parallel()
	const before, after = "2014-01-18T23:59:59.999999999Z", "2014-01-19T00:00:00Z"
	latest := func(v *object.Aged) { v.Latest = true }
	marker := func(v *object.Aged) { v.Latest, v.Marker = true, true }
	loneMarker := func(v *object.Aged) { v.Latest, v.Marker, v.Alone = true, true, true }
	older := func(newer int) func(*object.Aged) {
		return func(v *object.Aged) {
			v.Superseded, v.Modified, v.Newer = v.Modified, v.Modified.AddDate(-1, 0, 0), newer
		}
	}
	olderMarker := func(v *object.Aged) { older(0)(v); v.Marker = true }
	with := func(f func(*object.Aged), key string, size int64, tags ...s3.Tag) func(*object.Aged) {
		return func(v *object.Aged) { f(v); v.Key, v.Size, v.Tags = key, size, tags }
	}
	const keep, mark, remove, markedAll, all = object.Keep, object.ExpireLatest, object.ExpireVersion, object.ExpireMarked, object.ExpireAll
	for name, tt := range map[string]struct {
		rules []string
		v     func(*object.Aged)
		now   string
		want  object.Expiry
	}{
		"before midnight":              {[]string{days3}, latest, before, keep},
		"at midnight":                  {[]string{days3}, latest, after, mark},
		"disabled":                     {[]string{"<Status>Disabled</Status>" + days3}, latest, after, keep},
		"the shortest wins":            {[]string{"<Expiration><Days>30</Days></Expiration>", days3}, latest, after, mark},
		"for ever":                     {[]string{"<Expiration><Days>2147483647</Days></Expiration>"}, latest, "2999-01-01T00:00:00Z", keep},
		"longer than that":             {[]string{"<Expiration><Days>9223372036854775807</Days></Expiration>"}, latest, "2999-01-01T00:00:00Z", keep},
		"day before the date":          {[]string{dated}, latest, "2014-01-19T23:59:59Z", keep},
		"the date":                     {[]string{dated}, latest, "2014-01-20T00:00:00Z", mark},
		"long after the date":          {[]string{dated}, latest, "2024-01-20T00:00:00Z", mark},
		"an older one by days":         {[]string{days3}, older(0), after, keep},
		"a transition":                 {[]string{move}, latest, after, keep},
		"the latest of old ones":       {[]string{old3, keep2}, latest, after, keep},
		"noncurrent, before":           {[]string{old3}, older(0), before, keep},
		"noncurrent":                   {[]string{old3}, older(0), after, remove},
		"noncurrent marker":            {[]string{old3}, olderMarker, after, remove},
		"two newer are kept":           {[]string{old3keep2}, older(1), after, keep},
		"with two newer":               {[]string{old3keep2}, older(2), after, remove},
		"with two newer, before":       {[]string{old3keep2}, older(2), before, keep},
		"newer alone, kept":            {[]string{keep2}, older(1), before, keep},
		"newer alone":                  {[]string{keep2}, older(2), before, remove},
		"none to be kept is no action": {[]string{keep0}, older(9), after, keep},
		"lone marker":                  {[]string{lone}, loneMarker, before, remove},
		"lone marker, false":           {[]string{notLone}, loneMarker, after, keep},
		"marker above versions":        {[]string{lone, days3, dated}, marker, after, keep},
		"lone marker by days, before":  {[]string{days3}, loneMarker, before, keep},
		"lone marker by days":          {[]string{days3}, loneMarker, after, remove},
		"lone marker by date":          {[]string{dated}, loneMarker, "2014-01-20T00:00:00Z", remove},
		"lone marker, old ones":        {[]string{old3}, loneMarker, after, keep},
		"all versions, before":         {[]string{allOf3}, latest, before, keep},
		"all versions":                 {[]string{allOf3}, latest, after, all},
		"all versions and a marker":    {[]string{allOf3}, marker, after, keep},
		"all goes before one":          {[]string{days3, allOf3}, latest, after, all},
		"marked, before":               {[]string{marked3}, marker, before, keep},
		"marked":                       {[]string{marked3}, marker, after, markedAll},
		"marked is for markers":        {[]string{marked3}, latest, after, keep},
		"purge":                        {[]string{purge3}, latest, after, all},
		"purge, before":                {[]string{purge3}, latest, before, keep},
		"purge, not of markers":        {[]string{purge3}, marker, after, keep},
		"purge, of markers":            {[]string{purge3too}, marker, after, markedAll},
		"another prefix":               {[]string{"<Filter><Prefix>b</Prefix></Filter>" + days3}, with(latest, "a", 0), after, keep},
		"the prefix":                   {[]string{"<Filter><Prefix>a</Prefix></Filter>" + days3}, with(latest, "ab", 0), after, mark},
		"the old prefix":               {[]string{"<Prefix>a</Prefix>" + days3}, with(latest, "ab", 0), after, mark},
		"old prefix of others":         {[]string{"<Prefix>b</Prefix>" + days3}, with(latest, "ab", 0), after, keep},
		"no tag":                       {[]string{"<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>" + days3}, latest, after, keep},
		"the tag": {
			[]string{"<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>" + days3},
			with(latest, "a", 0, s3.Tag{Key: "x", Value: "v"}, s3.Tag{Key: "k", Value: "v"}), after, mark,
		},
		"another value": {
			[]string{"<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>" + days3},
			with(latest, "a", 0, s3.Tag{Key: "k", Value: "w"}), after, keep,
		},
		"tags and markers": {[]string{"<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>" + marked3}, loneMarker, after, keep},
		"not greater":      {[]string{"<Filter><ObjectSizeGreaterThan>5</ObjectSizeGreaterThan></Filter>" + days3}, with(latest, "a", 5), after, keep},
		"greater":          {[]string{"<Filter><ObjectSizeGreaterThan>5</ObjectSizeGreaterThan></Filter>" + days3}, with(latest, "a", 6), after, mark},
		"not less":         {[]string{"<Filter><ObjectSizeLessThan>5</ObjectSizeLessThan></Filter>" + days3}, with(latest, "a", 5), after, keep},
		"less":             {[]string{"<Filter><ObjectSizeLessThan>5</ObjectSizeLessThan></Filter>" + days3}, with(latest, "a", 4), after, mark},
		"greater than 0":   {[]string{"<Filter><ObjectSizeGreaterThan>0</ObjectSizeGreaterThan></Filter>" + days3}, with(latest, "a", 0), after, keep},
		"all of And": {
			[]string{"<Filter><And><Prefix>a</Prefix><ObjectSizeLessThan>5</ObjectSizeLessThan><Tag><Key>k</Key><Value>v</Value></Tag></And></Filter>" + days3},
			with(latest, "a", 4, s3.Tag{Key: "k", Value: "v"}), after, mark,
		},
		"one of And is not": {
			[]string{"<Filter><And><Prefix>a</Prefix><ObjectSizeLessThan>5</ObjectSizeLessThan><Tag><Key>k</Key><Value>v</Value></Tag></And></Filter>" + days3},
			with(latest, "a", 5, s3.Tag{Key: "k", Value: "v"}), after, keep,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := &object.Aged{}
			v.Key, v.Modified = "a", at(t, "2014-01-15T10:30:00Z")
			tt.v(v)
			if got := parse(t, tt.rules...).Decide(v, at(t, tt.now)); got != tt.want {
				t.Errorf("%d, want %d", got, tt.want)
			}
		})
	}
}

func TestDecideUpload(t *testing.T) {
	t.Parallel()
	rules := parse(t, "<Filter><Prefix>a</Prefix></Filter>"+abort3, days1)
	for _, tt := range []struct {
		key, now string
		want     bool
	}{
		{"ab", "2014-01-18T23:59:59Z", false},
		{"ab", "2014-01-19T00:00:00Z", true},
		{"ba", "2024-01-19T00:00:00Z", false},
	} {
		u := &object.Upload{Key: tt.key, Created: at(t, "2014-01-15T10:30:00Z")}
		if got := rules.DecideUpload(u, at(t, tt.now)); got != tt.want {
			t.Errorf("%s at %s: %v", tt.key, tt.now, got)
		}
	}
}

// TestExpirationHeader: S3's example of the form, and the earliest of the rules.
func TestExpirationHeader(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		rules []string
		want  string
	}{
		"none":     {[]string{old3, lone, "<Filter><Prefix>b</Prefix></Filter>" + days1}, ""},
		"days":     {[]string{"<ID>a rule</ID>" + days3}, `expiry-date="Sun, 19 Jan 2014 00:00:00 GMT", rule-id="a%20rule"`},
		"earliest": {[]string{"<ID>1</ID>" + dated, "<ID>2</ID>" + days3, "<ID>3</ID>" + allOf3}, `expiry-date="Sun, 19 Jan 2014 00:00:00 GMT", rule-id="2"`},
		"date":     {[]string{"<ID>x</ID>" + dated, "<ID>y</ID><Expiration><Days>99</Days></Expiration>"}, `expiry-date="Mon, 20 Jan 2014 00:00:00 GMT", rule-id="x"`},
		"purge":    {[]string{"<ID>p</ID>" + purge3}, `expiry-date="Sun, 19 Jan 2014 00:00:00 GMT", rule-id="p"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			info := &object.Info{Key: "a", Modified: at(t, "2014-01-15T10:30:00Z")}
			if got := parse(t, tt.rules...).Expiration(info); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

// TestDayOfSeconds: with another day, rounding goes to its ends.
func TestDayOfSeconds(t *testing.T) {
	t.Parallel()
	rules, err := lifecycle.Parse(document(days1), 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	v := &object.Aged{}
	v.Latest, v.Modified = true, at(t, "2014-01-15T10:30:01.5Z")
	for now, want := range map[string]object.Expiry{"2014-01-15T10:30:03.9Z": object.Keep, "2014-01-15T10:30:04Z": object.ExpireLatest} {
		if got := rules.Decide(v, at(t, now)); got != want {
			t.Errorf("at %s: %d", now, got)
		}
	}
}

func TestPrefixes(t *testing.T) {
	t.Parallel()
	prefix := func(p string) string { return "<Filter><Prefix>" + p + "</Prefix></Filter>" }
	for name, tt := range map[string]struct {
		rules []string
		want  string
	}{
		"apart":    {[]string{prefix("b/") + days1, prefix("a/") + days1}, "a/ b/"},
		"within":   {[]string{prefix("a/b/") + days1, prefix("a") + days1, prefix("a/c") + days1}, "a"},
		"all":      {[]string{prefix("b/") + days1, days1}, ""},
		"disabled": {[]string{"<Status>Disabled</Status>" + prefix("b/") + days1, prefix("c") + days1}, "c"},
	} {
		if got := strings.Join(parse(t, tt.rules...).Prefixes(), " "); got != tt.want {
			t.Errorf("%s: %q", name, got)
		}
	}
	rules := parse(t, prefix("b")+days1, prefix("a")+abort3, old3keep2)
	if got := rules.UploadPrefixes(); len(got) != 1 || got[0] != "a" || rules.Newer() != 2 {
		t.Errorf("uploads below %q, %d newer", got, rules.Newer())
	}
	if got := parse(t, "<Status>Disabled</Status>"+days1).Prefixes(); got != nil {
		t.Errorf("without an enabled rule: %q", got)
	}
}
