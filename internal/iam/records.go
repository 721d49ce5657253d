package iam

import (
	"errors"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/carillon-s3/carillon/internal/kv"
)

// Stored layout, in the key-space of settings:
//
//	s/iam/revision               required and written by every change  version 1
//	s/iam/tokens                 keys of session tokens, sealed        version 1
//	s/iam/of/user/<name>         userRecord                            version 1
//	s/iam/of/group/<name>        groupRecord                           version 1
//	s/iam/of/policy/<name>       policyRecord                          version 1
//	s/iam/of/key/<access key>    keyRecord                             version 1
//
// A value is its version byte and then CBOR.
const (
	keyRevision   = "s/iam/revision"
	prefixRecords = "s/iam/of/"
	kindUser      = "user"
	kindGroup     = "group"
	kindPolicy    = "policy"
	kindKey       = "key"

	formatRevision = 1
	formatRecord   = 1
)

// userRecord is the stored form of a user.
type userRecord struct {
	Sealed   []byte    `cbor:"1,keyasint"`
	Disabled bool      `cbor:"2,keyasint,omitempty"`
	Policies []string  `cbor:"3,keyasint,omitempty"`
	Updated  time.Time `cbor:"4,keyasint"`
	// Made tells users of one name apart that were one after the other.
	Made time.Time `cbor:"5,keyasint,omitzero"`
}

// groupRecord is the stored form of a group.
type groupRecord struct {
	Members  []string  `cbor:"1,keyasint,omitempty"`
	Disabled bool      `cbor:"2,keyasint,omitempty"`
	Policies []string  `cbor:"3,keyasint,omitempty"`
	Updated  time.Time `cbor:"4,keyasint"`
}

// policyRecord is the stored form of a policy.
type policyRecord struct {
	Document []byte    `cbor:"1,keyasint"`
	Created  time.Time `cbor:"2,keyasint"`
	Updated  time.Time `cbor:"3,keyasint"`
}

// keyRecord is the stored form of an access key.
type keyRecord struct {
	Parent   string `cbor:"1,keyasint"`
	Sealed   []byte `cbor:"2,keyasint"`
	Disabled bool   `cbor:"3,keyasint,omitempty"`
	// Document narrows what the parent may do; empty inherits all of it.
	Document    []byte    `cbor:"4,keyasint,omitempty"`
	Name        string    `cbor:"5,keyasint,omitempty"`
	Description string    `cbor:"6,keyasint,omitempty"`
	Expires     time.Time `cbor:"7,keyasint,omitempty"`
	Created     time.Time `cbor:"8,keyasint"`
}

func recordKey(kind, name string) []byte { return []byte(prefixRecords + kind + "/" + name) }

// sealContext binds a sealed secret to whose it is.
func sealContext(kind, name string) string { return "iam/" + kind + "/" + name }

// writes are what a change commits.
type writes struct {
	sealer Sealer
	batch  kv.Batch
	err    error
}

// set writes a record.
func (w *writes) set(kind, name string, record any) {
	mode, err := cbor.EncOptions{Time: cbor.TimeRFC3339Nano}.EncMode()
	if err == nil {
		var body []byte
		if body, err = mode.Marshal(record); err == nil {
			w.batch.Set(recordKey(kind, name), append([]byte{formatRecord}, body...))
			return
		}
	}
	w.err = errors.Join(w.err, err)
}

// remove deletes a record.
func (w *writes) remove(kind, name string) { w.batch.Delete(recordKey(kind, name)) }

// seal returns a secret as it is stored.
func (w *writes) seal(kind, name, secret string) ([]byte, error) {
	if w.sealer == nil {
		return nil, ErrSealed
	}
	return w.sealer.Seal(sealContext(kind, name), []byte(secret))
}

// open returns a stored secret; empty if it cannot be opened.
func open(sealer Sealer, kind, name string, sealed []byte) string {
	if sealer == nil {
		return ""
	}
	plain, err := sealer.Open(sealContext(kind, name), sealed)
	if err != nil {
		return ""
	}
	return string(plain)
}

// add reads a stored record into the state.
func (s *state) add(key string, value []byte, sealer Sealer) error {
	kind, name, _ := strings.Cut(strings.TrimPrefix(key, prefixRecords), "/")
	if len(value) == 0 || value[0] != formatRecord {
		return errors.New("iam: stored by a newer version, or damaged")
	}
	value = value[1:]
	switch kind {
	case kindUser:
		u := &user{}
		if err := cbor.Unmarshal(value, &u.userRecord); err != nil {
			return err
		}
		u.secret = open(sealer, kind, name, u.Sealed)
		s.users[name] = u
	case kindGroup:
		g := &groupRecord{}
		if err := cbor.Unmarshal(value, g); err != nil {
			return err
		}
		s.groups[name] = g
	case kindPolicy:
		var record policyRecord
		if err := cbor.Unmarshal(value, &record); err != nil {
			return err
		}
		p, err := newStoredPolicy(record)
		if err != nil {
			return err
		}
		s.policies[name] = p
	case kindKey:
		k := &accessKey{}
		if err := cbor.Unmarshal(value, &k.keyRecord); err != nil {
			return err
		}
		k.secret = open(sealer, kind, name, k.Sealed)
		var err error
		if k.own, err = parseOwn(k.Document); err != nil {
			return err
		}
		s.keys[name] = k
	default:
		return errors.New("iam: a kind of record that this version does not know")
	}
	return nil
}
