package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fxamacker/cbor/v2"
)

// Stored layout, all under the prefix 's' of the key-space:
//
//	s/config/<sub-system> 00 <target>   values of an instance  version 1
//	s/confighistory/<stamp, 8 bytes BE> a text that was set    version 1
//
// A value is its version byte and then CBOR.
const (
	prefixInstance = "s/config/"
	prefixHistory  = "s/confighistory/"

	formatInstance = 1
	formatHistory  = 1
)

// Sealer keeps secrets unreadable at rest. It is safe for concurrent use.
type Sealer interface {
	// Seal encrypts plain so that Open with the same context gives it back.
	Seal(context string, plain []byte) ([]byte, error)
	// Open fails if sealed was made with another key or context.
	Open(context string, sealed []byte) ([]byte, error)
}

// instanceRecord is the stored form of an instance.
type instanceRecord struct {
	Values map[string]string `cbor:"1,keyasint,omitempty"`
	// Sealed holds the values of secret fields, where there is a Sealer.
	Sealed map[string][]byte `cbor:"2,keyasint,omitempty"`
}

func instanceKey(subSystem, target string) []byte {
	return []byte(prefixInstance + subSystem + "\x00" + target)
}

func parseInstanceKey(key []byte) (subSystem, target string, ok bool) {
	rest, ok := strings.CutPrefix(string(key), prefixInstance)
	if !ok {
		return "", "", false
	}
	return strings.Cut(rest, "\x00")
}

func (s *schema) encode(target string, record storedInstance, sealer Sealer) ([]byte, error) {
	out := instanceRecord{Values: make(map[string]string), Sealed: maps.Clone(record.sealed)}
	for key, text := range record.values {
		f := s.fields.find(key)
		if sealer == nil || f == nil || !f.Secret || text == "" {
			out.Values[key] = text
			continue
		}
		sealed, err := sealer.Seal(sealContext(s.Name, target, key), []byte(text))
		if err != nil {
			return nil, fmt.Errorf("seal %s of %s: %w", key, headOf(s.Name, target), err)
		}
		if out.Sealed == nil {
			out.Sealed = make(map[string][]byte)
		}
		out.Sealed[key] = sealed
	}
	return encodeRecord(formatInstance, out)
}

// errSealed is why an instance with a secret that cannot be opened is
// misconfigured.
var errSealed = errors.New("the stored secret cannot be opened with this server's key; set it again")

// storedInstance is a stored instance in memory.
type storedInstance struct {
	values map[string]string
	// sealed holds the secrets that could not be opened. They are kept as they
	// are until they are set anew: the right key may come back.
	sealed map[string][]byte
	// damaged is why the record as a whole cannot be read.
	damaged error
}

func (r storedInstance) empty() bool {
	return len(r.values) == 0 && len(r.sealed) == 0 && r.damaged == nil
}

// err is why the instance is misconfigured whatever its values say.
func (r storedInstance) err() error {
	if r.damaged != nil {
		return r.damaged
	}
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(r.sealed)) {
		errs = append(errs, &FieldError{Key: key, Err: errSealed})
	}
	return errors.Join(errs...)
}

func decodeInstance(id instanceID, stored []byte, sealer Sealer) storedInstance {
	var record instanceRecord
	if err := decodeRecord(formatInstance, stored, &record); err != nil {
		return storedInstance{damaged: err}
	}
	out := storedInstance{values: make(map[string]string), sealed: make(map[string][]byte)}
	maps.Copy(out.values, record.Values)
	for key, sealed := range record.Sealed {
		var plain []byte
		err := errSealed
		if sealer != nil {
			plain, err = sealer.Open(sealContext(id.subSystem, id.target, key), sealed)
		}
		if err != nil {
			out.sealed[key] = sealed
			continue
		}
		out.values[key] = string(plain)
	}
	return out
}

func sealContext(subSystem, target, key string) string {
	return subSystem + "\x00" + target + "\x00" + key
}

func encodeRecord(version byte, record any) ([]byte, error) {
	body, err := cbor.Marshal(record)
	if err != nil {
		return nil, err
	}
	return append([]byte{version}, body...), nil
}

func decodeRecord(version byte, stored []byte, record any) error {
	if len(stored) == 0 || stored[0] != version {
		return errors.New("stored by a newer version, or damaged")
	}
	return cbor.Unmarshal(stored[1:], record)
}
