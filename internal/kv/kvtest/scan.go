package kvtest

import (
	"context"
	"testing"

	"github.com/carillon-s3/carillon/internal/kv"
)

// scanTable has one set of keys, with the bytes that engines stumble on, and
// what every kind of range shows of it.
var scanTable = []struct {
	name string
	r    kv.Range
	want string
}{
	{"all", kv.Range{}, `\x00=0 \x00\x00=0 a=0 a/=0 a/b=0 a/b/c=0 a0=0 b/\x00=0 b/\xff=0 b/\xff\xff=0 c=0 \xff=0 \xff/x=0 \xff\xff=0`},
	{"all, from the end", kv.Range{Reverse: true}, `\xff\xff=0 \xff/x=0 \xff=0 c=0 b/\xff\xff=0 b/\xff=0 b/\x00=0 a0=0 a/b/c=0 a/b=0 a/=0 a=0 \x00\x00=0 \x00=0`},
	{"start is included, end is not", kv.Range{Start: []byte("a/"), End: []byte("b/\xff")}, `a/=0 a/b=0 a/b/c=0 a0=0 b/\x00=0`},
	{"the same from the end", kv.Range{Start: []byte("a/"), End: []byte("b/\xff"), Reverse: true}, `b/\x00=0 a0=0 a/b/c=0 a/b=0 a/=0`},
	{"bounds between keys", kv.Range{Start: []byte("a/a"), End: []byte("b/\x00\x00")}, `a/b=0 a/b/c=0 a0=0 b/\x00=0`},
	{"nothing between", kv.Range{Start: []byte("d"), End: []byte("e")}, ``},
	{"an empty range", kv.Range{Start: []byte("a"), End: []byte("a")}, ``},
	{"end before start", kv.Range{Start: []byte("c"), End: []byte("a")}, ``},
	{"no end reaches the last key", kv.Range{Start: []byte("\xff")}, `\xff=0 \xff/x=0 \xff\xff=0`},
	{"groups", kv.Range{Delimiter: []byte("/")}, `\x00=0 \x00\x00=0 a=0 <a/> a0=0 <b/> c=0 \xff=0 <\xff/> \xff\xff=0`},
	{"groups from the end", kv.Range{Delimiter: []byte("/"), Reverse: true}, `\xff\xff=0 <\xff/> \xff=0 c=0 <b/> a0=0 <a/> a=0 \x00\x00=0 \x00=0`},
	{"groups below a prefix", kv.Range{Start: []byte("a/"), End: []byte("a0"), Delimiter: []byte("/"), DelimiterFrom: 2}, `a/=0 a/b=0 <a/b/>`},
	{"a group that begins before start", kv.Range{Start: []byte("a/b"), Delimiter: []byte("/"), End: []byte("b")}, `<a/> a0=0`},
	{"a group that begins before start, from the end", kv.Range{Start: []byte("a/b"), Delimiter: []byte("/"), End: []byte("b"), Reverse: true}, `a0=0 <a/>`},
	{"a group cut by end", kv.Range{Start: []byte("b"), End: []byte("b/\xff"), Delimiter: []byte("/")}, `<b/>`},
	{"a delimiter of 0xff", kv.Range{Delimiter: []byte("\xff")}, `\x00=0 \x00\x00=0 a=0 a/=0 a/b=0 a/b/c=0 a0=0 b/\x00=0 <b/\xff> c=0 <\xff>`},
	{"a delimiter of 0xff from the end", kv.Range{Delimiter: []byte("\xff"), Reverse: true}, `<\xff> c=0 <b/\xff> b/\x00=0 a0=0 a/b/c=0 a/b=0 a/=0 a=0 \x00\x00=0 \x00=0`},
	{"a delimiter of 0x00", kv.Range{Delimiter: []byte("\x00"), End: []byte("c")}, `<\x00> a=0 a/=0 a/b=0 a/b/c=0 a0=0 <b/\x00> b/\xff=0 b/\xff\xff=0`},
	{"a delimiter of two bytes", kv.Range{Delimiter: []byte("b/"), End: []byte("c")}, `\x00=0 \x00\x00=0 a=0 a/=0 a/b=0 <a/b/> a0=0 <b/>`},
	{"a delimiter is looked for after so many bytes only", kv.Range{Start: []byte("b"), End: []byte("c"), Delimiter: []byte("/"), DelimiterFrom: 2}, `b/\x00=0 b/\xff=0 b/\xff\xff=0`},
}

var scanKeys = []string{"\x00", "\x00\x00", "a", "a/", "a/b", "a/b/c", "a0", "b/\x00", "b/\xff", "b/\xff\xff", "c", "\xff", "\xff/x", "\xff\xff"}

func scanCases() []contractCase {
	return []contractCase{
		{"scans", func(t *testing.T, s kv.Store) {
			for _, k := range scanKeys {
				set(t, s, k, "0")
			}
			for _, c := range scanTable {
				if got := show(t, s, c.r); got != c.want {
					t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
				}
			}
		}},
		{"a scan for keys has revisions and no values", func(t *testing.T, s kv.Store) {
			set(t, s, "a", "1", "b", "2")
			for e, err := range s.Scan(context.Background(), kv.Range{KeysOnly: true}) {
				if err != nil {
					t.Fatal(err)
				}
				if want := get(t, s, string(e.Key)); e.Item.Value != nil || e.Item.Revision != want.Revision || e.Item.ReadAt == 0 {
					t.Errorf("%q: got %+v", e.Key, e.Item)
				}
			}
		}},
		{"a scan's items are those of Get", func(t *testing.T, s kv.Store) {
			set(t, s, "a", "1", "b", "2")
			for e, err := range s.Scan(context.Background(), kv.Range{}) {
				if err != nil {
					t.Fatal(err)
				}
				if want := get(t, s, string(e.Key)); e.Item.Revision != want.Revision || string(e.Item.Value) != string(want.Value) {
					t.Errorf("%q: the scan gave %+v, Get %+v", e.Key, e.Item, want)
				}
			}
		}},
		{"keys and values stay valid", func(t *testing.T, s kv.Store) {
			for _, k := range scanKeys {
				set(t, s, k, k)
			}
			var all []kv.Entry
			for e, err := range s.Scan(context.Background(), kv.Range{}) {
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, e)
			}
			for i, e := range all {
				if string(e.Key) != scanKeys[i] || string(e.Item.Value) != scanKeys[i] {
					t.Errorf("entry %d became %q=%q", i, e.Key, e.Item.Value)
				}
			}
		}},
		{"a scan may be left early", func(t *testing.T, s kv.Store) {
			set(t, s, "a", "1", "b", "2")
			for _, err := range s.Scan(context.Background(), kv.Range{}) {
				if err != nil {
					t.Fatal(err)
				}
				break
			}
		}},
	}
}
