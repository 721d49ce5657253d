package s3_test

import (
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/s3"
)

func TestValidBucketName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"abc":                   true,
		"my-bucket.with.dots":   true,
		"0a9":                   true,
		"a--b":                  true,
		"xn--abc":               true,
		strings.Repeat("a", 63): true,
		"1.2.3":                 true,
		"1.2.3.4.5":             true,
		"1234.1.1.1":            true,
		"minio1":                true,
		"":                      false,
		"ab":                    false,
		strings.Repeat("a", 64): false,
		"Abc":                   false,
		"a_b":                   false,
		"a b":                   false,
		"aé":                    false,
		"-ab":                   false,
		"ab-":                   false,
		".ab":                   false,
		"ab.":                   false,
		"a..b":                  false,
		"a.-b":                  false,
		"a-.b":                  false,
		"192.168.1.1":           false,
		"999.999.999.999":       false,
		"minio":                 false,
		"carillon":              false,
		".minio.sys":            false,
		"a/b":                   false,
		"abc\x00":               false,
	} {
		if got := s3.ValidBucketName(name); got != want {
			t.Errorf("ValidBucketName(%q) = %v, want %v", name, got, want)
		}
	}
}

func TestValidObjectKey(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]bool{
		"a":                            true,
		"a/b c/é+&<>.txt":              true,
		"/lead":                        true,
		"a//b":                         true,
		"../up":                        true,
		"a/../b":                       true,
		".":                            true,
		"dir/":                         true,
		"tab\tand\nnewline":            true,
		strings.Repeat("k", 1024):      true,
		strings.Repeat("é", 512):       true,
		"":                             false,
		strings.Repeat("k", 1025):      false,
		strings.Repeat("é", 512) + "x": false,
		"a\x00b":                       false,
		"a\xffb":                       false,
	} {
		if got := s3.ValidObjectKey(key); got != want {
			t.Errorf("ValidObjectKey(%q) = %v, want %v", key, got, want)
		}
	}
}
