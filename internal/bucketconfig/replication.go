package bucketconfig

import (
	"encoding/xml"
	"slices"
)

// Replication is a replication configuration (S3, "ReplicationConfiguration"),
// with DeleteReplication, which MinIO has beside S3's elements.
type Replication struct {
	XMLName xml.Name          `xml:"ReplicationConfiguration"`
	Role    string            `xml:"Role"`
	Rules   []ReplicationRule `xml:"Rule"`
	Other   unknown           `xml:",any"`
}

// ReplicationRule is one rule.
type ReplicationRule struct {
	ID                        string             `xml:"ID"`
	Priority                  *int               `xml:"Priority"`
	Status                    string             `xml:"Status"`
	Prefix                    *string            `xml:"Prefix"`
	Filter                    *Filter            `xml:"Filter"`
	DeleteMarkerReplication   *Switch            `xml:"DeleteMarkerReplication"`
	DeleteReplication         *Switch            `xml:"DeleteReplication"`
	ExistingObjectReplication *Switch            `xml:"ExistingObjectReplication"`
	SourceSelectionCriteria   *SourceSelection   `xml:"SourceSelectionCriteria"`
	Destination               *ReplicationTarget `xml:"Destination"`
	Other                     unknown            `xml:",any"`
}

// Switch is an element that holds a Status and nothing else.
type Switch struct {
	Status string  `xml:"Status"`
	Other  unknown `xml:",any"`
}

// SourceSelection says which further objects are replicated.
type SourceSelection struct {
	ReplicaModifications   *Switch `xml:"ReplicaModifications"`
	SseKmsEncryptedObjects *Switch `xml:"SseKmsEncryptedObjects"`
	Other                  unknown `xml:",any"`
}

// ReplicationTarget says where a rule's objects go.
type ReplicationTarget struct {
	// Bucket is an ARN.
	Bucket       string `xml:"Bucket"`
	StorageClass string `xml:"StorageClass"`
	// The rest is kept and not looked at.
	Rest []struct {
		XMLName xml.Name
	} `xml:",any"`
}

// Validate returns an *Error if S3 would refuse the configuration.
func (c *Replication) Validate() error {
	if len(c.Other) > 0 || len(c.Rules) == 0 || len(c.Rules) > MaxRules {
		return malformed()
	}
	seen, priorities := ids{}, map[int]bool{}
	for i := range c.Rules {
		r := &c.Rules[i]
		if err := first(seen.add(r.ID), r.validate()); err != nil {
			return err
		}
		if r.Priority == nil {
			continue
		}
		if priorities[*r.Priority] {
			return request("Found duplicate priority %d. Priority must be unique across all rules", *r.Priority)
		}
		priorities[*r.Priority] = true
	}
	return nil
}

func (r *ReplicationRule) validate() error {
	if len(r.Other) > 0 || r.Destination == nil || r.Destination.Bucket == "" || r.Prefix != nil && r.Filter != nil {
		return malformed()
	}
	if r.Filter != nil && r.Priority == nil {
		return request("Priority must be specified for this version of Cross Region Replication configuration schema. Please refer to S3 Developer Guide for more information.")
	}
	if r.Prefix != nil && len(*r.Prefix) > maxPrefixBytes {
		return request("The maximum size of a prefix is %d.", maxPrefixBytes)
	}
	errs := []error{validateStatus(r.Status), r.validateFilter()}
	switches := []*Switch{r.DeleteMarkerReplication, r.DeleteReplication, r.ExistingObjectReplication}
	if s := r.SourceSelectionCriteria; s != nil {
		switches = append(switches, s.ReplicaModifications, s.SseKmsEncryptedObjects)
		errs = append(errs, refuse(len(s.Other) > 0, malformed()))
	}
	for _, s := range switches {
		errs = append(errs, s.validate())
	}
	return first(errs...)
}

// validateFilter takes what MinIO's clients write too: an And of one condition,
// and an empty Tag or And for none.
func (r *ReplicationRule) validateFilter() error {
	f := r.Filter
	if f == nil {
		return nil
	}
	outer, inner := f.Conditions.given(), f.And.given()
	if inner.count() > 0 && outer.count() > 0 || outer.count() > 1 || outer.sized() || inner.sized() {
		return malformed()
	}
	return first(outer.validate(), inner.validate())
}

// given are the conditions that say something.
func (c *Conditions) given() *Conditions {
	if c == nil {
		return &Conditions{}
	}
	out := *c
	if out.Prefix != nil && *out.Prefix == "" {
		out.Prefix = nil
	}
	out.Tags = slices.DeleteFunc(slices.Clone(c.Tags), func(t Tag) bool { return t.Key == "" && t.Value == "" })
	return &out
}

func (c *Conditions) sized() bool { return c.GreaterThan != nil || c.LessThan != nil }

func (s *Switch) validate() error {
	if s == nil {
		return nil
	}
	return first(refuse(len(s.Other) > 0, malformed()), validateStatus(s.Status))
}
