package lifecycle

import (
	"testing"

	"github.com/carillon-s3/carillon/internal/object"
)

// TestForget: rules of buckets that were deleted do not stay in memory.
func TestForget(t *testing.T) {
	t.Parallel()
	var b Book
	for _, name := range []string{"kept", "gone"} {
		b.pages.Store(name, page{})
	}
	b.forget([]object.Bucket{{Name: "kept"}, {Name: "without rules"}})
	for name, want := range map[string]bool{"kept": true, "gone": false, "without rules": false} {
		if _, ok := b.pages.Load(name); ok != want {
			t.Errorf("%s is known: %v", name, ok)
		}
	}
}
