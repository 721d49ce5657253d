package elasticsearch

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

func TestKeysAreInTheOrderOfTheGuidesOutput(t *testing.T) {
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
	want := []string{
		"url", "format", "index", "queue_dir", "queue_limit", "username", "password",
		"document_id", "cert_authority", "client_cert", "client_key", "queue_bytes", "queue_full",
	}
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
		values map[string]string
		want   string // part of the error; empty: valid
	}{
		"the guide's line": {map[string]string{
			"queue_limit": "0", "url": "http://127.0.0.1:9200", "format": "namespace", "index": "minio_events", "queue_dir": "", "username": "", "password": "",
		}, ""},
		"everything": {map[string]string{
			"url": "https://h:9200/es/", "format": "ACCESS", "index": "a.b-c_d", "username": "u", "password": "p", "document_id": "MinIO",
			"cert_authority": "/ca", "client_cert": "/c", "client_key": "/k", "queue_dir": "/q", "queue_limit": "9",
		}, ""},
		"credentials in the URL": {map[string]string{"url": "http://elastic:MagicWord@127.0.0.1:9200", "index": "i"}, ""},
		"no url":                 {map[string]string{"index": "i"}, "url: a value is required"},
		"no index":               {map[string]string{"url": "http://h"}, "index: a value is required"},
		"scheme":                 {map[string]string{"url": "tcp://h", "index": "i"}, "url: unexpected scheme"},
		"no scheme":              {map[string]string{"url": "localhost:9200", "index": "i"}, "url: "},
		"port but no host":       {map[string]string{"url": "http://:9200", "index": "i"}, "url: the URL names no host"},
		"query":                  {map[string]string{"url": "http://h/?token=s3cret", "index": "i"}, "url: the URL has a part after ?"},
		"user without password":  {map[string]string{"url": "http://s3cret@h", "index": "i"}, "url: the URL holds a user without a password"},
		"format":                 {map[string]string{"url": "http://h", "index": "i", "format": "table"}, "format: "},
		"document_id":            {map[string]string{"url": "http://h", "index": "i", "document_id": "uuid"}, "document_id: "},
		"username alone":         {map[string]string{"url": "http://h", "index": "i", "username": "u"}, "username and password: both"},
		"password alone":         {map[string]string{"url": "http://h", "index": "i", "password": "s3cret"}, "username and password: both"},
		"cert without key":       {map[string]string{"url": "https://h", "index": "i", "client_cert": "/c"}, "client_cert and client_key: both"},
		"key without cert":       {map[string]string{"url": "https://h", "index": "i", "client_key": "/k"}, "client_cert and client_key: both"},
		"index in upper case":    {map[string]string{"url": "http://h", "index": "Events"}, "index: the name of an index is in lower case"},
		"index of several":       {map[string]string{"url": "http://h", "index": "a,b"}, "index: the name of an index has none of"},
		"index with a pattern":   {map[string]string{"url": "http://h", "index": "a*"}, "index: the name of an index has none of"},
		"index like a call":      {map[string]string{"url": "http://h", "index": "_all"}, "index: the name of an index begins with none of"},
		"index of dots":          {map[string]string{"url": "http://h", "index": ".."}, "index: the name of an index begins with none of"},
		"index too long":         {map[string]string{"url": "http://h", "index": strings.Repeat("i", maxIndexName+1)}, "index: the name of an index has at most 238 bytes"},
		"index as long as can":   {map[string]string{"url": "http://h", "index": strings.Repeat("i", maxIndexName)}, ""},
		"relative dir":           {map[string]string{"url": "http://h", "index": "i", "queue_dir": "events"}, "queue_dir: the path should be absolute"},
		"limit not a count":      {map[string]string{"url": "http://h", "index": "i", "queue_limit": "-5"}, "queue_limit: "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := config.Decode(new(Settings), tt.values)
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

func TestAddress(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		s    Settings
		want string
	}{
		"plain":                     {Settings{URL: "http://h:1/"}, "http://h:1"},
		"behind a path":             {Settings{URL: "https://h/es/"}, "https://h/es"},
		"credentials within":        {Settings{URL: "http://u:p@h"}, "http://u:p@h"},
		"username and password win": {Settings{URL: "http://u:p@h", Username: "other", Password: "word"}, "http://other:word@h"},
	}
	for name, tt := range tests {
		if u, err := tt.s.address(); err != nil || u.String() != tt.want {
			t.Errorf("%s: %v, %v; want %s", name, u, err, tt.want)
		}
	}
}

func TestTraitsFollowTheFormat(t *testing.T) {
	t.Parallel()
	for format, mirror := range map[string]bool{"namespace": true, "NameSpace": true, "access": false, "": true} {
		values := map[string]string{"url": "http://h", "index": "i", "format": format}
		if format == "" {
			delete(values, "format")
		}
		s := Kind().New()
		if err := config.Decode(s, values); err != nil {
			t.Fatal(err)
		}
		if got := Kind().Traits(s); got.Mirror != mirror || got.Body != target.Records {
			t.Errorf("format %q: traits %+v", format, got)
		}
	}
}
