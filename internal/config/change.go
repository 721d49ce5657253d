package config

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/carillon-s3/carillon/internal/kv"
)

// maxAttempts bounds how often a change is decided again because another
// server process changed the same instances meanwhile.
const maxAttempts = 8

// edit is what a change does to one instance.
type edit struct {
	schema *schema
	target string
	// set overlays the stored values; enable becomes on unless it is given.
	set map[string]string
	// unset removes keys, all of them if remove is set.
	unset  []string
	remove bool
	line   int
}

func (e *edit) head() string { return headOf(e.schema.Name, e.target) }

func (e *edit) key() []byte { return instanceKey(e.schema.Name, e.target) }

// Set stores the assignments of text (lines `subsys[:target] key=value ...`) and
// puts them in force. It is durable when it returns, and the listeners have
// been told. changed holds the instances that text names, as they are now.
//
// What is not given keeps its stored value; enable becomes on unless it is
// given. If anything is wrong with the text, all that is wrong is returned in
// one *Error and nothing changes. A target that cannot be reached is not wrong.
// Other errors are the store's.
func (s *Store) Set(ctx context.Context, text string) (changed []Instance, err error) {
	return s.setLines(ctx, text, text, false)
}

// setLines is Set; history is the text to remember. lenient skips lines of
// sub-systems that are not known and lines that hold no key.
func (s *Store) setLines(ctx context.Context, text, history string, lenient bool) ([]Instance, error) {
	assignments, errs := s.opts.Registry.parseText(text)
	if len(errs) == 0 && len(assignments) == 0 && !lenient {
		errs = append(errs, errors.New("there is nothing to set"))
	}
	var edits []*edit
	for _, a := range assignments {
		if len(a.values) > 0 {
			edits = append(edits, &edit{schema: a.schema, target: a.target, set: a.values, line: a.line})
		} else if !lenient && len(errs) == 0 {
			errs = append(errs, atLine(a.line, fmt.Errorf("%s: no key=value is given", a.head())))
		}
	}
	if len(errs) > 0 {
		return nil, &Error{Code: Malformed, Problems: errs}
	}
	return s.change(ctx, edits, history)
}

// Reset takes stored values away: of a whole instance (`subsys[:target]`) or
// some of its keys (`subsys[:target] key ...`). What the environment says stays.
// Errors and durability are as with Set; what is not there is NotFound.
func (s *Store) Reset(ctx context.Context, text string) (changed []Instance, err error) {
	var edits []*edit
	var errs, missing []error
	eachLine(text, func(number int, line string) {
		head, rest := cutSpace(line)
		schema, target, err := s.opts.Registry.parseHead(head)
		if err != nil {
			errs = append(errs, atLine(number, err))
			return
		}
		keys := strings.Fields(rest)
		e := &edit{schema: schema, target: target, remove: len(keys) == 0, line: number}
		for _, key := range keys {
			if f := schema.fields.find(key); f != nil {
				e.unset = append(e.unset, f.Key)
			} else {
				missing = append(missing, atLine(number, unknownKey(key, schema.fields.keys())))
			}
		}
		edits = append(edits, e)
	})
	switch {
	case len(errs) > 0:
		return nil, &Error{Code: Malformed, Problems: append(errs, missing...)}
	case len(missing) > 0:
		return nil, &Error{Code: NotFound, Problems: missing}
	case len(edits) == 0:
		return nil, &Error{Code: Malformed, Problems: []error{errors.New("there is nothing to reset")}}
	}
	return s.change(ctx, edits, "")
}

// change applies edits, all or none.
func (s *Store) change(ctx context.Context, edits []*edit, history string) ([]Instance, error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	var stored map[instanceID]storedInstance
	for attempt := 1; ; attempt++ {
		var err error
		stored, err = s.tryChange(ctx, edits, history)
		if err == nil {
			break
		}
		if !errors.Is(err, kv.ErrConflict) || attempt == maxAttempts {
			return nil, err
		}
	}
	s.mu.RLock()
	all := maps.Clone(s.stored)
	s.mu.RUnlock()
	for id, record := range stored {
		if record.empty() {
			delete(all, id)
		} else {
			all[id] = record
		}
	}
	s.swap(all)
	return s.named(edits), nil
}

// named returns the instances that edits name, as they are now.
func (s *Store) named(edits []*edit) []Instance {
	var list []Instance
	seen := make(map[instanceID]bool)
	for _, e := range edits {
		id := instanceID{e.schema.Name, e.target}
		if seen[id] {
			continue
		}
		seen[id] = true
		i, ok := s.Find(id.subSystem, id.target)
		if !ok {
			i = Instance{SubSystem: id.subSystem, Target: id.target, Removed: true}
		}
		list = append(list, i)
	}
	return list
}

// tryChange decides on what is stored now and commits. It returns the new
// records of the instances that edits name; empty ones are removed.
func (s *Store) tryChange(ctx context.Context, edits []*edit, history string) (map[instanceID]storedInstance, error) {
	batch := &kv.Batch{}
	after := make(map[instanceID]storedInstance)
	existed := make(map[instanceID]bool)
	for _, e := range edits {
		id := instanceID{e.schema.Name, e.target}
		if _, ok := after[id]; ok {
			continue
		}
		item, err := s.opts.KV.Get(ctx, e.key())
		if err != nil {
			return nil, fmt.Errorf("read stored settings: %w", err)
		}
		batch.Require(e.key(), item)
		existed[id] = item.Exists()
		after[id] = storedInstance{}
		if item.Exists() {
			after[id] = decodeInstance(id, item.Value, s.opts.Sealer)
		}
	}
	if err := s.applyEdits(edits, after, existed); err != nil {
		return nil, err
	}
	if err := s.fill(batch, after); err != nil {
		return nil, err
	}
	if err := s.remember(ctx, batch, history); err != nil {
		return nil, err
	}
	if _, err := s.opts.KV.Commit(ctx, batch); err != nil {
		return nil, fmt.Errorf("store settings: %w", err)
	}
	return after, nil
}

// applyEdits changes the records in after and checks what comes of it.
func (s *Store) applyEdits(edits []*edit, after map[instanceID]storedInstance, existed map[instanceID]bool) error {
	var missing, problems []error
	for _, e := range edits {
		id := instanceID{e.schema.Name, e.target}
		if e.set == nil && !existed[id] && e.target != DefaultTarget {
			missing = append(missing, atLine(e.line, s.notStored(id)))
			continue
		}
		if after[id].damaged != nil && !e.remove {
			problems = append(problems, atLine(e.line, fmt.Errorf("%s must be reset first: %w", e.head(), after[id].damaged)))
			continue
		}
		after[id] = e.apply(after[id])
	}
	if len(missing) > 0 {
		return &Error{Code: NotFound, Problems: missing}
	}
	if len(problems) > 0 {
		return &Error{Code: Invalid, Problems: problems}
	}
	return s.verifyAll(edits, after)
}

// verifyAll checks the records that the edits lead to.
func (s *Store) verifyAll(edits []*edit, after map[instanceID]storedInstance) error {
	var problems []error
	code := Malformed
	seen := make(map[instanceID]bool)
	for _, e := range edits {
		id := instanceID{e.schema.Name, e.target}
		if seen[id] || after[id].empty() {
			continue
		}
		seen[id] = true
		if err := s.verify(e.schema, e.target, after[id]); err != nil {
			problems = append(problems, atLine(e.line, fmt.Errorf("%s: %w", e.head(), err)))
			if !errors.Is(err, errRequired) {
				code = Invalid
			}
		}
	}
	if len(problems) > 0 {
		return &Error{Code: code, Problems: problems}
	}
	return nil
}

func (s *Store) notStored(id instanceID) error {
	if i, ok := s.Find(id.subSystem, id.target); ok {
		return fmt.Errorf("%s is set by the environment and has no stored settings", i.Name())
	}
	return fmt.Errorf("there is no %s", headOf(id.subSystem, id.target))
}

// apply returns the record with the edit done to it.
func (e *edit) apply(record storedInstance) storedInstance {
	if e.remove {
		return storedInstance{}
	}
	values := make(map[string]string)
	maps.Copy(values, record.values)
	sealed := maps.Clone(record.sealed)
	for _, key := range e.unset {
		delete(values, key)
		delete(sealed, key)
	}
	if e.set != nil {
		maps.Copy(values, e.set)
		for key := range e.set {
			delete(sealed, key)
		}
		if _, given := e.set[keyEnable]; !given && !e.schema.AlwaysOn {
			values[keyEnable] = "on"
		}
	}
	return storedInstance{values: values, sealed: sealed}
}

// verify says whether the record may be stored: each value must suit its field,
// and the instance must make sense with the environment over it or by itself. A
// mistake in the environment is no reason to refuse what is stored under it.
func (s *Store) verify(schema *schema, target string, record storedInstance) error {
	if err := schema.checkValues(record.values); err != nil {
		return err
	}
	i := schema.resolve(target, record.values, s.opts.Env)
	if i.Err != nil {
		alone := schema.resolve(target, record.values, nil)
		if alone.Err != nil {
			return alone.Err
		}
		i = alone
	}
	if !i.Enabled {
		return nil
	}
	return s.checkDirs(schema, i)
}

// checkValues parses each value by itself.
func (s *schema) checkValues(values map[string]string) error {
	fresh := s.instance()
	return errors.Join(fresh.fields.apply(values, false)...)
}

// checkDirs makes the directories that the instance names.
func (s *Store) checkDirs(schema *schema, i Instance) error {
	var errs []error
	for _, f := range schema.fields.fields {
		path := i.Values[f.Key].Text
		if !f.dir || path == "" {
			continue
		}
		if err := s.opts.MakeDir(path); err != nil {
			errs = append(errs, &FieldError{Key: f.Key, Err: fmt.Errorf("the directory cannot be used: %w", err)})
		}
	}
	return errors.Join(errs...)
}

// fill writes the records of after into batch.
func (s *Store) fill(batch *kv.Batch, after map[instanceID]storedInstance) error {
	ids := slices.SortedFunc(maps.Keys(after), func(a, b instanceID) int {
		return strings.Compare(a.subSystem+"\x00"+a.target, b.subSystem+"\x00"+b.target)
	})
	for _, id := range ids {
		key := instanceKey(id.subSystem, id.target)
		if after[id].empty() {
			batch.Delete(key)
			continue
		}
		value, err := s.opts.Registry.find(id.subSystem).encode(id.target, after[id], s.opts.Sealer)
		if err != nil {
			return err
		}
		batch.Set(key, value)
	}
	return nil
}
