package object

import (
	"fmt"
	"strings"

	"github.com/carillon-s3/carillon/internal/checksum"
)

// ChecksumError says what is wrong with the additional checksums of an upload.
type ChecksumError struct {
	// Mismatch tells a checksum that the bytes do not have from a request that
	// makes no sense.
	Mismatch bool
	// Message is for the client.
	Message string
}

// Error implements error.
func (e *ChecksumError) Error() string { return "object: " + e.Message }

// partChecksum is the checksum to keep with a part that came with sent. A client
// that wants a composite checksum sends each part's; that of the full object can
// do without ("UploadPart").
func (r *uploadRecord) partChecksum(sent BodyChecksum) (BodyChecksum, error) {
	switch {
	case r.Checksum == 0, sent.Algorithm == r.Checksum:
		return sent, nil
	case r.Implied, sent.Algorithm == 0 && r.Type == checksum.FullObject:
		return BodyChecksum{Algorithm: r.Checksum}, nil
	}
	actual := "null"
	if sent.Algorithm != 0 {
		actual = strings.ToLower(sent.Algorithm.String())
	}
	return BodyChecksum{}, &ChecksumError{Message: fmt.Sprintf(
		"Checksum Type mismatch occurred, expected checksum Type: %s, actual checksum Type: %s",
		strings.ToLower(r.Checksum.String()), actual)}
}

// checkCompletion looks at what a completion says of checksums, before the parts
// are read ("CompleteMultipartUpload").
func (r *uploadRecord) checkCompletion(in *CompleteInput) error {
	if in.ChecksumType != 0 && in.ChecksumType != r.Type {
		return &ChecksumError{Mismatch: true, Message: fmt.Sprintf(
			"The upload was created using the %s checksum mode. The complete request must use the same checksum mode.", r.typeName())}
	}
	if in.Checksum != nil && in.Checksum.Algorithm != r.Checksum {
		return &ChecksumError{Message: fmt.Sprintf(
			"The upload was created using %s checksum. The complete request must use the same.", r.algorithmName())}
	}
	if r.Type != checksum.Composite {
		return nil
	}
	for _, p := range in.Parts {
		if p.Checksum == nil {
			return &ChecksumError{Message: fmt.Sprintf(
				"The upload was created using a %s checksum. The complete request must include the checksum for each part. It was missing for part %d in the request.",
				strings.ToLower(r.Checksum.String()), p.Number)}
		}
	}
	return nil
}

func (r *uploadRecord) typeName() string {
	if r.Type == 0 {
		return "null"
	}
	return r.Type.String()
}

func (r *uploadRecord) algorithmName() string {
	if r.Checksum == 0 {
		return "no"
	}
	return "the " + r.Checksum.String()
}

// checkCompletedAs compares the object that an upload's parts make with what the
// client says of it.
func checkCompletedAs(v *versionRecord, in *CompleteInput) error {
	if in.SizeKnown && in.Size != v.Size {
		return fmt.Errorf("%w: %d bytes in parts", ErrWrongSize, v.Size)
	}
	// A client may leave out the number of parts, which the digest covers.
	if c := in.Checksum; c != nil && (string(c.Digest) != string(v.Checksum.Digest) || c.Parts != 0 && c.Parts != v.Checksum.Parts) {
		return &ChecksumError{Mismatch: true, Message: fmt.Sprintf(
			"The %s you specified did not match the calculated checksum.", c.Algorithm)}
	}
	return nil
}
