package elasticsearch

import (
	"strings"
	"testing"
)

// TestMinIOIDs has ids that a MinIO server was seen to give.
func TestMinIOIDs(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"bkt/keep":      "mvpWxbopOZjM7V39oGUiA2ds1IazMFu4UVrDqgnIilE=",
		"bkt/d/o 1.txt": "9JCTlHPjIhvSQpTkivR0qLZeJWwEj4b8vyOAjLQ1IfY=",
	} {
		if got := minioID(name); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}

func TestGuideIDs(t *testing.T) {
	t.Parallel()
	longest := "b/" + strings.Repeat("k", maxID-2)
	tests := map[string]struct{ name, want string }{
		"short":         {"images/myphoto.jpg", "images/myphoto.jpg"},
		"longest":       {longest, longest},
		"too long":      {longest + "k", ""},
		"bytes count":   {"b/" + strings.Repeat("ü", 256), ""},
		"not UTF-8":     {"b/\xff", ""},
		"other than it": {"b/\xfe", ""},
	}
	seen := make(map[string]string)
	for name, tt := range tests {
		got := guideID(tt.name)
		if len(got) > maxID {
			t.Errorf("%s: an id of %d bytes", name, len(got))
		}
		if tt.want == tt.name && got != tt.want {
			t.Errorf("%s: %s", name, got)
		}
		if tt.want != tt.name && (!strings.HasPrefix(got, hashedPrefix) || strings.Contains(got, "/")) {
			t.Errorf("%s: %s is not hashed", name, got)
		}
		if other, ok := seen[got]; ok {
			t.Errorf("%s and %s share an id", name, other)
		}
		seen[got] = name
	}
}

func TestSchemeOfAnID(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		guideID("images/myphoto.jpg"):                  idsGuide,
		guideID("b/" + strings.Repeat("k", 1024)):      idsGuide,
		guideID("b/" + strings.Repeat("k", 42)):        idsGuide, // as long as a MinIO id
		minioID("bkt/keep"):                            idsMinIO,
		"0000018f2a3b4c5d-3-17":                        "", // of the format access
		"AVh7m9WcNkbIZzPqLm1x":                         "", // Elasticsearch's own
		"":                                             "",
		"mvpWxbopOZjM7V39oGUiA2ds1IazMFu4UVrDqgnIil==": "",
	} {
		if got := schemeOf(id); got != want {
			t.Errorf("%q is %q, want %q", id, got, want)
		}
	}
}
