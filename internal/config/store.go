package config

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/carillon-s3/carillon/internal/kv"
)

// KV is what a Store needs of kv.Store.
type KV interface {
	kv.Reader
	Commit(ctx context.Context, b *kv.Batch) ([]kv.Position, error)
}

// StoreOptions are what a Store is made of.
type StoreOptions struct {
	Registry *Registry
	KV       KV
	Env      Env
	Logger   *slog.Logger
	// Sealer encrypts secrets at rest. Without one they are stored as they are.
	Sealer Sealer
	// MakeDir is asked at Set, never at Open, whether a Directory can be made
	// and written. nil means on this machine's disk.
	MakeDir func(path string) error
	// Now is for the history; nil means time.Now.
	Now func() time.Time
}

// Store holds the settings in force: environment over stored over default. It
// is safe for concurrent use.
type Store struct {
	opts StoreOptions

	// changing serialises changes and the calls to listeners, so that these
	// come in the order of the changes.
	changing sync.Mutex

	mu        sync.RWMutex
	instances map[string][]Instance
	stored    map[instanceID]storedInstance
	listeners map[int]func([]Instance)
	nextID    int
}

type instanceID struct{ subSystem, target string }

// Open reads the stored settings. An instance that cannot be read or makes no
// sense is misconfigured, and no error; an error is the store's own.
func Open(ctx context.Context, opts StoreOptions) (*Store, error) {
	if opts.MakeDir == nil {
		opts.MakeDir = MakeDirectory
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Store{opts: opts, listeners: make(map[int]func([]Instance))}
	return s, s.Reload(ctx)
}

// Reload reads the stored settings anew, for those that another server process
// has changed, and tells the listeners what differs.
func (s *Store) Reload(ctx context.Context) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	stored := make(map[instanceID]storedInstance)
	from := []byte(prefixInstance)
	for entry, err := range s.opts.KV.Scan(ctx, kv.Range{Start: from, End: kv.PrefixEnd(from)}) {
		if err != nil {
			return fmt.Errorf("read stored settings: %w", err)
		}
		if name, target, ok := parseInstanceKey(entry.Key); ok {
			id := instanceID{name, target}
			stored[id] = decodeInstance(id, entry.Item.Value, s.opts.Sealer)
		}
	}
	s.swap(stored)
	return nil
}

// swap puts stored in force and tells the listeners. s.changing is held.
func (s *Store) swap(stored map[instanceID]storedInstance) []Instance {
	instances := make(map[string][]Instance)
	for _, schema := range s.opts.Registry.schemas {
		instances[schema.Name] = s.resolveAll(schema, stored)
	}
	s.mu.Lock()
	changed := changes(s.instances, instances)
	s.instances, s.stored = instances, stored
	listeners := slices.Collect(maps.Values(s.listeners))
	s.mu.Unlock()
	if len(changed) > 0 {
		for _, fn := range listeners {
			fn(changed)
		}
	}
	return changed
}

// resolveAll returns the instances of one sub-system, the default one first.
func (s *Store) resolveAll(schema *schema, stored map[instanceID]storedInstance) []Instance {
	targets := make(map[string]bool)
	for id := range stored {
		if id.subSystem == schema.Name {
			targets[id.target] = true
		}
	}
	for _, t := range s.opts.Env.targets(schema) {
		targets[t] = true
	}
	if schema.AlwaysOn {
		targets[DefaultTarget] = true
	}
	var list []Instance
	for _, target := range slices.SortedFunc(maps.Keys(targets), compareTargets) {
		record := stored[instanceID{schema.Name, target}]
		i := schema.resolve(target, record.values, s.opts.Env)
		if err := record.err(); err != nil && (i.Enabled || record.damaged != nil) {
			i.Enabled, i.Settings, i.Err = true, nil, err
		}
		list = append(list, i)
	}
	return list
}

// compareTargets sorts the default instance first.
func compareTargets(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == DefaultTarget:
		return -1
	case b == DefaultTarget:
		return 1
	}
	return strings.Compare(a, b)
}

// changes returns the instances that differ, and those that are gone.
func changes(before, after map[string][]Instance) []Instance {
	var changed []Instance
	old := make(map[instanceID]Instance)
	for _, list := range before {
		for _, i := range list {
			old[instanceID{i.SubSystem, i.Target}] = i
		}
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		for _, i := range after[name] {
			id := instanceID{name, i.Target}
			if was, ok := old[id]; !ok || !sameInstance(was, i) {
				changed = append(changed, i)
			}
			delete(old, id)
		}
	}
	for _, i := range old {
		changed = append(changed, Instance{SubSystem: i.SubSystem, Target: i.Target, Removed: true})
	}
	return changed
}

func sameInstance(a, b Instance) bool {
	return maps.Equal(a.Values, b.Values) && (a.Err == nil) == (b.Err == nil) && a.Enabled == b.Enabled
}

// Effective returns the instances of a sub-system that the store or the
// environment names, enabled or not, the default one first and the others by
// name.
func (s *Store) Effective(subSystem string) []Instance {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.instances[subSystem])
}

// All returns the instances of all sub-systems, in the order of the registry.
func (s *Store) All() []Instance {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var list []Instance
	for _, schema := range s.opts.Registry.schemas {
		list = append(list, s.instances[schema.Name]...)
	}
	return list
}

// Find returns one instance.
func (s *Store) Find(subSystem, target string) (Instance, bool) {
	for _, i := range s.Effective(subSystem) {
		if i.Target == target {
			return i, true
		}
	}
	return Instance{}, false
}

// Registry returns the declarations.
func (s *Store) Registry() *Registry { return s.opts.Registry }

// OnChange has fn called with the instances that changed, each time after the
// change is durable and in force, and before the Set or Reset that made it
// returns. Calls come one at a time, in the order of the changes; fn may read
// the store but not change it. stop ends it; a call under way may still finish.
func (s *Store) OnChange(fn func(changed []Instance)) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.nextID
	s.nextID++
	s.listeners[id] = fn
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.listeners, id)
	}
}

// MakeDirectory makes a directory that a setting names, and checks that a file
// can be made in it.
func MakeDirectory(path string) error {
	const ownerOnly = 0o700 // the spool holds users' data
	if err := os.MkdirAll(path, ownerOnly); err != nil {
		return err
	}
	probe, err := os.CreateTemp(path, ".probe-*")
	if err != nil {
		return err
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}
