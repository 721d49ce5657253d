package s3_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/s3"
)

func TestParseTags(t *testing.T) {
	t.Parallel()
	many := make([]string, s3.MaxObjectTags+1)
	for i := range many {
		many[i] = fmt.Sprint("k", i, "=v")
	}
	for name, tt := range map[string]struct {
		query string
		want  []s3.Tag
		err   error
	}{
		"none":                {"", nil, nil},
		"in their order":      {"z=1&a=2", []s3.Tag{{Key: "z", Value: "1"}, {Key: "a", Value: "2"}}, nil},
		"escaped":             {"a%20b=%2B+%40/:.-_%3D", []s3.Tag{{Key: "a b", Value: "+ @/:.-_="}}, nil},
		"other letters":       {"gr%C3%B6%C3%9Fe=%D0%B4%E4%B8%AD", []s3.Tag{{Key: "größe", Value: "д中"}}, nil},
		"without a value":     {"a&b=", []s3.Tag{{Key: "a"}, {Key: "b"}}, nil},
		"case makes keys":     {"a=1&A=2", []s3.Tag{{Key: "a", Value: "1"}, {Key: "A", Value: "2"}}, nil},
		"the longest":         {strings.Repeat("%C3%B6", 128) + "=" + strings.Repeat("%C3%B6", 256), []s3.Tag{{Key: strings.Repeat("ö", 128), Value: strings.Repeat("ö", 256)}}, nil},
		"ten":                 {strings.Join(many[:10], "&"), nil, nil},
		"eleven":              {strings.Join(many, "&"), nil, s3.ErrTooManyTags},
		"too long a key":      {strings.Repeat("k", 129) + "=", nil, s3.ErrTagKey},
		"too long a value":    {"k=" + strings.Repeat("v", 257), nil, s3.ErrTagValue},
		"without a key":       {"=v", nil, s3.ErrTagKey},
		"key of other signs":  {"a%26=v", nil, s3.ErrTagKey},
		"value of a new line": {"a=%0A", nil, s3.ErrTagValue},
		"not UTF-8":           {"a=%ff", nil, s3.ErrTagValue},
		"reserved":            {"AWS:x=1", nil, s3.ErrReservedTag},
		"a key twice":         {"a=1&a=2", nil, s3.ErrDuplicateTag},
		"bad escape":          {"a=%zz", nil, s3.ErrMalformedQuery},
		"bad escape in a key": {"%zz", nil, s3.ErrMalformedQuery},
	} {
		got, err := s3.ParseTags(tt.query)
		if !errors.Is(err, tt.err) || tt.err == nil && tt.want != nil && !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func FuzzParseTags(f *testing.F) {
	for _, query := range []string{"", "a=b", "a=b&a=c", "=", "&&", "%", "a%20b=%ff", "aws:a=1", "k=" + strings.Repeat("v", 257)} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		tags, err := s3.ParseTags(query)
		if err == nil && s3.CheckTags(tags, s3.MaxObjectTags) != nil {
			t.Fatalf("%q gives %v", query, tags)
		}
	})
}
