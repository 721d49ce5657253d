package postgres_test

import (
	"bytes"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/postgres"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

func TestKeysAreInTheOrderOfTheGuidesOutput(t *testing.T) {
	t.Parallel()
	var set config.FieldSet
	new(postgres.Settings).Fields(&set)
	var keys, hidden []string
	for _, f := range set.List() {
		if f.HiddenIfEmpty {
			hidden = append(hidden, f.Key)
		} else {
			keys = append(keys, f.Key+"="+f.Default)
		}
	}
	want := "format=namespace connection_string= table= queue_dir= queue_limit=0 max_open_connections=2"
	if diff := cmp.Diff(want, strings.Join(keys, " ")); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	if want := []string{"host", "port", "username", "password", "database", "queue_bytes", "queue_full"}; !slices.Equal(hidden, want) {
		t.Errorf("hidden while empty: %v, want %v", hidden, want)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	const good = "host=localhost port=5432 dbname=minio_events user=postgres password=password sslmode=disable"
	long := strings.Repeat("t", 56)
	tests := map[string]struct {
		values map[string]string
		want   string // part of the error; empty: valid
	}{
		"the guide's line":         {map[string]string{"connection_string": good, "table": "bucketevents", "format": "namespace"}, ""},
		"the guide's migration":    {map[string]string{"connection_string": "host=hostname port=2832 username=psqluser password=psqlpass database=bucketevents", "table": "t"}, ""},
		"a URL":                    {map[string]string{"connection_string": "postgresql://u:p%20w@h1,h2:5433/d?sslmode=require", "table": "t"}, ""},
		"format in another case":   {map[string]string{"connection_string": good, "table": "t", "format": "Access"}, ""},
		"deprecated keys":          {map[string]string{"host": "h", "port": "5432", "username": "u", "password": `it's a \ s3cret`, "database": "d", "table": "t"}, ""},
		"a file that is not here":  {map[string]string{"connection_string": good + " sslrootcert=/no/ca sslmode=verify-full", "table": "t"}, ""},
		"schema":                   {map[string]string{"connection_string": good, "table": "audit.events"}, ""},
		"quoted":                   {map[string]string{"connection_string": good, "table": `"Audit"."a.b c"`}, ""},
		"long name":                {map[string]string{"connection_string": good, "table": long}, "table: the name has 56 bytes"},
		"long name, access":        {map[string]string{"connection_string": good, "table": long, "format": "access"}, ""},
		"too long":                 {map[string]string{"connection_string": good, "table": long + long}, "table: a name has 112 bytes"},
		"neither string nor host":  {map[string]string{"table": "t"}, "connection_string: a value is required"},
		"no table":                 {map[string]string{"connection_string": good}, "table: a value is required"},
		"table of a digit":         {map[string]string{"connection_string": good, "table": "1t"}, `table: "1t" is not a name`},
		"table with SQL":           {map[string]string{"connection_string": good, "table": "t; DROP TABLE x"}, "table: "},
		"table with an open quote": {map[string]string{"connection_string": good, "table": `"t`}, "table: a quoted name is empty or has no closing quote"},
		"three parts":              {map[string]string{"connection_string": good, "table": "a.b.c"}, "table: give the name as table or schema.table"},
		"text after a quote":       {map[string]string{"connection_string": good, "table": `"a"b`}, "table: give the name as table or schema.table"},
		"empty part":               {map[string]string{"connection_string": good, "table": "a."}, "table: "},
		"format":                   {map[string]string{"connection_string": good, "table": "t", "format": "rows"}, "format: "},
		"port":                     {map[string]string{"connection_string": "host=h port=s3cret", "table": "t"}, "connection_string: the port is not a number"},
		"port of a URL":            {map[string]string{"connection_string": "postgres://u:s3cret@h:0x5/d", "table": "t"}, "connection_string: "},
		"old port":                 {map[string]string{"host": "h", "port": "http", "table": "t"}, "port: "},
		"not a string":             {map[string]string{"connection_string": "s3cret", "table": "t"}, "connection_string: neither key=value pairs"},
		"open quote":               {map[string]string{"connection_string": "host=h password='s3cret", "table": "t"}, "connection_string: neither key=value pairs"},
		"sslmode":                  {map[string]string{"connection_string": "host=h password=s3cret sslmode=maybe", "table": "t"}, "connection_string: sslmode is not one of"},
		"connections":              {map[string]string{"connection_string": good, "table": "t", "max_open_connections": "-1"}, "max_open_connections: "},
		"relative dir":             {map[string]string{"connection_string": good, "table": "t", "queue_dir": "events"}, "queue_dir: the path should be absolute"},
		"negative limit":           {map[string]string{"connection_string": good, "table": "t", "queue_limit": "-5"}, "queue_limit: "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := config.Decode(new(postgres.Settings), tt.values)
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
	_, err := open(t, map[string]string{"connection_string": "host=h password=s3cret sslmode=verify-full sslrootcert=/no/ca", "table": "t"}, target.Env{})
	if err == nil || !strings.Contains(err.Error(), "connection_string: a file that it names cannot be read: open /no/ca") {
		t.Errorf("open: %v", err)
	}
}

func TestDeprecatedKeysAreWarnedOf(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		values map[string]string
		want   bool
	}{
		"old": {map[string]string{"host": "h", "password": "s3cret", "table": "t"}, true},
		"new": {map[string]string{"connection_string": "host=h password=s3cret", "host": "ignored", "table": "t"}, false},
	} {
		var log bytes.Buffer
		tgt, err := open(t, tt.values, target.Env{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := tgt.Close(); err != nil {
			t.Error(err)
		}
		if got := strings.Contains(log.String(), "use connection_string instead"); got != tt.want || strings.Contains(log.String(), "s3cret") {
			t.Errorf("%s: log %q", name, &log)
		}
	}
}

func open(t *testing.T, values map[string]string, env target.Env) (target.Target, error) {
	t.Helper()
	kind := postgres.Kind()
	s := kind.New()
	if err := config.Decode(s, values); err != nil {
		t.Fatal(err)
	}
	return kind.Open(s, env)
}
