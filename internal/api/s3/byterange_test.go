package s3api

import (
	"testing"
	"unicode/utf8"
)

func TestParseRange(t *testing.T) {
	t.Parallel()
	const size = 10
	tests := []struct {
		value          string
		offset, length int64
		known, ok      bool
	}{
		{"bytes=0-9", 0, 10, true, true},
		{"bytes=0-0", 0, 1, true, true},
		{"bytes=9-9", 9, 1, true, true},
		{"bytes=5-", 5, 5, true, true},
		{"bytes=5-99", 5, 5, true, true},
		{"bytes=5-99999999999999999999", 5, 5, true, true},
		{"bytes=-3", 7, 3, true, true},
		{"bytes=-99", 0, 10, true, true},
		{"bytes=-99999999999999999999", 0, 10, true, true},
		{"bytes=10-", 0, 0, true, false},
		{"bytes=10-20", 0, 0, true, false},
		{"bytes=99999999999999999999-", 0, 0, true, false},
		{"bytes=-0", 0, 0, true, false},
		{"bytes=5-4", 0, 0, false, false},
		{"bytes=-", 0, 0, false, false},
		{"bytes=", 0, 0, false, false},
		{"bytes=a-b", 0, 0, false, false},
		{"bytes=+1-2", 0, 0, false, false},
		{"bytes=1-2,4-5", 0, 0, false, false},
		{"lines=1-2", 0, 0, false, false},
		{"5-6", 0, 0, false, false},
	}
	for _, tt := range tests {
		got, known, ok := parseRange(tt.value, size)
		if known != tt.known || ok != tt.ok || ok && (got.offset != tt.offset || got.length != tt.length) {
			t.Errorf("%s: %+v known=%v ok=%v", tt.value, got, known, ok)
		}
	}
	if _, known, ok := parseRange("bytes=0-", 0); !known || ok {
		t.Error("an empty object has no range")
	}
}

// FuzzRange: what is accepted lies within the object.
func FuzzRange(f *testing.F) {
	f.Add("bytes=0-9", int64(10))
	f.Add("bytes=-9223372036854775807", int64(0))
	f.Add("bytes=9223372036854775806-9223372036854775807", int64(1<<62))
	f.Fuzz(func(t *testing.T, value string, size int64) {
		if size < 0 {
			return
		}
		got, known, ok := parseRange(value, size)
		if known && ok && (got.offset < 0 || got.length < 1 || got.offset > size-got.length) {
			t.Fatalf("%q of %d bytes: %+v", value, size, got)
		}
	})
}

// FuzzDeleteXML: no document panics the decoder or yields a key that is not text.
func FuzzDeleteXML(f *testing.F) {
	f.Add([]byte("<Delete><Quiet>true</Quiet><Object><Key>a&amp;b</Key><VersionId>null</VersionId></Object></Delete>"))
	f.Add([]byte(`<!DOCTYPE d [<!ENTITY a "aaaa">]><Delete><Object><Key>&a;</Key></Object></Delete>`))
	f.Add([]byte("<Delete><Object><Key>a</Key></Object></Delete><Delete/>"))
	f.Fuzz(func(t *testing.T, body []byte) {
		var doc deleteDocument
		if decodeXML(body, &doc) != nil {
			return
		}
		for _, o := range doc.Objects {
			if !utf8.ValidString(o.Key) {
				t.Fatalf("%q yields key %q", body, o.Key)
			}
		}
	})
}

func TestDecodeXML(t *testing.T) {
	t.Parallel()
	deep := func(n int) string {
		s := ""
		for range n {
			s = "<x>" + s + "</x>"
		}
		return "<Delete>" + s + "</Delete>"
	}
	tests := []struct {
		name, body string
		ok         bool
	}{
		{"plain", "<Delete><Object><Key>a</Key></Object></Delete>", true},
		{"declaration, namespace, comment, space", `<?xml version="1.0"?><!-- c --><Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></Delete>` + " \n", true},
		{"unknown elements", "<Delete><Other/></Delete>", true},
		{"nested within the limit", deep(maxXMLDepth - 1), true},
		{"nested too deep", deep(maxXMLDepth), false},
		{"another root", "<Deletion/>", false},
		{"document type", "<!DOCTYPE d><Delete></Delete>", false},
		{"own entity", "<Delete><Quiet>&a;</Quiet></Delete>", false},
		{"two roots", "<Delete></Delete><Delete></Delete>", false},
		{"text after the end", "<Delete></Delete>x", false},
		{"cut off", "<Delete><Object>", false},
		{"crossed", "<Delete><a></b></Delete>", false},
		{"empty", "", false},
		{"not XML", "{}", false},
		{"quiet in words", "<Delete><Quiet>perhaps</Quiet></Delete>", false},
	}
	for _, tt := range tests {
		var doc deleteDocument
		if err := decodeXML([]byte(tt.body), &doc); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestURLEncode(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a b+c":            "a%20b%2Bc",
		"dir/file.txt":     "dir/file.txt",
		"ä%&=?#<>\"'":      "%C3%A4%25%26%3D%3F%23%3C%3E%22%27",
		"-_.~*":            "-_.~*",
		"\x01\n\U0001F600": "%01%0A%F0%9F%98%80",
	} {
		if got := urlEncode(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}
