package crashfs_test

import (
	"errors"
	"io"
	"os"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/carillon-s3/carillon/internal/crashfs"
)

const category = vfs.WriteCategoryUnspecified

func write(t *testing.T, fs vfs.FS, name, text string, sync bool) {
	t.Helper()
	f, err := fs.Create(name, category)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if sync {
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func syncFolder(t *testing.T, fs vfs.FS, name string) {
	t.Helper()
	d, err := fs.OpenDir(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		t.Fatal(err)
	}
}

// read returns a file's text, or "-" if it is not there.
func read(t *testing.T, fs vfs.FS, name string) string {
	t.Helper()
	f, err := fs.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return "-"
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// prepared is a disk with a durable file old.
func prepared(t *testing.T) *crashfs.FS {
	t.Helper()
	fs := crashfs.New()
	if err := fs.MkdirAll("/d", 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, fs, "/d/old", "text", true)
	syncFolder(t, fs, "/d")
	syncFolder(t, fs, "/")
	return fs
}

func TestWhatWasNotSyncedIsForgotten(t *testing.T) {
	t.Parallel()
	fs := prepared(t)
	write(t, fs, "/d/new", "text", true) // the folder is not synced
	if got := read(t, fs.Crash(crashfs.Outcome{}), "/d/new"); got != "-" {
		t.Errorf("new = %q", got)
	}
	if got := read(t, fs.Crash(crashfs.Outcome{UnsyncedPercent: 100}), "/d/new"); got != "text" {
		t.Errorf("with everything unsynced, new = %q", got)
	}
	syncFolder(t, fs, "/d")
	if got := read(t, fs.Crash(crashfs.Outcome{}), "/d/new"); got != "text" {
		t.Errorf("after the sync, new = %q", got)
	}
}

func TestARemovalIsThereOrNot(t *testing.T) {
	t.Parallel()
	fs := prepared(t)
	if err := fs.Remove("/d/old"); err != nil {
		t.Fatal(err)
	}
	if got := read(t, fs.Crash(crashfs.Outcome{}), "/d/old"); got != "text" {
		t.Errorf("a removal that nothing synced: old = %q", got)
	}
	if got := read(t, fs.Crash(crashfs.Outcome{AllRemovals: true}), "/d/old"); got != "-" {
		t.Errorf("the same, persisted: old = %q", got)
	}
	var seen []string
	for seed := range uint64(50) {
		seen = append(seen, read(t, fs.Crash(crashfs.Outcome{Removals: true, Seed: seed}), "/d/old"))
	}
	if !slices.Contains(seen, "-") || !slices.Contains(seen, "text") {
		t.Errorf("50 seeds show %q only", seen[0])
	}
	syncFolder(t, fs, "/d")
	if got := read(t, fs.Crash(crashfs.Outcome{}), "/d/old"); got != "-" {
		t.Errorf("a synced removal: old = %q", got)
	}
}

func TestARenameIsThereOrNot(t *testing.T) {
	t.Parallel()
	fs := prepared(t)
	if err := fs.Rename("/d/old", "/d/renamed"); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		outcome      crashfs.Outcome
		old, renamed string
	}{
		{crashfs.Outcome{}, "text", "-"},
		{crashfs.Outcome{AllRemovals: true}, "-", "text"},
	} {
		after := fs.Crash(tt.outcome)
		if old, renamed := read(t, after, "/d/old"), read(t, after, "/d/renamed"); old != tt.old || renamed != tt.renamed {
			t.Errorf("%+v: old %q, renamed %q", tt.outcome, old, renamed)
		}
	}
}

func TestAFileThatWasMadeAgainIsNotRemoved(t *testing.T) {
	t.Parallel()
	fs := prepared(t)
	if err := fs.Remove("/d/old"); err != nil {
		t.Fatal(err)
	}
	write(t, fs, "/d/old", "again", true)
	syncFolder(t, fs, "/d")
	if got := read(t, fs.Crash(crashfs.Outcome{AllRemovals: true}), "/d/old"); got != "again" {
		t.Errorf("old = %q", got)
	}
}

func TestPointsComeBeforeTheOperation(t *testing.T) {
	t.Parallel()
	fs := prepared(t)
	var ops []string
	fs.OnPoint(func(p crashfs.Point) {
		ops = append(ops, p.Op)
		if p.Op == "sync" && p.Name == "/d/new" {
			if got := read(t, fs.Crash(crashfs.Outcome{}), "/d/new"); got != "-" {
				t.Errorf("before the sync: %q", got)
			}
		}
	})
	write(t, fs, "/d/new", "text", true)
	syncFolder(t, fs, "/d")
	fs.OnPoint(nil)
	write(t, fs, "/d/more", "text", true)
	if want := []string{"create", "write", "sync", "sync"}; !slices.Equal(ops, want) {
		t.Errorf("points %q, want %q", ops, want)
	}
}
