package object

import (
	"context"
	"fmt"

	"github.com/carillon-s3/carillon/internal/s3"
)

// AttributesInput names an object and a page of its parts.
type AttributesInput struct {
	Bucket, Key string
	// VersionID is which version; empty for the latest.
	VersionID string
	// After excludes the parts up to that ordinal, counted from 1.
	After int
	// MaxParts is the largest number of parts; at most s3.MaxListParts are given.
	MaxParts int
	// CustomerKey is as in GetInput.
	CustomerKey *CustomerKey
}

// Attributes describe a version with a page of its parts.
type Attributes struct {
	Info
	// PartsPage numbers the parts from 1, as GetInput.Part does, whatever numbers
	// they were uploaded under.
	PartsPage []Part
	Truncated bool
}

// Attributes describes a version and its parts (S3, GetObjectAttributes). The
// errors are those of Get.
func (s *Service) Attributes(ctx context.Context, in AttributesInput) (Attributes, error) {
	view, err := s.store.View(ctx)
	if err != nil {
		return Attributes{}, storeError(err)
	}
	defer view.Close()
	b, _, err := s.readBucket(ctx, view, in.Bucket)
	if err != nil {
		return Attributes{}, err
	}
	v, err := b.find(ctx, view, in.Key, in.VersionID)
	if err != nil {
		return Attributes{}, err
	}
	key, err := s.unseal(b, in.Key, v.Encryption, in.CustomerKey)
	if err != nil {
		return Attributes{}, err
	}
	if err := v.reveal(key); err != nil {
		return Attributes{}, err
	}
	a := Attributes{Info: b.info(in.Key, v.versionRecord)}
	limit := min(in.MaxParts, s3.MaxListParts)
	if v.Parts == nil || in.After >= v.Parts.Count || limit <= 0 {
		return a, nil
	}
	first, _ := v.Parts.nth(in.After) // below Count, so that it is there
	parts, err := readParts(ctx, view, v.Parts, first, limit)
	if err != nil {
		return Attributes{}, fmt.Errorf("%s/%s: %w", in.Bucket, in.Key, err)
	}
	for i, p := range parts {
		part, err := p.public(p.number, key)
		if err != nil {
			return Attributes{}, err
		}
		part.Number = in.After + 1 + i
		a.PartsPage = append(a.PartsPage, part)
	}
	a.Truncated = in.After+len(parts) < v.Parts.Count
	return a, nil
}
