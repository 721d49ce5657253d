package sse

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

const (
	// maxKeyName bounds the name of a master key; it is kept with every object.
	maxKeyName = 80
	// maxKeys bounds their number: one is added with each rotation.
	maxKeys = 1000
)

// Keys are the master keys by name. They do not change. A nil *Keys has none.
type Keys struct {
	names []string
	keys  map[string]SealingKey
}

// ParseKeys reads a list of name:key, between commas or white space, each key in
// base64. The first is the one that new objects get; the others stay for what was
// sealed with them. No error repeats anything of a key.
func ParseKeys(list string) (*Keys, error) {
	k := &Keys{keys: make(map[string]SealingKey)}
	for entry := range strings.FieldsFuncSeq(list, func(c rune) bool { return strings.ContainsRune(", \t\r\n", c) }) {
		at := fmt.Sprintf("key %d", len(k.names)+1)
		name, encoded, found := strings.Cut(entry, ":")
		if !found {
			return nil, fmt.Errorf("%s is not of the form name:key", at)
		}
		if !validKeyName(name) {
			return nil, fmt.Errorf("%s: a name has 1 to %d letters, digits, dots, dashes and underscores", at, maxKeyName)
		}
		if _, twice := k.keys[name]; twice {
			return nil, fmt.Errorf("%s: the name %s is there twice", at, name)
		}
		secret, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil || len(secret) != KeyBytes {
			return nil, fmt.Errorf("key %s: not %d bytes in base64", name, KeyBytes)
		}
		if k.keys[name], err = NewSealingKey(secret); err != nil {
			return nil, err
		}
		if k.names = append(k.names, name); len(k.names) > maxKeys {
			return nil, fmt.Errorf("more than %d keys", maxKeys)
		}
	}
	if len(k.names) == 0 {
		return nil, errors.New("no key")
	}
	return k, nil
}

func validKeyName(name string) bool {
	return name != "" && len(name) <= maxKeyName && strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789.-_") == ""
}

// Configured reports whether there are keys.
func (k *Keys) Configured() bool { return k != nil }

// Default is the name of the key that new objects get; empty if there is none.
func (k *Keys) Default() string {
	if k == nil {
		return ""
	}
	return k.names[0]
}

// Names are the names of all keys, the default first.
func (k *Keys) Names() []string {
	if k == nil {
		return nil
	}
	return append([]string(nil), k.names...)
}

// Get returns the key of a name.
func (k *Keys) Get(name string) (SealingKey, bool) {
	if k == nil {
		return SealingKey{}, false
	}
	key, ok := k.keys[name]
	return key, ok
}

// Check seals and opens something with the key of a name, and says why it cannot.
func (k *Keys) Check(name string) error {
	key, ok := k.Get(name)
	if !ok {
		return fmt.Errorf("sse: there is no key %q", name)
	}
	some := NewObjectKey()
	sealed, err := key.Seal(some, Binding{})
	if err != nil {
		return err
	}
	if got, err := key.Open(sealed, Binding{}); err != nil || got != some {
		return fmt.Errorf("sse: key %q does not open what it sealed: %w", name, err)
	}
	return nil
}

// String hides the keys, whatever is done with them.
func (k *Keys) String() string { return "keys " + strings.Join(k.Names(), ", ") }

// GoString hides the keys.
func (k *Keys) GoString() string { return k.String() }
