package iam

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/carillon-s3/carillon/internal/policy"
)

// AccessKeyInfo tells of an access key, which acts for its parent. MinIO calls
// them service accounts too.
type AccessKeyInfo struct {
	AccessKey, Parent string
	Enabled           bool
	// Document is the key's own policy; nil inherits all of the parent's rights.
	Document          []byte
	Name, Description string
	// Expires is zero for a key that does not.
	Expires time.Time
}

// NewAccessKey is what an access key is made with. Empty keys are generated.
type NewAccessKey struct {
	// Parent is a user, or root.
	Parent               string
	AccessKey, SecretKey string
	Document             []byte
	Name, Description    string
	Expires              time.Time
}

// AccessKeyChange is what is to be different; nil leaves it.
type AccessKeyChange struct {
	SecretKey, Name, Description *string
	Enabled                      *bool
	// Document is the key's own policy; an empty one inherits.
	Document *[]byte
	// Expires is zero for never.
	Expires *time.Time
}

// AccessKeys returns all access keys, in the order of their names.
func (s *Store) AccessKeys() []AccessKeyInfo {
	st := s.state.Load()
	list := make([]AccessKeyInfo, 0, len(st.keys))
	for _, name := range slices.Sorted(maps.Keys(st.keys)) {
		list = append(list, st.keys[name].info(name))
	}
	return list
}

// AccessKey returns one access key: ErrNoSuchAccessKey.
func (s *Store) AccessKey(name string) (AccessKeyInfo, error) {
	k, ok := s.state.Load().keys[name]
	if !ok {
		return AccessKeyInfo{}, ErrNoSuchAccessKey
	}
	return k.info(name), nil
}

func (k *accessKey) info(name string) AccessKeyInfo {
	return AccessKeyInfo{
		AccessKey: name, Parent: k.Parent, Enabled: !k.Disabled, Document: k.Document, Name: k.Name, Description: k.Description, Expires: k.Expires,
	}
}

// AddAccessKey makes an access key and returns its credential. ErrNoSuchUser,
// ErrInvalidName, ErrInvalidSecretKey, ErrTaken, ErrInvalidArgument, *policy.Error.
func (s *Store) AddAccessKey(ctx context.Context, in NewAccessKey) (Credential, error) {
	if in.AccessKey == "" {
		in.AccessKey = generateAccessKey()
	}
	if in.SecretKey == "" {
		in.SecretKey = generateSecretKey()
	}
	if err := checkName("access key", in.AccessKey, minAccessKey); err != nil {
		return Credential{}, err
	}
	if in.Parent == in.AccessKey {
		return Credential{}, ErrTaken
	}
	enabled := true
	change := AccessKeyChange{
		SecretKey: &in.SecretKey, Name: &in.Name, Description: &in.Description, Enabled: &enabled, Document: &in.Document, Expires: &in.Expires,
	}
	own, err := s.checkChange(change)
	if err != nil {
		return Credential{}, err
	}
	err = s.change(ctx, func(next *state, w *writes) error {
		switch {
		case in.Parent != s.Root.AccessKey && next.users[in.Parent] == nil:
			return ErrNoSuchUser
		case in.AccessKey == s.Root.AccessKey || next.users[in.AccessKey] != nil || next.keys[in.AccessKey] != nil:
			return ErrTaken
		}
		k := accessKey{keyRecord: keyRecord{Parent: in.Parent, Created: s.Now()}}
		return next.putKey(w, in.AccessKey, k, change, own)
	})
	return Credential{AccessKey: in.AccessKey, SecretKey: in.SecretKey, Parent: in.Parent}, err
}

// ChangeAccessKey changes an access key. ErrNoSuchAccessKey and the errors of
// AddAccessKey.
func (s *Store) ChangeAccessKey(ctx context.Context, name string, change AccessKeyChange) error {
	own, err := s.checkChange(change)
	if err != nil {
		return err
	}
	return s.change(ctx, func(next *state, w *writes) error {
		old := next.keys[name]
		if old == nil {
			return ErrNoSuchAccessKey
		}
		return next.putKey(w, name, *old, change, own)
	})
}

// RemoveAccessKey removes an access key: ErrNoSuchAccessKey.
func (s *Store) RemoveAccessKey(ctx context.Context, name string) error {
	return s.change(ctx, func(next *state, w *writes) error {
		if next.keys[name] == nil {
			return ErrNoSuchAccessKey
		}
		delete(next.keys, name)
		w.remove(kindKey, name)
		return nil
	})
}

// checkChange checks what does not depend on what is stored, and reads the policy.
func (s *Store) checkChange(c AccessKeyChange) (own *policy.Document, err error) {
	if c.SecretKey != nil {
		if err := checkSecret(*c.SecretKey); err != nil {
			return nil, err
		}
	}
	for _, text := range []*string{c.Name, c.Description} {
		if text != nil && len(*text) > maxText {
			return nil, detail(ErrInvalidArgument, "A name or description is longer than %d bytes.", maxText)
		}
	}
	if c.Expires != nil && !c.Expires.IsZero() && !c.Expires.After(s.Now()) {
		return nil, detail(ErrInvalidArgument, "The expiration lies in the past.")
	}
	if c.Document != nil {
		return parseOwn(*c.Document)
	}
	return nil, nil
}

func (s *state) putKey(w *writes, name string, k accessKey, c AccessKeyChange, own *policy.Document) (err error) {
	if c.SecretKey != nil {
		k.secret = *c.SecretKey
		if k.Sealed, err = w.seal(kindKey, name, k.secret); err != nil {
			return err
		}
	}
	if c.Document != nil {
		k.Document, k.own = slices.Clone(*c.Document), own
	}
	set(&k.Name, c.Name)
	set(&k.Description, c.Description)
	set(&k.Expires, c.Expires)
	if c.Enabled != nil {
		k.Disabled = !*c.Enabled
	}
	s.keys[name] = &k
	w.set(kindKey, name, k.keyRecord)
	return nil
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}
