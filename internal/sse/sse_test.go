package sse

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func testKey(t testing.TB, fill byte) SealingKey {
	t.Helper()
	k, err := NewSealingKey(bytes.Repeat([]byte{fill}, KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestSealedKeys: a sealed key opens with its own sealing key in its own place,
// and nowhere else.
func TestSealedKeys(t *testing.T) {
	t.Parallel()
	with, key := testKey(t, 1), NewObjectKey()
	place := Binding{Kind: 1, BucketID: 7, Key: "a/b", Context: []byte(`{"a":"b"}`)}
	sealed, err := with.Seal(key, place)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := with.Open(sealed, place); err != nil || got != key {
		t.Errorf("in its place: %v", err)
	}
	moved := map[string]Binding{
		"of another kind": {2, 7, "a/b", place.Context},
		"another bucket":  {1, 8, "a/b", place.Context},
		"another key":     {1, 7, "a/c", place.Context},
		"a longer key":    {1, 7, `a/b{`, place.Context[1:]},
		"no context":      {1, 7, "a/b", nil},
		"another context": {1, 7, "a/b", []byte(`{"a":"c"}`)},
	}
	for name, binding := range moved {
		if _, err := with.Open(sealed, binding); !errors.Is(err, ErrUnseal) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := testKey(t, 2).Open(sealed, place); !errors.Is(err, ErrUnseal) {
		t.Errorf("another sealing key: %v", err)
	}
	for at := range sealed {
		bad := bytes.Clone(sealed)
		bad[at] ^= 1
		if _, err := with.Open(bad, place); !errors.Is(err, ErrUnseal) {
			t.Errorf("byte %d changed: %v", at, err)
		}
		if _, err := with.Open(sealed[:at], place); !errors.Is(err, ErrUnseal) {
			t.Errorf("cut at %d: %v", at, err)
		}
	}
}

// TestSealedValues: what is sealed beside an object's bytes opens under its label.
func TestSealedValues(t *testing.T) {
	t.Parallel()
	key := NewObjectKey()
	sealed, err := key.Seal("checksum", []byte("digest"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := key.Open("checksum", sealed); err != nil || string(got) != "digest" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := key.Open("metadata", sealed); !errors.Is(err, ErrUnseal) {
		t.Errorf("under another label: %v", err)
	}
	if _, err := NewObjectKey().Open("checksum", sealed); !errors.Is(err, ErrUnseal) {
		t.Errorf("with another key: %v", err)
	}
}

// TestKeysDiffer: no two purposes share a key.
func TestKeysDiffer(t *testing.T) {
	t.Parallel()
	key, salt := NewObjectKey(), NewSalt()
	seen := map[string]string{}
	for name, k := range map[string]StreamKey{
		"whole": key.Stream(), "part 1": key.Part(1, salt), "part 2": key.Part(2, salt), "part 12": key.Part(12, salt),
		"part 1 again": key.Part(1, NewSalt()), "another object": NewObjectKey().Stream(),
	} {
		if other, twice := seen[string(k.secret)]; twice {
			t.Errorf("%s has the key of %s", name, other)
		}
		seen[string(k.secret)] = name
	}
}

// TestStoredForm: what was stored once can be read for ever.
func TestStoredForm(t *testing.T) {
	t.Parallel()
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	key, err := testKey(t, 0x5a).Open(unhex(vectorSealed), Binding{Kind: 2, BucketID: 1 << 24, Key: "photos/cat.jpg", Context: []byte(`{"team":"red"}`)})
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(key.secret[:]); got != vectorObjectKey {
		t.Errorf("the object's key is %s", got)
	}
	for name, test := range map[string]struct {
		key    StreamKey
		stored string
	}{
		"whole": {key.Stream(), vectorWhole},
		"part":  {key.Part(3, bytes.Repeat([]byte{9}, SaltBytes)), vectorPart},
	} {
		const plain = "attack at dawn"
		if got, err := read(test.key, unhex(test.stored), int64(len(plain)), 0, int64(len(plain))); err != nil || string(got) != plain {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if got, err := key.Open("checksum", unhex(vectorDigest)); err != nil || string(got) != "digest" {
		t.Errorf("sealed digest: %q, %v", got, err)
	}
}

// TestNothingPrintsKeys: not by accident either.
func TestNothingPrintsKeys(t *testing.T) {
	t.Parallel()
	const secret = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	keys, err := ParseKeys("one:" + secret)
	if err != nil {
		t.Fatal(err)
	}
	one, _ := keys.Get("one")
	object := ObjectKey(one)
	for _, v := range []any{one, &one, object, &object, object.Stream(), keys} {
		for _, form := range []string{"%v", "%+v", "%#v", "%s"} {
			if got := fmt.Sprintf(form, v); strings.ContainsAny(got, "0123456789") {
				t.Errorf("%s of %T prints %s", form, v, got)
			}
		}
	}
}

func TestParseKeys(t *testing.T) {
	t.Parallel()
	const a, b = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "/////////////////////////////////////////w8="
	for name, test := range map[string]struct {
		list  string
		names string // empty: an error
	}{
		"one":           {"my-key:" + a, "my-key"},
		"two":           {"new:" + b + ",old:" + a, "new old"},
		"on lines":      {" new:" + b + "\nold:" + a + "\n", "new old"},
		"empty":         {"", ""},
		"commas":        {",,", ""},
		"no name":       {":" + a, ""},
		"no key":        {"my-key", ""},
		"empty key":     {"my-key:", ""},
		"short key":     {"my-key:AAECAwQF", ""},
		"long key":      {"my-key:" + strings.Repeat("AAEC", 20), ""},
		"not base64":    {"my-key:" + strings.Repeat("!", 44), ""},
		"same name":     {"k:" + a + ",k:" + b, ""},
		"bad name":      {"my key/:" + a, ""},
		"name too long": {strings.Repeat("k", 81) + ":" + a, ""},
	} {
		keys, err := ParseKeys(test.list)
		if got := strings.Join(keys.Names(), " "); got != test.names || (err == nil) != (test.names != "") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if err != nil && (strings.Contains(err.Error(), "AAEC") || strings.Contains(err.Error(), "!!")) {
			t.Errorf("%s: the error has the key in it: %v", name, err)
		}
	}
	keys, err := ParseKeys("new:" + b + ",old:" + a)
	if err != nil || keys.Default() != "new" {
		t.Errorf("the default is %s, %v", keys.Default(), err)
	}
	if _, ok := keys.Get("older"); ok {
		t.Error("a key that is not there is found")
	}
	var none *Keys
	if _, ok := none.Get(""); ok || none.Configured() || none.Default() != "" || none.Names() != nil {
		t.Error("no keys are some")
	}
}

// FuzzParseKeys never repeats what it cannot read.
func FuzzParseKeys(f *testing.F) {
	f.Add("my-key:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
	f.Add("a:b,c:d")
	f.Fuzz(func(t *testing.T, list string) {
		keys, err := ParseKeys(list)
		if (err == nil) != (len(keys.Names()) > 0) {
			t.Errorf("%d keys, %v", len(keys.Names()), err)
		}
		if err == nil && keys.Default() != keys.Names()[0] {
			t.Errorf("the default is %s of %v", keys.Default(), keys.Names())
		}
	})
}

// FuzzOpen opens nothing that was not sealed.
func FuzzOpen(f *testing.F) {
	with := testKey(f, 3)
	sealed, err := with.Seal(NewObjectKey(), Binding{Key: "k"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed[:20], "k")
	f.Fuzz(func(t *testing.T, sealed []byte, key string) {
		if _, err := with.Open(sealed, Binding{Key: key, BucketID: 1}); !errors.Is(err, ErrUnseal) {
			t.Errorf("opened: %v", err)
		}
	})
}
