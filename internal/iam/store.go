package iam

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carillon-s3/carillon/internal/kv"
)

// KV is what a Store needs of kv.Store.
type KV interface {
	kv.Reader
	View(ctx context.Context) (kv.View, error)
	Commit(ctx context.Context, b *kv.Batch) ([]kv.Position, error)
}

// Sealer keeps secrets unreadable at rest; config.Sealer is one. It is safe for
// concurrent use.
type Sealer interface {
	Seal(context string, plain []byte) ([]byte, error)
	Open(context string, sealed []byte) ([]byte, error)
}

// StoreConfig is what a Store is made of. KV and Root are required.
type StoreConfig struct {
	KV KV
	// Root is the credential that comes with the process and is not stored.
	Root Credential
	// Sealer encrypts the secrets of users and access keys. Without one no stored
	// secret can be read and none is stored: nobody but root gets in.
	Sealer Sealer
	Logger *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Store keeps users, groups, policies and access keys. All of them are in
// memory, and what Lookup and the questions tell is never older than the last
// change that returned. It is safe for concurrent use.
type Store struct {
	StoreConfig
	// changing serialises the changes of this process. Those of others are found
	// by the revision that every change requires.
	changing sync.Mutex
	state    atomic.Pointer[state]
	// tokens are set once, by OpenStore; nil if there can be no sessions.
	tokens *tokenKeys
}

// maxAttempts bounds how often a change is tried while other processes change
// something too.
const maxAttempts = 16

// OpenStore reads all identities. An error is the store's own; a secret that
// cannot be opened is logged, and its owner cannot sign until it is set again.
func OpenStore(ctx context.Context, c StoreConfig) (*Store, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Root.Owner = true
	s := &Store{StoreConfig: c}
	if err := s.openTokens(ctx); err != nil {
		return nil, err
	}
	return s, s.Refresh(ctx)
}

// Refresh reads anew what another process has changed, if anything.
func (s *Store) Refresh(ctx context.Context) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	_, err := s.current(ctx)
	return err
}

// current returns the state that is stored now, and the item that says so.
// s.changing is held.
func (s *Store) current(ctx context.Context) (kv.Item, error) {
	item, err := s.KV.Get(ctx, []byte(keyRevision))
	if err != nil {
		return item, storeError(err)
	}
	if now := s.state.Load(); now != nil && now.revision == item.Revision {
		return item, nil
	}
	next, item, err := s.load(ctx)
	if err != nil {
		return item, storeError(err)
	}
	s.publish(next)
	return item, nil
}

// publish puts a state in force.
func (s *Store) publish(next *state) {
	next.prepare(s.Root, s.Logger)
	s.state.Store(next)
}

// change has edit work on a copy of the newest state and say what is to be
// written, and commits that. It returns once the change is durable and in force.
// An error of edit changes nothing and is returned as it is.
func (s *Store) change(ctx context.Context, edit func(next *state, w *writes) error) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	for range maxAttempts {
		seen, err := s.current(ctx)
		if err != nil {
			return err
		}
		next := s.state.Load().clone()
		w := &writes{sealer: s.Sealer}
		if err := edit(next, w); err != nil {
			return err
		}
		if w.err != nil {
			return w.err
		}
		if w.batch.Empty() {
			return nil
		}
		w.batch.Require([]byte(keyRevision), seen)
		w.batch.Set([]byte(keyRevision), []byte{formatRevision})
		_, err = s.KV.Commit(ctx, &w.batch)
		if errors.Is(err, kv.ErrConflict) {
			continue
		}
		if err != nil {
			return storeError(err)
		}
		return s.adopt(ctx, next)
	}
	return fmt.Errorf("%w: too many changes at once", ErrUnavailable)
}

// adopt puts a state in force that was just committed. If it cannot be seen that
// nothing else was, it is in force all the same: it is what the commit made.
func (s *Store) adopt(ctx context.Context, next *state) error {
	item, err := s.KV.Get(context.WithoutCancel(ctx), []byte(keyRevision))
	next.revision = 0 // read anew at the next change
	if err == nil {
		next.revision = item.Revision
	}
	s.publish(next)
	return nil
}

// load reads everything, of one moment.
func (s *Store) load(ctx context.Context) (*state, kv.Item, error) {
	view, err := s.KV.View(ctx)
	if err != nil {
		return nil, kv.Item{}, err
	}
	defer view.Close()
	item, err := view.Get(ctx, []byte(keyRevision))
	if err != nil {
		return nil, item, err
	}
	next := newState()
	next.revision = item.Revision
	from := []byte(prefixRecords)
	for entry, err := range view.Scan(ctx, kv.Range{Start: from, End: kv.PrefixEnd(from)}) {
		if err != nil {
			return nil, item, err
		}
		if err := next.add(string(entry.Key), entry.Item.Value, s.Sealer); err != nil {
			return nil, item, fmt.Errorf("read %q: %w", entry.Key, err)
		}
	}
	return next, item, nil
}

// Lookup implements Lookup. Whoever is disabled or expired is not found, and
// neither are the access keys of a disabled user.
func (s *Store) Lookup(accessKey string) (Credential, bool) {
	if accessKey == s.Root.AccessKey {
		return s.Root, accessKey != ""
	}
	e, ok := s.state.Load().entries[accessKey]
	if !ok || !e.expires.IsZero() && !s.Now().Before(e.expires) {
		return Credential{}, false
	}
	return e.credential, true
}

// storeError maps an error of kv.
func storeError(err error) error {
	switch {
	case errors.Is(err, kv.ErrNoSpace):
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	case errors.Is(err, kv.ErrUnavailable), errors.Is(err, kv.ErrUnsure), errors.Is(err, kv.ErrConflict):
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return fmt.Errorf("iam: identities: %w", err)
}
