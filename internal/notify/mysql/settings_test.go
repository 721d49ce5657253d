package mysql_test

import (
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/mysql"
	"github.com/carillon-s3/carillon/internal/notify/target"
	"github.com/carillon-s3/carillon/internal/notify/target/targettest"
)

func TestSettings(t *testing.T) {
	type values = map[string]string
	with := targettest.With
	const good = "root:xxxx@tcp(172.17.0.1:3306)/miniodb"
	long := strings.Repeat("t", 57)
	targettest.Settings{
		Kind:   mysql.Kind(),
		Line:   "format=namespace dsn_string= table= queue_dir= queue_limit=0 max_open_connections=2",
		Hidden: "host port username password database cert_authority client_cert client_key queue_bytes queue_full payload",
		Valid:  values{"dsn_string": good, "table": "t"},
		Values: map[string]targettest.Case{
			"the guide's line":         with(values{"table": "minio_images"}, ""),
			"the guide's migration":    with(values{"dsn_string": "mysqluser:mysqlpass@tcp(localhost:2832)/bucketevents", "table": "t"}, ""),
			"a socket":                 with(values{"dsn_string": "u:p@unix(/run/mysqld/mysqld.sock)/d"}, ""),
			"format in another case":   with(values{"format": "Access"}, ""),
			"deprecated keys":          with(values{"host": "h", "port": "3306", "username": "u", "password": "p@:/s3cret", "database": "d", "dsn_string": ""}, ""),
			"database of the table":    with(values{"dsn_string": "u:p@tcp(h)/", "table": "audit.events"}, ""),
			"quoted":                   with(values{"table": "`Audit`.`a.b c`"}, ""),
			"a name of digits":         with(values{"table": "2026"}, ""),
			"TLS":                      with(values{"dsn_string": good + "?tls=true", "cert_authority": "/ca", "client_cert": "/c", "client_key": "/k"}, ""),
			"long name":                with(values{"table": long}, "table: the name has 57 characters"),
			"long name, access":        with(values{"table": long, "format": "access"}, ""),
			"too long":                 with(values{"table": long + long}, "table: a name has 114 characters"),
			"no database":              with(values{"dsn_string": "u:s3cret@tcp(h)/"}, "dsn_string: it names no database"),
			"table with SQL":           with(values{"table": "t; DROP TABLE x"}, "table: "),
			"table with an open quote": with(values{"table": "`t"}, "table: a quoted name is empty or has no closing backquote"),
			"three parts":              with(values{"table": "a.b.c"}, "table: give the name as table or database.table"),
			"empty part":               with(values{"table": "a."}, "table: "),
			"format":                   with(values{"format": "rows"}, "format: "),
			"port":                     with(values{"dsn_string": "u:s3cret@tcp(h:mysql)/d"}, "dsn_string: the port is not a number"),
			"no host":                  with(values{"dsn_string": "u:s3cret@tcp(:3306)/d"}, "dsn_string: the address is not <host>:<port>"),
			"old port":                 with(values{"host": "h", "port": "http", "dsn_string": ""}, "port: "),
			"no slash":                 with(values{"dsn_string": "u:s3cret@tcp(h:1)"}, "dsn_string: missing the slash separating the database name"),
			"no network":               with(values{"dsn_string": "u:s3cret@s3cret/d"}, "dsn_string: not of the form"),
			"TLS of another name":      with(values{"dsn_string": good + "?tls=s3cret"}, "dsn_string: not of the form"),
			"CA without TLS":           with(values{"cert_authority": "/ca"}, "dsn_string: cert_authority and client_cert need ?tls=true"),
			"cert without key":         with(values{"dsn_string": good + "?tls=true", "client_cert": "/c"}, "client_cert and client_key: both must be given"),
			"connections":              with(values{"max_open_connections": "-1"}, "max_open_connections: "),
		},
		Files: map[string]targettest.Case{
			"CA missing": with(values{"dsn_string": "u:s3cret@tcp(h)/d?tls=true", "cert_authority": "/no/ca"}, "cert_authority: open /no/ca"),
		},
		Dials: map[string]map[string]string{
			"dial": {"dsn_string": "u:p@tcp(127.0.0.1)/d"},
		},
		Warnings: map[string]targettest.Case{
			"deprecated keys are read":     with(values{"dsn_string": "", "host": "h", "password": "s3cret", "database": "d"}, "use dsn_string instead"),
			"deprecated keys are not read": with(values{"host": "ignored"}, ""),
		},
	}.Run(t)
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
