package mysql_test

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/mysql"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

func TestKeysAreInTheOrderOfTheGuidesOutput(t *testing.T) {
	t.Parallel()
	var set config.FieldSet
	new(mysql.Settings).Fields(&set)
	var keys, hidden []string
	for _, f := range set.List() {
		if f.HiddenIfEmpty {
			hidden = append(hidden, f.Key)
		} else {
			keys = append(keys, f.Key+"="+f.Default)
		}
	}
	want := "format=namespace dsn_string= table= queue_dir= queue_limit=0 max_open_connections=2"
	if diff := cmp.Diff(want, strings.Join(keys, " ")); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	if want := []string{"host", "port", "username", "password", "database", "cert_authority", "client_cert", "client_key", "queue_bytes", "queue_full"}; !slices.Equal(hidden, want) {
		t.Errorf("hidden while empty: %v, want %v", hidden, want)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	const good = "root:xxxx@tcp(172.17.0.1:3306)/miniodb"
	long := strings.Repeat("t", 57)
	tests := map[string]struct {
		values map[string]string
		want   string // part of the error; empty: valid
	}{
		"the guide's line":         {map[string]string{"dsn_string": good, "table": "minio_images"}, ""},
		"the guide's migration":    {map[string]string{"dsn_string": "mysqluser:mysqlpass@tcp(localhost:2832)/bucketevents", "table": "t"}, ""},
		"a socket":                 {map[string]string{"dsn_string": "u:p@unix(/run/mysqld/mysqld.sock)/d", "table": "t"}, ""},
		"the usual port":           {map[string]string{"dsn_string": "u:p@tcp(h)/d", "table": "t"}, ""},
		"format in another case":   {map[string]string{"dsn_string": good, "table": "t", "format": "Access"}, ""},
		"deprecated keys":          {map[string]string{"host": "h", "port": "3306", "username": "u", "password": "p@:/s3cret", "database": "d", "table": "t"}, ""},
		"database of the table":    {map[string]string{"dsn_string": "u:p@tcp(h)/", "table": "audit.events"}, ""},
		"quoted":                   {map[string]string{"dsn_string": good, "table": "`Audit`.`a.b c`"}, ""},
		"a name of digits":         {map[string]string{"dsn_string": good, "table": "2026"}, ""},
		"TLS":                      {map[string]string{"dsn_string": good + "?tls=true", "table": "t", "cert_authority": "/ca", "client_cert": "/c", "client_key": "/k"}, ""},
		"long name":                {map[string]string{"dsn_string": good, "table": long}, "table: the name has 57 characters"},
		"long name, access":        {map[string]string{"dsn_string": good, "table": long, "format": "access"}, ""},
		"too long":                 {map[string]string{"dsn_string": good, "table": long + long}, "table: a name has 114 characters"},
		"neither string nor host":  {map[string]string{"table": "t"}, "dsn_string: a value is required"},
		"no database":              {map[string]string{"dsn_string": "u:s3cret@tcp(h)/", "table": "t"}, "dsn_string: it names no database"},
		"no table":                 {map[string]string{"dsn_string": good}, "table: a value is required"},
		"table with SQL":           {map[string]string{"dsn_string": good, "table": "t; DROP TABLE x"}, "table: "},
		"table with an open quote": {map[string]string{"dsn_string": good, "table": "`t"}, "table: a quoted name is empty or has no closing backquote"},
		"three parts":              {map[string]string{"dsn_string": good, "table": "a.b.c"}, "table: give the name as table or database.table"},
		"empty part":               {map[string]string{"dsn_string": good, "table": "a."}, "table: "},
		"format":                   {map[string]string{"dsn_string": good, "table": "t", "format": "rows"}, "format: "},
		"port":                     {map[string]string{"dsn_string": "u:s3cret@tcp(h:mysql)/d", "table": "t"}, "dsn_string: the port is not a number"},
		"no host":                  {map[string]string{"dsn_string": "u:s3cret@tcp(:3306)/d", "table": "t"}, "dsn_string: the address is not <host>:<port>"},
		"old port":                 {map[string]string{"host": "h", "port": "http", "table": "t"}, "port: "},
		"no slash":                 {map[string]string{"dsn_string": "u:s3cret@tcp(h:1)", "table": "t"}, "dsn_string: missing the slash separating the database name"},
		"no network":               {map[string]string{"dsn_string": "u:s3cret@s3cret/d", "table": "t"}, "dsn_string: not of the form"},
		"TLS of another name":      {map[string]string{"dsn_string": good + "?tls=s3cret", "table": "t"}, "dsn_string: not of the form"},
		"CA without TLS":           {map[string]string{"dsn_string": good, "table": "t", "cert_authority": "/ca"}, "dsn_string: cert_authority and client_cert need ?tls=true"},
		"cert without key":         {map[string]string{"dsn_string": good + "?tls=true", "table": "t", "client_cert": "/c"}, "client_cert and client_key: both must be given"},
		"connections":              {map[string]string{"dsn_string": good, "table": "t", "max_open_connections": "-1"}, "max_open_connections: "},
		"relative dir":             {map[string]string{"dsn_string": good, "table": "t", "queue_dir": "events"}, "queue_dir: the path should be absolute"},
		"negative limit":           {map[string]string{"dsn_string": good, "table": "t", "queue_limit": "-5"}, "queue_limit: "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := config.Decode(new(mysql.Settings), tt.values)
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

func TestOpenNamesTheFileThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := open(t, map[string]string{"dsn_string": "u:s3cret@tcp(h)/d?tls=true", "cert_authority": "/no/ca", "table": "t"}, target.Env{})
	if err == nil || !strings.Contains(err.Error(), "cert_authority: open /no/ca") {
		t.Errorf("open: %v", err)
	}
}

func TestDeprecatedKeysAreWarnedOf(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		values map[string]string
		want   bool
	}{
		"old": {map[string]string{"host": "h", "password": "s3cret", "database": "d", "table": "t"}, true},
		"new": {map[string]string{"dsn_string": "u:s3cret@tcp(h)/d", "host": "ignored", "table": "t"}, false},
	} {
		var log bytes.Buffer
		tgt, err := open(t, tt.values, target.Env{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := tgt.Close(); err != nil {
			t.Error(err)
		}
		if got := strings.Contains(log.String(), "use dsn_string instead"); got != tt.want || strings.Contains(log.String(), "s3cret") {
			t.Errorf("%s: log %q", name, &log)
		}
	}
}

func open(t *testing.T, values map[string]string, env target.Env) (target.Target, error) {
	t.Helper()
	kind := mysql.Kind()
	s := kind.New()
	if err := config.Decode(s, values); err != nil {
		t.Fatal(err)
	}
	return kind.Open(s, env)
}
