package mysql_test

import (
	"encoding/hex"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/internal/notify/mysql"
	"github.com/carillon-s3/carillon/internal/notify/target/targettest"
)

// server is a server that tests share, each with a table of its own.
type server struct {
	*brokertest.MySQL
	tables atomic.Int64
}

// eachServer runs a test against MySQL and MariaDB.
func eachServer(t *testing.T, test func(*testing.T, *server)) {
	t.Helper()
	t.Run("MySQL", func(t *testing.T) { test(t, &server{MySQL: brokertest.StartMySQL(t)}) })
	t.Run("MariaDB", func(t *testing.T) { test(t, &server{MySQL: brokertest.StartMariaDB(t)}) })
}

// dsn is how the target reaches the server.
func (s *server) dsn(parameters string) string {
	return fmt.Sprintf("%s:%s@tcp(%s)/%s%s", brokertest.Login, brokertest.Password, s.Address, s.Database, parameters)
}

// query runs statements with the client program and returns what it prints.
func (s *server) query(t *testing.T, sql string) string {
	t.Helper()
	host, port, err := net.SplitHostPort(s.Address)
	if err != nil {
		t.Fatal(err)
	}
	// TLS, as the server's plugin wants a password sent so or not at all.
	cmd := exec.Command("mariadb", "--no-defaults", "-h", host, "-P", port, "-u", brokertest.Login, "-p"+brokertest.Password, "--ssl",
		"--default-character-set=utf8mb4", "-D", s.Database, "-N", "-B", "-e", sql)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("mariadb: %v\n%s\n%s", err, sql, out)
	}
	return string(out)
}

// table is one test's.
type table struct {
	*server
	name    string // quoted
	values  map[string]string
	secrets []string
}

// newTable makes settings for a table that does not exist.
func (s *server) newTable(format string) *table {
	d := &table{server: s, secrets: []string{brokertest.Password}}
	d.values = map[string]string{"format": format, "dsn_string": s.dsn("")}
	d.named(fmt.Sprintf("events%d", s.tables.Add(1)))
	return d
}

func (d *table) named(name string) { d.name, d.values["table"] = name, name }

func (d *table) Values() map[string]string { return d.values }
func (d *table) Secrets() []string         { return d.secrets }
func (d *table) Kill(*testing.T)           { d.Process.Kill() }
func (d *table) Start(*testing.T)          { d.Process.Start() }
func (d *table) Freeze(*testing.T)         { d.Process.Freeze() }
func (d *table) Thaw(*testing.T)           { d.Process.Thaw() }

// read returns rows of columns, each sent in hex so that nothing is lost on the
// way. A table that is not there has none.
func (d *table) read(t *testing.T, columns ...string) [][]string {
	t.Helper()
	if d.query(t, "SELECT COUNT(*) FROM information_schema.tables WHERE '"+strings.ReplaceAll(d.name, "`", "")+
		"' IN (table_name, CONCAT(table_schema, '.', table_name))") == "0\n" {
		return nil
	}
	for i, c := range columns {
		columns[i] = "HEX(CONVERT(" + c + " USING utf8mb4))"
	}
	out := d.query(t, "SELECT "+strings.Join(columns, ", ")+" FROM "+d.name)
	var rows [][]string
	for line := range strings.Lines(out) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		for i, f := range fields {
			text, err := hex.DecodeString(f)
			if err != nil {
				t.Fatalf("%v in %q", err, line)
			}
			fields[i] = string(text)
		}
		rows = append(rows, fields)
	}
	return rows
}

func sequencer(body string) string {
	_, rest, _ := strings.Cut(body, `"sequencer":`)
	return strings.Trim(rest, ` "`)[:16]
}

// Received lists rows by their sequencer: they have no other order.
func (d *table) Received(t *testing.T) []targettest.Received {
	t.Helper()
	var out []targettest.Received
	if d.values["format"] == "namespace" {
		for _, body := range d.rows(t) {
			out = append(out, targettest.Received{Body: body})
		}
		return out
	}
	for _, r := range d.read(t, "event_id", "event_data") {
		out = append(out, targettest.Received{ID: r[0], Body: r[1]})
	}
	slices.SortStableFunc(out, func(a, b targettest.Received) int { return strings.Compare(sequencer(a.Body), sequencer(b.Body)) })
	return out
}

// rows are those of a mirror.
func (d *table) rows(t *testing.T) map[string]string {
	t.Helper()
	out := make(map[string]string)
	for _, r := range d.read(t, "key_name", "value") {
		out[r[0]] = r[1]
	}
	return out
}

func rows(t *testing.T, h targettest.Harness) map[string]string { return h.(*table).rows(t) }

func TestSuiteNamespace(t *testing.T) {
	eachServer(t, func(t *testing.T, s *server) {
		targettest.Run(t, targettest.Suite{
			Kind: mysql.Kind(), JSON: true, Rows: rows,
			New: func(*testing.T) targettest.Harness { return s.newTable("namespace") },
		})
	})
}

func TestSuiteAccess(t *testing.T) {
	eachServer(t, func(t *testing.T, s *server) {
		s.query(t, fmt.Sprintf("CREATE USER bearer IDENTIFIED BY '%s' REQUIRE X509; GRANT ALL ON *.* TO bearer; CREATE DATABASE `My Events` CHARACTER SET latin1", brokertest.Password))
		targettest.Run(t, targettest.Suite{
			Kind: mysql.Kind(), JSON: true, Variants: s.variants(),
			New: func(*testing.T) targettest.Harness { return s.newTable("access") },
		})
	})
}

// with makes a table whose settings are changed.
func (s *server) with(change func(*table)) func(*testing.T) targettest.Harness {
	return func(*testing.T) targettest.Harness {
		d := s.newTable("access")
		change(d)
		return d
	}
}

func (s *server) variants() []targettest.Variant {
	set := func(pairs ...string) func(*testing.T) targettest.Harness {
		return s.with(func(d *table) {
			for i := 0; i < len(pairs); i += 2 {
				d.values[pairs[i]] = pairs[i+1]
			}
		})
	}
	host, port, _ := net.SplitHostPort(s.Address)
	bearer := strings.Replace(s.dsn("?tls=true"), brokertest.Login, "bearer", 1)
	c := s.Certs
	return []targettest.Variant{
		{Name: "TLS", New: set("dsn_string", s.dsn("?tls=true"), "cert_authority", c.CA)},
		{Name: "TLS not verified", New: set("dsn_string", s.dsn("?tls=skip-verify"))},
		{Name: "TLS preferred", New: set("dsn_string", s.dsn("?tls=preferred"))},
		{Name: "TLS without its CA", New: set("dsn_string", s.dsn("?tls=true"), "cert_authority", c.OtherCA), WantErr: "certificate signed by unknown authority"},
		{Name: "TLS with client certificate", New: set("dsn_string", bearer, "cert_authority", c.CA, "client_cert", c.ClientCert, "client_key", c.ClientKey)},
		{Name: "TLS without the client certificate", New: set("dsn_string", bearer, "cert_authority", c.CA), WantErr: "Access denied"},
		{Name: "deprecated keys", New: s.with(func(d *table) {
			delete(d.values, "dsn_string")
			d.values["host"], d.values["port"], d.values["database"] = host, port, s.Database
			d.values["username"], d.values["password"] = brokertest.Login, brokertest.Password
		})},
		{Name: "wrong password", New: func(*testing.T) targettest.Harness {
			d := s.newTable("access")
			d.values["dsn_string"] = fmt.Sprintf("%s:wr0ng-s3cret@tcp(%s)/%s", brokertest.Login, s.Address, s.Database)
			d.secrets = []string{"wr0ng-s3cret"}
			return d
		}, WantErr: "Access denied"},
		{Name: "missing database", New: set("dsn_string", strings.Replace(s.dsn(""), "/"+s.Database, "/nowhere", 1)), WantErr: "Unknown database"},
		{Name: "missing database of the table", New: set("table", "nowhere.t"), WantErr: "Unknown database"},
		{Name: "database and table", New: s.with(func(d *table) { d.named(s.Database + ".plain") })},
		{Name: "quoted names, another character set", New: s.with(func(d *table) { d.named("`My Events`.`ev.ents`") })},
		{Name: "another character set in the DSN", New: set("dsn_string", s.dsn("?charset=latin1"))},
		{Name: "no limit of connections", New: set("max_open_connections", "0")},
		{Name: "one connection", New: set("max_open_connections", "1")},
	}
}
