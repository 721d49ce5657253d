package config

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/kv/memory"
)

func openSealed(t testing.TB, store KV, sealer Sealer) *Store {
	t.Helper()
	s, err := Open(t.Context(), StoreOptions{Registry: sampleRegistry(t), KV: store, Sealer: sealer})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustOpenSealer(t testing.TB, store KV, secret, file string) Sealer {
	t.Helper()
	sealer, err := OpenSealer(t.Context(), KeySource{KV: store, RootSecret: secret, File: file})
	if err != nil {
		t.Fatal(err)
	}
	return sealer
}

// everything returns all that is stored, to look for secrets in it.
func everything(t testing.TB, store *memory.Store) []byte {
	t.Helper()
	var all []byte
	for entry, err := range store.Scan(t.Context(), kv.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(append(all, entry.Key...), entry.Item.Value...)
	}
	return all
}

func TestSecretsAreSealedAtRest(t *testing.T) {
	t.Parallel()
	store := newKV(t)
	file := filepath.Join(t.TempDir(), "key")
	s := openSealed(t, store, mustOpenSealer(t, store, "root-secret", file))
	mustSet(t, s, "notify_sample:1 endpoint=http://h/ auth_token=hunter2")
	if all := everything(t, store); bytes.Contains(all, []byte("hunter2")) || !bytes.Contains(all, []byte("http://h/")) {
		t.Errorf("stored: %q", all)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key file: %v, %v", info, err)
	}
	history, err := s.History(t.Context(), 0)
	if err != nil || len(history) != 1 || !strings.Contains(history[0].Text, "hunter2") {
		t.Errorf("history: %+v, %v", history, err)
	}
}

// TestSecretsOutliveThePassword opens what was sealed under changed conditions.
func TestSecretsOutliveThePassword(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		secret   string
		loseFile bool
		want     error
	}{
		"nothing changed":  {"first-secret", false, nil},
		"file lost":        {"first-secret", true, nil},
		"password rotated": {"second-secret", false, nil},
		"both":             {"second-secret", true, ErrDataKey},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := newKV(t)
			file := filepath.Join(t.TempDir(), "key")
			mustSet(t, openSealed(t, store, mustOpenSealer(t, store, "first-secret", file)), "notify_sample:1 endpoint=http://h/ auth_token=hunter2")
			if tt.loseFile {
				if err := os.Remove(file); err != nil {
					t.Fatal(err)
				}
			}
			sealer, err := OpenSealer(t.Context(), KeySource{KV: store, RootSecret: tt.secret, File: file})
			if !errors.Is(err, tt.want) {
				t.Fatalf("error %v, want %v", err, tt.want)
			}
			i, _ := openSealed(t, store, sealer).Find("notify_sample", "1")
			if tt.want != nil {
				if i.Err == nil || !strings.Contains(i.Err.Error(), "auth_token: the stored secret cannot be opened") {
					t.Errorf("instance: %+v", i)
				}
				return
			}
			if got, _ := i.Settings.(*sample); got == nil || got.Token != "hunter2" {
				t.Errorf("instance: %+v", i)
			}
			// From now on the new password alone is enough.
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			mustOpenSealer(t, store, tt.secret, file)
		})
	}
}

// TestForeignKeyFile: another site's key is not taken for ours.
func TestForeignKeyFile(t *testing.T) {
	t.Parallel()
	store := newKV(t)
	file := filepath.Join(t.TempDir(), "key")
	mustOpenSealer(t, store, "first-secret", file)
	if err := os.WriteFile(file, bytes.Repeat([]byte{1}, keyBytes), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSealer(t.Context(), KeySource{KV: store, RootSecret: "second-secret", File: file}); !errors.Is(err, ErrDataKey) {
		t.Errorf("error %v", err)
	}
}

// TestUnopenedSecretIsKept: other settings of the instance can be changed
// while its secret cannot be opened, and the right key brings it back.
func TestUnopenedSecretIsKept(t *testing.T) {
	t.Parallel()
	store := newKV(t)
	sealer := mustOpenSealer(t, store, "root-secret", filepath.Join(t.TempDir(), "key"))
	mustSet(t, openSealed(t, store, sealer), "notify_sample:1 endpoint=http://h/ auth_token=hunter2")
	without := openSealed(t, store, nil)
	mustSet(t, without, "notify_sample:1 qos=2")
	if i, _ := without.Find("notify_sample", "1"); i.Err == nil {
		t.Error("usable without its secret")
	}
	i, _ := openSealed(t, store, sealer).Find("notify_sample", "1")
	if got, _ := i.Settings.(*sample); got == nil || got.Token != "hunter2" || got.QoS != 2 {
		t.Errorf("with the key: %+v, %v", got, i.Err)
	}
	mustSet(t, without, "notify_sample:1 auth_token=new")
	if i, _ := without.Find("notify_sample", "1"); i.Err != nil {
		t.Errorf("set anew: %v", i.Err)
	}
}

func TestSealContext(t *testing.T) {
	t.Parallel()
	s, err := newSealer(make([]byte, keyBytes), nil)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := s.Seal("a", []byte("text"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Open("a", sealed); err != nil || string(got) != "text" {
		t.Errorf("open: %q, %v", got, err)
	}
	for name, change := range map[string]struct {
		context string
		sealed  []byte
	}{
		"context": {"b", sealed}, "cut": {"a", sealed[:len(sealed)-1]}, "short": {"a", sealed[:3]}, "empty": {"a", nil},
	} {
		if got, err := s.Open(change.context, change.sealed); err == nil {
			t.Errorf("%s: opened %q", name, got)
		}
	}
}
