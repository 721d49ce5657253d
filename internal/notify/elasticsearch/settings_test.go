package elasticsearch

import (
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/target"
	"github.com/carillon-s3/carillon/internal/notify/target/targettest"
)

func TestSettings(t *testing.T) {
	type values = map[string]string
	with := targettest.With
	targettest.Settings{
		Kind:   Kind(),
		Line:   "url= format=namespace index= queue_dir= queue_limit=0 username= password=",
		Hidden: "document_id cert_authority client_cert client_key queue_bytes queue_full payload",
		Valid:  values{"url": "http://h", "index": "i"},
		Values: map[string]targettest.Case{
			"the guide's line":       with(values{"queue_limit": "0", "url": "http://127.0.0.1:9200", "format": "namespace", "index": "minio_events", "queue_dir": "", "username": "", "password": ""}, ""),
			"everything":             with(values{"url": "https://h:9200/es/", "format": "ACCESS", "index": "a.b-c_d", "username": "u", "password": "p", "document_id": "MinIO", "cert_authority": "/ca", "client_cert": "/c", "client_key": "/k", "queue_dir": "/q", "queue_limit": "9"}, ""),
			"credentials in the URL": with(values{"url": "http://elastic:MagicWord@127.0.0.1:9200"}, ""),
			"scheme":                 with(values{"url": "tcp://h"}, "url: unexpected scheme"),
			"no scheme":              with(values{"url": "localhost:9200"}, "url: "),
			"port but no host":       with(values{"url": "http://:9200"}, "url: the URL names no host"),
			"query":                  with(values{"url": "http://h/?token=s3cret"}, "url: the URL has a part after ?"),
			"user without password":  with(values{"url": "http://s3cret@h"}, "url: the URL holds a user without a password"),
			"format":                 with(values{"format": "table"}, "format: "),
			"document_id":            with(values{"document_id": "uuid"}, "document_id: "),
			"username alone":         with(values{"username": "u"}, "username and password: both"),
			"password alone":         with(values{"password": "s3cret"}, "username and password: both"),
			"cert without key":       with(values{"url": "https://h", "client_cert": "/c"}, "client_cert and client_key: both"),
			"key without cert":       with(values{"url": "https://h", "client_key": "/k"}, "client_cert and client_key: both"),
			"index in upper case":    with(values{"index": "Events"}, "index: the name of an index is in lower case"),
			"index of several":       with(values{"index": "a,b"}, "index: the name of an index has none of"),
			"index with a pattern":   with(values{"index": "a*"}, "index: the name of an index has none of"),
			"index like a call":      with(values{"index": "_all"}, "index: the name of an index begins with none of"),
			"index of dots":          with(values{"index": ".."}, "index: the name of an index begins with none of"),
			"index too long":         with(values{"index": strings.Repeat("i", maxIndexName+1)}, "index: the name of an index has at most 238 bytes"),
			"index as long as can":   with(values{"index": strings.Repeat("i", maxIndexName)}, ""),
		},
		Files: map[string]targettest.Case{
			"CA missing":          with(values{"url": "https://h", "cert_authority": "/no/ca"}, "cert_authority: open /no/ca"),
			"certificate missing": with(values{"url": "https://h", "client_cert": "/no/c", "client_key": "/no/k"}, "client_cert and client_key: open /no/c"),
		},
		Dials: map[string]map[string]string{
			"dial": {"url": "http://127.0.0.1:9200"},
		},
	}.Run(t)
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
