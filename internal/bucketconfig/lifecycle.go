package bucketconfig

import (
	"encoding/xml"
	"strings"
	"time"
)

// maxNewerVersions bounds NewerNoncurrentVersions ("NoncurrentVersionExpiration").
const maxNewerVersions = 100

// Lifecycle is a lifecycle configuration (S3, "BucketLifecycleConfiguration"),
// with the three elements that MinIO has beside S3's: ExpiredObjectAllVersions,
// DelMarkerExpiration and AllVersionsExpiration.
type Lifecycle struct {
	XMLName xml.Name        `xml:"LifecycleConfiguration"`
	Rules   []LifecycleRule `xml:"Rule"`
	// ExpiryUpdatedAt is MinIO's, in what its export of a bucket holds.
	ExpiryUpdatedAt string  `xml:"ExpiryUpdatedAt"`
	Other           unknown `xml:",any"`
}

// LifecycleRule is one rule. Pointers are nil where the element is not there.
type LifecycleRule struct {
	ID     string  `xml:"ID"`
	Status string  `xml:"Status"`
	Prefix *string `xml:"Prefix"`
	Filter *Filter `xml:"Filter"`

	Expiration                  *Expiration            `xml:"Expiration"`
	Transitions                 []Transition           `xml:"Transition"`
	NoncurrentVersionExpiration *NoncurrentExpiration  `xml:"NoncurrentVersionExpiration"`
	NoncurrentTransitions       []NoncurrentTransition `xml:"NoncurrentVersionTransition"`
	AbortIncompleteUpload       *AbortIncompleteUpload `xml:"AbortIncompleteMultipartUpload"`

	DelMarkerExpiration   *DelMarkerExpiration   `xml:"DelMarkerExpiration"`
	AllVersionsExpiration *AllVersionsExpiration `xml:"AllVersionsExpiration"`

	Other unknown `xml:",any"`
}

// Filter says which objects a rule is about; And joins several conditions.
type Filter struct {
	Conditions
	And *Conditions `xml:"And"`
}

// Conditions are what an object must meet. The sizes are in bytes.
type Conditions struct {
	Prefix      *string `xml:"Prefix"`
	Tags        []Tag   `xml:"Tag"`
	GreaterThan *int64  `xml:"ObjectSizeGreaterThan"`
	LessThan    *int64  `xml:"ObjectSizeLessThan"`
	Other       unknown `xml:",any"`
}

// Expiration removes current versions, or markers below which nothing is.
type Expiration struct {
	Days         *int    `xml:"Days"`
	Date         *string `xml:"Date"`
	DeleteMarker *bool   `xml:"ExpiredObjectDeleteMarker"`
	AllVersions  *bool   `xml:"ExpiredObjectAllVersions"`
	Other        unknown `xml:",any"`
}

// Transition moves current versions to another storage class.
type Transition struct {
	Days         *int    `xml:"Days"`
	Date         *string `xml:"Date"`
	StorageClass string  `xml:"StorageClass"`
	Other        unknown `xml:",any"`
}

// NoncurrentExpiration removes older versions.
type NoncurrentExpiration struct {
	Days  *int    `xml:"NoncurrentDays"`
	Newer *int    `xml:"NewerNoncurrentVersions"`
	Other unknown `xml:",any"`
}

// NoncurrentTransition moves older versions to another storage class.
type NoncurrentTransition struct {
	Days         *int    `xml:"NoncurrentDays"`
	Newer        *int    `xml:"NewerNoncurrentVersions"`
	StorageClass string  `xml:"StorageClass"`
	Other        unknown `xml:",any"`
}

// AbortIncompleteUpload aborts uploads that nobody completed.
type AbortIncompleteUpload struct {
	Days  *int    `xml:"DaysAfterInitiation"`
	Other unknown `xml:",any"`
}

// DelMarkerExpiration removes delete markers that are the latest version.
type DelMarkerExpiration struct {
	Days  *int    `xml:"Days"`
	Other unknown `xml:",any"`
}

// AllVersionsExpiration removes all versions of a key.
type AllVersionsExpiration struct {
	Days         *int    `xml:"Days"`
	DeleteMarker *bool   `xml:"DeleteMarker"`
	Other        unknown `xml:",any"`
}

// Validate returns an *Error if S3 would refuse the configuration.
func (l *Lifecycle) Validate() error {
	if len(l.Other) > 0 || len(l.Rules) == 0 || len(l.Rules) > MaxRules {
		return malformed()
	}
	seen := ids{}
	for i := range l.Rules {
		if err := first(seen.add(l.Rules[i].ID), l.Rules[i].validate()); err != nil {
			return err
		}
	}
	return nil
}

func (r *LifecycleRule) validate() error {
	if len(r.Other) > 0 || (r.Prefix == nil) == (r.Filter == nil) {
		return malformed()
	}
	if r.Prefix != nil && len(*r.Prefix) > maxPrefixBytes {
		return request("The maximum size of a prefix is %d.", maxPrefixBytes)
	}
	if err := first(validateStatus(r.Status), r.Filter.validate(), r.validateActions()); err != nil {
		return err
	}
	tagged, sized := r.Filter.narrows()
	switch {
	case r.AbortIncompleteUpload != nil && tagged:
		return request("AbortIncompleteMultipartUpload cannot be specified with Tags.")
	case r.AbortIncompleteUpload != nil && sized:
		return request("AbortIncompleteMultipartUpload cannot be specified with Object Size.")
	case r.Expiration != nil && r.Expiration.DeleteMarker != nil && tagged:
		return request("ExpiredObjectDeleteMarker cannot be specified with Tags.")
	case r.Expiration != nil && r.Expiration.DeleteMarker != nil && sized:
		return request("ExpiredObjectDeleteMarker cannot be specified with Object Size.")
	}
	return nil
}

// narrows says whether a filter looks at tags and at sizes.
func (f *Filter) narrows() (tagged, sized bool) {
	if f == nil {
		return false, false
	}
	for _, c := range []*Conditions{&f.Conditions, f.And} {
		if c != nil {
			tagged = tagged || len(c.Tags) > 0
			sized = sized || c.sized()
		}
	}
	return tagged, sized
}

func (f *Filter) validate() error {
	if f == nil {
		return nil
	}
	n := f.count()
	if f.And == nil {
		return first(refuse(n > 1, malformed()), f.Conditions.validate())
	}
	if n > 0 || f.And.count() < 2 {
		return malformed()
	}
	return first(f.Conditions.validate(), f.And.validate())
}

// count is how many conditions there are.
func (c *Conditions) count() int {
	n := len(c.Tags)
	for _, there := range []bool{c.Prefix != nil, c.GreaterThan != nil, c.LessThan != nil} {
		if there {
			n++
		}
	}
	return n
}

func (c *Conditions) validate() error {
	switch {
	case len(c.Other) > 0:
		return malformed()
	case c.Prefix != nil && len(*c.Prefix) > maxPrefixBytes:
		return request("The maximum size of a prefix is %d.", maxPrefixBytes)
	case c.GreaterThan != nil && *c.GreaterThan < 0:
		return request("'ObjectSizeGreaterThan' should not be negative")
	case c.LessThan != nil && *c.LessThan < 1:
		return request("'ObjectSizeLessThan' should be a positive integer")
	case c.GreaterThan != nil && c.LessThan != nil && *c.LessThan <= *c.GreaterThan:
		return request("'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.")
	}
	return validateTags(c.Tags)
}

// validateActions looks at each action, and at those that contradict each other.
func (r *LifecycleRule) validateActions() error {
	actions := len(r.Transitions) + len(r.NoncurrentTransitions)
	errs := []error{
		r.Expiration.validate(&actions), r.NoncurrentVersionExpiration.validate(&actions),
		r.AbortIncompleteUpload.validate(&actions), r.DelMarkerExpiration.validate(&actions),
		r.AllVersionsExpiration.validate(&actions),
	}
	for i := range r.Transitions {
		errs = append(errs, r.Transitions[i].validate())
	}
	for i := range r.NoncurrentTransitions {
		errs = append(errs, r.NoncurrentTransitions[i].validate())
	}
	if err := first(errs...); err != nil {
		return err
	}
	if actions == 0 {
		return request("At least one action needs to be specified in a rule")
	}
	return r.validateOrder()
}

// validateOrder makes sure that what expires was not to move later.
func (r *LifecycleRule) validateOrder() error {
	classes := map[string]bool{}
	for _, t := range r.Transitions {
		if classes[t.StorageClass] {
			return request("'StorageClass' must be different for 'Transition' actions in same 'Rule'")
		}
		classes[t.StorageClass] = true
		e := r.Expiration
		switch {
		case e == nil:
		case e.Days != nil && t.Date != nil, e.Date != nil && t.Days != nil:
			return request("Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule for prefix '%s'", r.prefix())
		case e.Days != nil && t.Days != nil && *e.Days <= *t.Days:
			return argument("'Days' in the Expiration action for prefix '%s' must be greater than 'Days' in the Transition action", r.prefix())
		}
	}
	return nil
}

func (r *LifecycleRule) prefix() string {
	switch {
	case r.Prefix != nil:
		return *r.Prefix
	case r.Filter.Prefix != nil:
		return *r.Filter.Prefix
	case r.Filter.And != nil && r.Filter.And.Prefix != nil:
		return *r.Filter.And.Prefix
	}
	return ""
}

func (e *Expiration) validate(actions *int) error {
	if e == nil {
		return nil
	}
	*actions++
	given := 0
	for _, there := range []bool{e.Days != nil, e.Date != nil, e.DeleteMarker != nil} {
		if there {
			given++
		}
	}
	if len(e.Other) > 0 || given != 1 {
		return malformed()
	}
	return first(positive(e.Days, "Days", "Expiration"), midnight(e.Date))
}

func (t *Transition) validate() error {
	if len(t.Other) > 0 || (t.Days == nil) == (t.Date == nil) || t.StorageClass == "" {
		return malformed()
	}
	return first(
		refuse(t.Days != nil && *t.Days < 0, argument("'Days' in Transition action must be nonnegative")),
		midnight(t.Date),
	)
}

func (e *NoncurrentExpiration) validate(actions *int) error {
	if e == nil {
		return nil
	}
	*actions++
	if len(e.Other) > 0 || e.Days == nil && e.Newer == nil { // MinIO takes the second alone
		return malformed()
	}
	return first(positive(e.Days, "NoncurrentDays", "NoncurrentVersionExpiration"), newer(e.Newer, "NoncurrentVersionExpiration"))
}

func (t *NoncurrentTransition) validate() error {
	if len(t.Other) > 0 || t.Days == nil || t.StorageClass == "" {
		return malformed()
	}
	return first(
		refuse(*t.Days < 0, argument("'NoncurrentDays' in NoncurrentVersionTransition action must be nonnegative")),
		newer(t.Newer, "NoncurrentVersionTransition"),
	)
}

func (a *AbortIncompleteUpload) validate(actions *int) error {
	if a == nil {
		return nil
	}
	*actions++
	if len(a.Other) > 0 || a.Days == nil {
		return malformed()
	}
	return positive(a.Days, "DaysAfterInitiation", "AbortIncompleteMultipartUpload")
}

func (e *DelMarkerExpiration) validate(actions *int) error {
	if e == nil {
		return nil
	}
	*actions++
	if len(e.Other) > 0 || e.Days == nil {
		return malformed()
	}
	return positive(e.Days, "Days", "DelMarkerExpiration")
}

func (e *AllVersionsExpiration) validate(actions *int) error {
	if e == nil {
		return nil
	}
	*actions++
	if len(e.Other) > 0 || e.Days == nil {
		return malformed()
	}
	return positive(e.Days, "Days", "AllVersionsExpiration")
}

func positive(n *int, element, action string) error {
	return refuse(n != nil && *n < 1, argument("'%s' for %s action must be a positive integer", element, action))
}

// newer checks how many older versions are to be kept; MinIO writes 0 for none.
func newer(n *int, action string) error {
	return refuse(n != nil && (*n < 0 || *n > maxNewerVersions),
		argument("'NewerNoncurrentVersions' for %s action must be an integer between 1 and %d", action, maxNewerVersions))
}

// midnight checks a date: ISO 8601, at midnight of UTC.
func midnight(date *string) error {
	if date == nil {
		return nil
	}
	at, err := ParseDate(*date)
	if err != nil {
		return err
	}
	return refuse(!at.Equal(at.Truncate(24*time.Hour)), argument("'Date' must be at midnight GMT"))
}

// ParseDate reads a date of a rule. An *Error if it is none.
func ParseDate(date string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05.999999999", time.DateOnly} {
		if at, err := time.Parse(layout, strings.TrimSpace(date)); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, malformed()
}
