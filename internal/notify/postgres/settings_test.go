package postgres_test

import (
	"net"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/postgres"
	"github.com/carillon-s3/carillon/internal/notify/target"
	"github.com/carillon-s3/carillon/internal/notify/target/targettest"
)

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

func TestSettings(t *testing.T) {
	type values = map[string]string
	with := targettest.With
	const good = "host=localhost port=5432 dbname=minio_events user=postgres password=password sslmode=disable"
	long := strings.Repeat("t", 56)
	targettest.Settings{
		Kind:   postgres.Kind(),
		Line:   "format=namespace connection_string= table= queue_dir= queue_limit=0 max_open_connections=2",
		Hidden: "host port username password database queue_bytes queue_full payload",
		Valid:  values{"connection_string": good, "table": "t"},
		Values: map[string]targettest.Case{
			"the guide's line":         with(values{"table": "bucketevents", "format": "namespace"}, ""),
			"the guide's migration":    with(values{"connection_string": "host=hostname port=2832 username=psqluser password=psqlpass database=bucketevents", "table": "t"}, ""),
			"a URL":                    with(values{"connection_string": "postgresql://u:p%20w@h1,h2:5433/d?sslmode=require"}, ""),
			"format in another case":   with(values{"format": "Access"}, ""),
			"deprecated keys":          with(values{"host": "h", "port": "5432", "username": "u", "password": `it's a \ s3cret`, "database": "d", "connection_string": ""}, ""),
			"a file that is not here":  with(values{"connection_string": good + " sslrootcert=/no/ca sslmode=verify-full"}, ""),
			"schema":                   with(values{"table": "audit.events"}, ""),
			"quoted":                   with(values{"table": `"Audit"."a.b c"`}, ""),
			"long name":                with(values{"table": long}, "table: the name has 56 bytes"),
			"long name, access":        with(values{"table": long, "format": "access"}, ""),
			"too long":                 with(values{"table": long + long}, "table: a name has 112 bytes"),
			"table of a digit":         with(values{"table": "1t"}, `table: "1t" is not a name`),
			"table with SQL":           with(values{"table": "t; DROP TABLE x"}, "table: "),
			"table with an open quote": with(values{"table": `"t`}, "table: a quoted name is empty or has no closing quote"),
			"three parts":              with(values{"table": "a.b.c"}, "table: give the name as table or schema.table"),
			"text after a quote":       with(values{"table": `"a"b`}, "table: give the name as table or schema.table"),
			"empty part":               with(values{"table": "a."}, "table: "),
			"format":                   with(values{"format": "rows"}, "format: "),
			"port":                     with(values{"connection_string": "host=h port=s3cret"}, "connection_string: the port is not a number"),
			"port of a URL":            with(values{"connection_string": "postgres://u:s3cret@h:0x5/d"}, "connection_string: "),
			"old port":                 with(values{"host": "h", "port": "http", "connection_string": ""}, "port: "),
			"not a string":             with(values{"connection_string": "s3cret"}, "connection_string: neither key=value pairs"),
			"open quote":               with(values{"connection_string": "host=h password='s3cret"}, "connection_string: neither key=value pairs"),
			"sslmode":                  with(values{"connection_string": "host=h password=s3cret sslmode=maybe"}, "connection_string: sslmode is not one of"),
			"connections":              with(values{"max_open_connections": "-1"}, "max_open_connections: "),
		},
		Files: map[string]targettest.Case{
			"CA missing": with(values{"connection_string": "host=h password=s3cret sslmode=verify-full sslrootcert=/no/ca"},
				"connection_string: a file that it names cannot be read: open /no/ca"),
		},
		Dials: map[string]map[string]string{
			"dial": {"connection_string": "host=127.0.0.1"},
		},
		Warnings: map[string]targettest.Case{
			"deprecated keys are read":     with(values{"connection_string": "", "host": "h", "password": "s3cret"}, "use connection_string instead"),
			"deprecated keys are not read": with(values{"host": "ignored"}, ""),
		},
	}.Run(t)
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
