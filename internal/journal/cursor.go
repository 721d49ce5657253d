package journal

import (
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// ErrToken says that a resume token is not one of ours, or is of another epoch.
var ErrToken = errors.New("journal: resume token is not valid here")

// maxTokenBytes bounds a token: an epoch and one number per partition take far
// less.
const maxTokenBytes = 4 << 10

// Cursor is a position in every partition.
type Cursor struct {
	Epoch uint64
	// Next is the next sequence to read.
	Next [Partitions]uint64
}

// token is the form of a Cursor that clients carry; opaque to them.
type token struct {
	_     struct{} `cbor:",toarray"`
	Epoch uint64
	Next  []uint64
}

// Token returns c in a form that is safe in a URL and opaque to clients.
func (c Cursor) Token() string {
	raw, err := cbor.Marshal(token{Epoch: c.Epoch, Next: c.Next[:]})
	if err != nil {
		// Integers always encode.
		panic(fmt.Sprintf("journal: encode a token: %v", err))
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// ParseToken reads a token. ErrToken if it was made by another journal, or is
// damaged. Whether its positions are still kept shows when they are read.
func (j *Journal) ParseToken(s string) (Cursor, error) {
	if len(s) > maxTokenBytes {
		return Cursor{}, fmt.Errorf("%w: too long", ErrToken)
	}
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return Cursor{}, fmt.Errorf("%w: %w", ErrToken, err)
	}
	var t token
	if err := cbor.Unmarshal(raw, &t); err != nil {
		return Cursor{}, fmt.Errorf("%w: %w", ErrToken, err)
	}
	if t.Epoch != j.store.Epoch() || len(t.Next) != Partitions {
		return Cursor{}, fmt.Errorf("%w: it is of another journal", ErrToken)
	}
	c := Cursor{Epoch: t.Epoch}
	copy(c.Next[:], t.Next)
	return c, nil
}
