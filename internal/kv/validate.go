package kv

import (
	"errors"
	"fmt"
)

// ErrInvalid says that a batch is malformed: a mistake of the caller, never an
// effect of the data stored.
var ErrInvalid = errors.New("kv: invalid batch")

// fillBytes is the width of every number that a Fill writes.
const fillBytes = 8

// Validate reports what makes b unfit for a commit: ErrTooLarge, or ErrInvalid
// with the reason. Engines call it before anything else, so that all of them
// refuse the same batches.
func (b *Batch) Validate() error {
	if n := b.Bytes(); n > MaxBatchBytes {
		return fmt.Errorf("%w: %d bytes, %d allowed", ErrTooLarge, n, MaxBatchBytes)
	}
	for i, c := range b.Checks {
		if err := validateKey(c.Key); err != nil {
			return fmt.Errorf("requirement %d: %w", i, err)
		}
		if c.Seen.ReadAt == 0 {
			return fmt.Errorf("requirement %d: %w: its item was not read from a store", i, ErrInvalid)
		}
	}
	for i := range b.Writes {
		if err := b.validateWrite(&b.Writes[i]); err != nil {
			return fmt.Errorf("write %d: %w", i, err)
		}
	}
	return nil
}

// ValidateRelaxed is Validate for CommitRelaxed, which takes no requirements.
func (b *Batch) ValidateRelaxed() error {
	if len(b.Checks) > 0 {
		return fmt.Errorf("%w: a relaxed batch holds requirements", ErrInvalid)
	}
	return b.Validate()
}

func (b *Batch) validateWrite(w *Write) error {
	if err := validateKey(w.Key); err != nil {
		return err
	}
	for _, f := range w.Fills {
		into := w.Value
		if f.InKey {
			into = w.Key
		}
		switch {
		case f.Append < 0 || f.Append >= len(b.Appends):
			return fmt.Errorf("%w: a fill names append %d of %d", ErrInvalid, f.Append, len(b.Appends))
		case f.Field < Sequence || f.Field > InvertedStamp:
			return fmt.Errorf("%w: a fill names the unknown field %d", ErrInvalid, f.Field)
		case f.Offset < 0 || f.Offset+fillBytes > len(into):
			return fmt.Errorf("%w: a fill at offset %d does not fit %d bytes", ErrInvalid, f.Offset, len(into))
		}
	}
	return nil
}

func validateKey(key []byte) error {
	if len(key) == 0 || len(key) > MaxKeyBytes {
		return fmt.Errorf("%w: a key of %d bytes, 1 to %d allowed", ErrInvalid, len(key), MaxKeyBytes)
	}
	return nil
}
