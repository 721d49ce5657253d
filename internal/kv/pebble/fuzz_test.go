package pebble

import (
	"bytes"
	"testing"

	"github.com/carillon-s3/carillon/internal/kv"
)

func FuzzDecodeFormat(f *testing.F) {
	good, err := Format{Version: 1, MinReader: 1, Epoch: "00000000000012ab"}.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(NewerFormatRecord()))
	f.Add([]byte("{}\n00000000\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		format, err := decodeFormat(data)
		if err != nil {
			return
		}
		if _, err := format.epoch(); err != nil || format.MinReader > formatVersion {
			t.Errorf("accepted %+v", format)
		}
		again, err := format.encode()
		if err != nil {
			t.Fatal(err)
		}
		if f, err := decodeFormat(again); err != nil || f.Epoch != format.Epoch || f.Ready != format.Ready {
			t.Errorf("%+v became %+v, %v", format, f, err)
		}
	})
}

func FuzzParseLogRecord(f *testing.F) {
	f.Add(logKey(3, 7), []byte("12345678value"))
	f.Add(logKey(0, 0), []byte("12345678"))
	f.Add([]byte("l"), []byte{})
	f.Fuzz(func(t *testing.T, key, stored []byte) {
		r, err := parseLogRecord(key, stored)
		if err != nil {
			return
		}
		if !bytes.Equal(logKey(r.Log, r.Sequence), key) || r.Stamp == 0 || len(r.Value) != len(stored)-headerBytes {
			t.Errorf("%x, %x became %+v", key, stored, r)
		}
	})
}

// FuzzGroups compares the bounds of the scanner with the definition of a group.
func FuzzGroups(f *testing.F) {
	f.Add([]byte("a/b"), []byte("/"), 0)
	f.Add([]byte("\xff\xff"), []byte("\xff"), 1)
	f.Fuzz(func(t *testing.T, key, delimiter []byte, from int) {
		if from < 0 || len(key) == 0 {
			return
		}
		s := scanner{r: kv.Range{Delimiter: delimiter, DelimiterFrom: from}}
		n := s.groupBytes(key)
		if n == 0 {
			return
		}
		prefix := appendMapKey(nil, key[:n])
		next := kv.PrefixEnd(prefix)
		stored := appendMapKey(nil, key)
		if !bytes.HasSuffix(key[:n], delimiter) || n < from+len(delimiter) {
			t.Errorf("%q groups as %q", key, key[:n])
		}
		if bytes.Compare(next, stored) <= 0 || bytes.Compare(next, append(prefix, 0xff, 0xff)) <= 0 || next[0] > prefixMap+1 {
			t.Errorf("%q is not after the group of %q", next, stored)
		}
	})
}
