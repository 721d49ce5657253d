package redis

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/config"
)

func TestKeysAreInTheOrderOfTheServersOutput(t *testing.T) {
	t.Parallel()
	var set config.FieldSet
	new(Settings).Fields(&set)
	var keys, hidden []string
	for _, f := range set.List() {
		keys = append(keys, f.Key)
		if f.HiddenIfEmpty {
			hidden = append(hidden, f.Key)
		}
	}
	want := []string{"format", "address", "key", "password", "user", "queue_dir", "queue_limit", "access_layout", "queue_bytes", "queue_full"}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	if !slices.Equal(hidden, want[7:]) {
		t.Errorf("hidden while empty: %v, want the extensions", hidden)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		line string // words of `config set`
		want string // part of the error; empty: valid
	}{
		"the guide's line":       {"address=127.0.0.1:6379 format=namespace key=bucketevents password=s3cret queue_dir= queue_limit=0", ""},
		"no format":              {"address=localhost:6379 key=k", ""},
		"format in capitals":     {"address=localhost:6379 key=k format=ACCESS", ""},
		"user":                   {"address=[::1]:6379 key=k user=u password=s3cret", ""},
		"layout":                 {"address=localhost:6379 key=k format=access access_layout=minio", ""},
		"no address":             {"key=k", "address: a value is required"},
		"no key":                 {"address=localhost:6379", "key: a value is required"},
		"unknown format":         {"address=localhost:6379 key=k format=stream", "format: "},
		"unknown layout":         {"address=localhost:6379 key=k access_layout=json", "access_layout: "},
		"address without a port": {"address=localhost key=k", "address: must be host:port"},
		"address without a host": {"address=:6379 key=k", "address: must be host:port"},
		"address is a URL":       {"address=redis://:s3cret@localhost:6379 key=k", "address: must be host:port"},
		"port is a word":         {"address=localhost:redis key=k", "address: the port must be a number"},
		"port 0":                 {"address=localhost:0 key=k", "address: the port must be a number"},
		"port too large":         {"address=localhost:65536 key=k", "address: the port must be a number"},
		"user without password":  {"address=localhost:6379 key=k user=u", "password: a user needs one"},
		"limit is not a number":  {"address=localhost:6379 key=k queue_limit=-5", "queue_limit: "},
		"relative queue_dir":     {"address=localhost:6379 key=k queue_dir=events", "queue_dir: "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := decode(new(Settings), tt.line)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error %v, want %q in it", err, tt.want)
			case err != nil && strings.Contains(err.Error(), "s3cret"):
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

func decode(s *Settings, line string) error {
	values := make(map[string]string)
	for _, word := range strings.Fields(line) {
		key, value, _ := strings.Cut(word, "=")
		values[key] = value
	}
	return config.Decode(s, values)
}

func TestTraitsFollowTheFormat(t *testing.T) {
	t.Parallel()
	for format, mirrors := range map[string]bool{"": true, "namespace": true, "Namespace": true, "access": false, "ACCESS": false} {
		s := new(Settings)
		if err := decode(s, "address=localhost:6379 key=k format="+format); err != nil {
			t.Fatal(err)
		}
		if got := Kind().Traits(s).Mirror; got != mirrors {
			t.Errorf("format=%s: mirror %v, want %v", format, got, mirrors)
		}
	}
}
