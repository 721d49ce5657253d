package object

import (
	"context"
	"fmt"

	"github.com/carillon-s3/carillon/internal/checksum"
	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/s3"
)

// summedSource is one version of a copy's source and the checksum that its copy
// gets, nil for none.
type summedSource struct {
	// A version is known by its stamp, whichever row it stands in.
	bucketID, stamp uint64
	sum             *checksum.Sum
	// rewritten is nil unless source or copy is encrypted.
	*rewritten
}

// sumSource finds the checksum that the copy gets ("CopyObject", checksums),
// before the copy's key is locked, since it may have to read all of the source:
// if another algorithm is asked for than the source's, or the source's checksum
// is that of its parts, and no CRC.
func (s *Service) sumSource(ctx context.Context, in *CopyInput) (summedSource, error) {
	view, err := s.store.View(ctx)
	if err != nil {
		return summedSource{}, storeError(err)
	}
	summed, source, open, err := s.lookAtSource(ctx, view, in)
	view.Close()
	if err != nil || open == nil {
		return summed, err
	}
	if summed.rewritten != nil { // and there is something to open
		return summed, s.rewrite(ctx, summed.rewritten, source, open)
	}
	body, err := open(ctx, 0, source.Size)
	if err != nil {
		return summedSource{}, err
	}
	defer body.Close()
	hash := summed.sum.Algorithm.New()
	if err := s.copyBuffered(hash, body); err != nil {
		return summedSource{}, fmt.Errorf("%s/%s: %w", in.SourceBucket, in.SourceKey, err)
	}
	summed.sum.Digest = hash.Sum(nil)
	return summed, nil
}

// lookAtSource finds what sumSource can know without the bytes. If open is not
// nil, the digest is still missing.
func (s *Service) lookAtSource(ctx context.Context, view kv.View, in *CopyInput) (summed summedSource, source *versionRecord, open openFunc, err error) {
	b, _, err := s.readBucket(ctx, view, in.SourceBucket)
	if err != nil {
		return summed, nil, nil, err
	}
	found, err := in.readSource(ctx, view, b)
	if err != nil {
		return summed, nil, nil, err
	}
	source = found.versionRecord
	summed.bucketID, summed.stamp = b.ID, source.stamp
	has, want := source.Checksum, in.Checksum
	if want == 0 && has != nil {
		want = has.Algorithm
	}
	if summed.rewritten, open, err = s.rewriting(ctx, view, in, b, source, want); err != nil || open != nil {
		return summed, source, open, err
	}
	switch {
	case want == 0:
		return summed, source, nil, nil
	case has != nil && has.Algorithm == want && has.Type() == checksum.FullObject:
		summed.sum = has
		return summed, source, nil, nil
	case has != nil && has.Algorithm == want && want.Allows(checksum.FullObject):
		summed.sum, err = joinParts(ctx, view, source)
		return summed, source, nil, err
	}
	summed.sum = &checksum.Sum{Algorithm: want}
	open, err = s.opener(ctx, view, source, nil)
	return summed, source, open, err
}

// joinParts makes the full object's checksum of those of its parts, which are
// linear and of v's algorithm.
func joinParts(ctx context.Context, r kv.Reader, v *versionRecord) (*checksum.Sum, error) {
	joined := checksum.NewJoiner(v.Checksum.Algorithm, checksum.FullObject)
	for number := 1; ; {
		parts, err := readParts(ctx, r, v.Parts, number, partPage)
		if err != nil {
			return nil, err
		}
		if len(parts) == 0 {
			return joined.Sum(), nil
		}
		for _, p := range parts {
			if p.Checksum == nil {
				return nil, fmt.Errorf("%w: part %d of upload %v has no checksum", errStored, p.number, v.Parts.id())
			}
			joined.Add(p.Checksum.Digest, p.Size)
			number = p.number + 1
		}
	}
}

// readSource reads the version to copy, and looks whether it may be.
func (in *CopyInput) readSource(ctx context.Context, r kv.Reader, b *bucket) (storedVersion, error) {
	source, err := b.find(ctx, r, in.SourceKey, in.SourceVersion)
	if err != nil {
		return source, err
	}
	if in.CheckSource != nil {
		if err := in.CheckSource(b.info(in.SourceKey, source.versionRecord)); err != nil {
			return source, err
		}
	}
	if source.Size > s3.MaxCopyBytes {
		return source, fmt.Errorf("%w: %d bytes", ErrCopyTooLarge, source.Size)
	}
	return source, nil
}
