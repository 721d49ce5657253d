package crashfs_test

import (
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/carillon-s3/carillon/internal/crashfs"
)

// script runs the words of a line on f: "write name text", "sync name", and the
// operations on names. Syncing a folder makes its names durable.
func script(t *testing.T, f *crashfs.FS, lines ...string) {
	t.Helper()
	for _, line := range lines {
		w := strings.Fields(line)
		if err := do(f, w); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
}

func do(f *crashfs.FS, w []string) error {
	switch w[0] {
	case "write":
		file, err := f.OpenReadWrite(w[1], vfs.WriteCategoryUnspecified)
		if err != nil {
			return err
		}
		_, err = file.Write([]byte(w[2]))
		return errors.Join(err, file.Close())
	case "create":
		file, err := f.Create(w[1], vfs.WriteCategoryUnspecified)
		if err != nil {
			return err
		}
		return file.Close()
	case "sync":
		file, err := f.Open(w[1])
		if err != nil {
			return err
		}
		return errors.Join(file.Sync(), file.Close())
	case "remove":
		return f.Remove(w[1])
	case "removeall":
		return f.RemoveAll(w[1])
	case "rename":
		return f.Rename(w[1], w[2])
	case "reuse":
		file, err := f.ReuseForWrite(w[1], w[2], vfs.WriteCategoryUnspecified)
		if err != nil {
			return err
		}
		return file.Close()
	case "link":
		return f.Link(w[1], w[2])
	case "mkdir":
		return f.MkdirAll(w[1], 0o755)
	}
	return errors.New("unknown word")
}

// dump writes the files below dir as "path=contents".
func dump(t *testing.T, f vfs.FS, dir string) string {
	t.Helper()
	names, err := f.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	var out []string
	for _, name := range names {
		p := strings.TrimPrefix(f.PathJoin(dir, name), "/")
		file, err := f.Open(p)
		if err != nil {
			t.Fatal(err)
		}
		info, err := file.Stat()
		if err != nil || info.Name() != name {
			t.Fatalf("Stat of %s: %v, %v", p, info, err)
		}
		if info.IsDir() {
			out = append(out, p+"/")
			if below := dump(t, f, p); below != "" {
				out = append(out, below)
			}
		} else {
			data, err := io.ReadAll(file)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, p+"="+strings.TrimRight(string(data), "\x00"))
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return strings.Join(out, " ")
}

func TestCuts(t *testing.T) {
	t.Parallel()
	durable := []string{"mkdir d", "sync /", "write d/a old", "sync d/a", "sync d"}
	for _, c := range []struct {
		name              string
		then              []string
		lost, kept, whole string // names lost; names kept; contents kept too
	}{
		{"nothing", nil, "d/ d/a=old", "d/ d/a=old", "d/ d/a=old"},
		{"unsynced write", []string{"write d/a new"}, "d/ d/a=old", "d/ d/a=old", "d/ d/a=new"},
		{"synced write", []string{"write d/a new", "sync d/a"}, "d/ d/a=new", "d/ d/a=new", "d/ d/a=new"},
		{"created", []string{"write d/b x"}, "d/ d/a=old", "d/ d/a=old d/b=", "d/ d/a=old d/b=x"},
		{"created, synced, folder not", []string{"write d/b x", "sync d/b"}, "d/ d/a=old", "d/ d/a=old d/b=x", "d/ d/a=old d/b=x"},
		{"created, folder synced, file not", []string{"write d/b x", "sync d"}, "d/ d/a=old d/b=", "d/ d/a=old d/b=", "d/ d/a=old d/b=x"},
		{"created anew", []string{"create d/a"}, "d/ d/a=old", "d/ d/a=", "d/ d/a="},
		{"removed", []string{"remove d/a"}, "d/ d/a=old", "d/", "d/"},
		{"removed, synced", []string{"remove d/a", "sync d"}, "d/", "d/", "d/"},
		{"removed and made", []string{"remove d/a", "write d/a x"}, "d/ d/a=old", "d/ d/a=", "d/ d/a=x"},
		{"renamed", []string{"rename d/a d/b"}, "d/ d/a=old", "d/ d/b=old", "d/ d/b=old"},
		{"renamed, synced", []string{"rename d/a d/b", "sync d"}, "d/ d/b=old", "d/ d/b=old", "d/ d/b=old"},
		{"written aside and renamed without sync", []string{"write d/t new", "rename d/t d/a", "sync d"}, "d/ d/a=", "d/ d/a=", "d/ d/a=new"},
		{"moved, the target synced", []string{"mkdir e", "sync /", "rename d/a e/a", "sync e"}, "d/ d/a=old e/ e/a=old", "d/ e/ e/a=old", "d/ e/ e/a=old"},
		{"moved, the source synced", []string{"mkdir e", "sync /", "rename d/a e/a", "sync d"}, "d/ e/", "d/ e/ e/a=old", "d/ e/ e/a=old"},
		{"reused", []string{"reuse d/a d/b", "sync d", "write d/b ne"}, "d/ d/b=old", "d/ d/b=old", "d/ d/b=ned"},
		{"linked", []string{"link d/a d/b"}, "d/ d/a=old", "d/ d/a=old d/b=old", "d/ d/a=old d/b=old"},
		{"new folder", []string{"mkdir d/e", "write d/e/x 1", "sync d/e/x", "sync d/e"}, "d/ d/a=old", "d/ d/a=old d/e/ d/e/x=1", "d/ d/a=old d/e/ d/e/x=1"},
		{"all removed", []string{"removeall d"}, "d/ d/a=old", "", ""},
		{"all removed, folder synced", []string{"removeall d", "sync /"}, "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := crashfs.New()
			script(t, f, durable...)
			script(t, f, c.then...)
			for _, o := range []struct {
				cut  crashfs.Outcome
				want string
			}{
				{crashfs.Outcome{}, c.lost},
				{crashfs.Outcome{Names: crashfs.Kept}, c.kept},
				{crashfs.Outcome{Names: crashfs.Kept, UnsyncedPercent: 100}, c.whole},
			} {
				clone := f.Crash(o.cut)
				if got := dump(t, clone, "/"); got != o.want {
					t.Errorf("%+v: %q, want %q", o.cut, got, o.want)
				}
				// What a clone holds is durable: it survives the next cut.
				if again := dump(t, clone.Crash(crashfs.Outcome{}), "/"); again != o.want {
					t.Errorf("%+v, and cut again: %q, want %q", o.cut, again, o.want)
				}
			}
			if got := dump(t, f, "/"); got != c.whole {
				t.Errorf("without a cut: %q, want %q", got, c.whole)
			}
		})
	}
}

func TestSomeSurvivesInOrder(t *testing.T) {
	t.Parallel()
	f := crashfs.New()
	script(t, f, "write a 1", "sync a", "write b 2", "sync b", "sync /", "remove a", "rename b c")
	seen := map[string]bool{}
	for seed := range uint64(100) {
		seen[dump(t, f.Crash(crashfs.Outcome{Names: crashfs.Some, Seed: seed}), "/")] = true
	}
	for _, want := range []string{"a=1 b=2", "b=2", "c=2"} {
		if !seen[want] {
			t.Errorf("%q never came", want)
		}
	}
	if len(seen) != 3 {
		t.Errorf("outcomes: %v", seen)
	}
}

func TestPoints(t *testing.T) {
	t.Parallel()
	f := crashfs.New()
	var ops, states []string
	f.OnPoint(func(p crashfs.Point) {
		if p.N != int64(len(ops))+1 {
			t.Errorf("point %d follows %d", p.N, len(ops))
		}
		ops = append(ops, p.Op+" "+p.Name)
		states = append(states, dump(t, f.Crash(crashfs.Outcome{Names: crashfs.Kept, UnsyncedPercent: 100}), "/"))
	})
	script(t, f, "mkdir d", "write d/a x", "sync d/a", "sync d", "rename d/a d/b", "link d/b d/c", "remove d/b")
	want := []string{
		"mkdir d", "create d/a", "write d/a", "sync d/a", "sync d",
		"rename d/a", "link d/c", "remove d/b",
	}
	if !slices.Equal(ops, want) {
		t.Errorf("points %q", ops)
	}
	before := []string{"", "d/", "d/ d/a=", "d/ d/a=x", "d/ d/a=x", "d/ d/a=x", "d/ d/b=x", "d/ d/b=x d/c=x"}
	if !slices.Equal(states, before) {
		t.Errorf("states before the points: %q", states)
	}
	if f.Points() != int64(len(want)) {
		t.Errorf("Points() = %d", f.Points())
	}
}

func TestDropSyncs(t *testing.T) {
	t.Parallel()
	f := crashfs.New()
	f.DropSyncs(func(path string) bool { return strings.HasSuffix(path, ".log") })
	script(t, f, "write x.log 1", "sync x.log", "write y 1", "sync y", "sync /")
	if got := dump(t, f.Crash(crashfs.Outcome{}), "/"); got != "x.log= y=1" {
		t.Errorf("got %q", got)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	f := crashfs.New()
	script(t, f, "mkdir d", "write d/a x")
	for line, want := range map[string]error{
		"sync none": fs.ErrNotExist, "remove none": fs.ErrNotExist, "rename none d/b": fs.ErrNotExist,
		"create none/a": fs.ErrNotExist, "link d/a d/a": fs.ErrExist,
	} {
		if err := do(f, strings.Fields(line)); !errors.Is(err, want) {
			t.Errorf("%s: %v; want %v", line, err, want)
		}
	}
	for _, line := range []string{"remove d", "mkdir d/a/b", "create d", "remove /"} {
		if err := do(f, strings.Fields(line)); err == nil {
			t.Errorf("%s: no error", line)
		}
	}
	lock, err := f.Lock("LOCK")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Lock("LOCK"); err == nil {
		t.Error("locked twice")
	}
	if again, err := f.Crash(crashfs.Outcome{}).Lock("LOCK"); err != nil || again.Close() != nil {
		t.Errorf("a clone is locked: %v", err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	if again, err := f.Lock("LOCK"); err != nil || again.Close() != nil {
		t.Errorf("still locked: %v", err)
	}
}

// TestSweep checks that contents that nothing can bring back are given up, and
// that those which a cut can bring back are not.
func TestSweep(t *testing.T) {
	t.Parallel()
	f := crashfs.New()
	script(t, f, "write keep 1", "sync keep", "sync /", "remove keep")
	for range 100 {
		script(t, f, "write x 1", "remove x")
	}
	if got := dump(t, f.Crash(crashfs.Outcome{}), "/"); got != "keep=1" {
		t.Errorf("got %q", got)
	}
	script(t, f, "sync /")
	if got := dump(t, f.Crash(crashfs.Outcome{}), "/"); got != "" {
		t.Errorf("got %q", got)
	}
}
