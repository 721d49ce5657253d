package cors_test

import (
	"testing"

	"github.com/carillon-s3/carillon/internal/cors"
)

func TestOrigins(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		list, origin string
		want         bool
	}{
		{"*", "https://a.example", true},
		{"*", "", false},
		{"", "https://a.example", false},
		{"none", "https://a.example", false},
		{"https://a.example, https://b.example", "https://b.example", true},
		{"https://a.example", "https://a.example:8443", false},
		{"https://a.example", "http://a.example", false},
		{"https://*.example", "https://a.b.example", true},
		{"https://*.example", "https://example", false},
		{"https://*.example", "https://a.example.org", false},
	} {
		o, err := cors.ParseOrigins(tt.list)
		if err != nil {
			t.Fatal(err)
		}
		if got := o.Allow(tt.origin); got != tt.want {
			t.Errorf("%q, %q: %t", tt.list, tt.origin, got)
		}
	}
	if _, err := cors.ParseOrigins("https://a.example,*.*"); err == nil {
		t.Error("two wildcards")
	}
}
