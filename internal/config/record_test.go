package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzDecodeRecord reads anything as a stored instance: it is damaged, or it is
// written and read again to the same.
func FuzzDecodeRecord(f *testing.F) {
	s := guideRegistry(f).find("notify_webhook")
	good, err := s.encode("1", storedInstance{values: map[string]string{"endpoint": "http://h/", "auth_token": "x"}}, nil)
	if err != nil {
		f.Fatal(err)
	}
	sealed, err := encodeRecord(formatInstance, instanceRecord{Sealed: map[string][]byte{"auth_token": {1, 2, 3}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(sealed)
	f.Add([]byte{})
	f.Add([]byte{2, 0xa0})
	f.Fuzz(func(t *testing.T, stored []byte) {
		id := instanceID{"notify_webhook", "1"}
		record := decodeInstance(id, stored, nil)
		if record.damaged != nil {
			return
		}
		again, err := s.encode("1", record, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := decodeInstance(id, again, nil)
		if !cmp.Equal(record.values, got.values) || len(record.sealed) != len(got.sealed) || got.damaged != nil {
			t.Errorf("%x read as %v, then as %v", stored, record, got)
		}
	})
}
