package crashfs

import (
	"maps"
	"math/rand/v2"
)

// node is a file, with its contents under its number, or a folder.
type node struct {
	id int
	// names is what a folder holds now, durable what it held when it was last
	// synced. Both are nil for a file.
	names, durable map[string]*node
}

func newFolder() *node {
	return &node{names: map[string]*node{}, durable: map[string]*node{}}
}

func (n *node) isFolder() bool { return n.names != nil }

// entry is a name in a folder.
type entry struct {
	folder *node
	name   string
}

// change is one operation on names that is not wholly durable. Each part gives
// an entry a node, or none.
type change struct{ parts []part }

type part struct {
	entry
	to *node // nil where the name goes away
}

// apply changes names and remembers that nothing of it is durable.
func (f *FS) apply(parts ...part) {
	for _, p := range parts {
		if p.to == nil {
			delete(p.folder.names, p.name)
			f.removals++
		} else {
			if p.folder.names[p.name] != nil {
				f.removals++
			}
			p.folder.names[p.name] = p.to
		}
	}
	f.pending = append(f.pending, &change{parts: parts})
}

// syncFolder makes the names in folder durable.
func (f *FS) syncFolder(folder *node) {
	folder.durable = maps.Clone(folder.names)
	left := f.pending[:0]
	for _, c := range f.pending {
		var parts []part
		for _, p := range c.parts {
			if p.folder != folder {
				parts = append(parts, p)
			}
		}
		if len(parts) > 0 {
			left = append(left, &change{parts: parts})
		}
	}
	clear(f.pending[len(left):])
	f.pending = left
}

// survivors is the pending changes of names that outlive a power cut.
type survivors map[*node]map[string]*node

func (f *FS) survivors(names Names, rnd *rand.Rand) survivors {
	pending := f.pending
	switch names {
	case Lost:
		pending = nil
	case Some:
		pending = pending[:rnd.IntN(len(pending)+1)]
	}
	s := survivors{}
	for _, c := range pending {
		for _, p := range c.parts {
			if s[p.folder] == nil {
				s[p.folder] = map[string]*node{}
			}
			s[p.folder][p.name] = p.to
		}
	}
	return s
}

// copyTree copies what is durable or survives in folder from into the empty
// folder to.
func (s survivors) copyTree(from, to *node) {
	names := maps.Clone(from.durable)
	maps.Copy(names, s[from])
	for name, n := range names {
		if n == nil {
			continue
		}
		c := &node{id: n.id}
		if n.isFolder() {
			c = newFolder()
			s.copyTree(n, c)
		}
		to.names[name] = c
	}
	to.durable = maps.Clone(to.names)
}

// sweepAfter removals the contents that nothing names are dropped, or copies
// would grow with the length of the run.
const sweepAfter = 16

func (f *FS) sweep() {
	if f.removals < sweepAfter {
		return
	}
	f.removals = 0
	used := map[string]bool{}
	mark(f.root, map[*node]bool{}, used)
	for _, c := range f.pending {
		for _, p := range c.parts {
			if p.to != nil {
				mark(p.to, map[*node]bool{}, used)
			}
		}
	}
	stored, err := f.contents.List("/")
	if err != nil {
		panic(err) // the root is always there
	}
	for _, name := range stored {
		if !used[name] {
			_ = f.contents.Remove("/" + name) // it was just listed
		}
	}
	f.syncContents()
}

// mark collects the content names below n, durable or not.
func mark(n *node, seen map[*node]bool, used map[string]bool) {
	if !n.isFolder() {
		used[contentName(n.id)[1:]] = true
		return
	}
	if seen[n] {
		return
	}
	seen[n] = true
	for _, names := range []map[string]*node{n.names, n.durable} {
		for _, child := range names {
			mark(child, seen, used)
		}
	}
}

// syncContents makes the names in contents durable, which are not those of this
// file system.
func (f *FS) syncContents() {
	root, err := f.contents.OpenDir("/")
	if err == nil {
		err = root.Sync()
	}
	if err == nil {
		err = root.Close()
	}
	if err != nil {
		panic(err) // MemFS has no such error
	}
}
