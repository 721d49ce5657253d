package mysql_test

import (
	"encoding/hex"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strconv"
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
	name   string
	tables atomic.Int64
}

func TestMain(m *testing.M) { targettest.Main(m, mysql.Kind()) }

func TestMySQL(t *testing.T)   { testServer(t, "MySQL", brokertest.StartMySQL(t)) }
func TestMariaDB(t *testing.T) { testServer(t, "MariaDB", brokertest.StartMariaDB(t)) }

// testServer runs all tests on one server: to make and start it takes seconds.
func testServer(t *testing.T, name string, started *brokertest.MySQL) {
	s := &server{MySQL: started, name: name}
	tests := map[string]func(*testing.T, *server){
		"access":                 testAccess,
		"namespace":              testNamespace,
		"tables that exist":      testTablesThatExist,
		"idle connection ends":   testIdleConnectionEnds,
		"prune":                  testPrune,
		"two writers":            testTwoWriters,
		"event that comes again": testEventThatComesAgain,
		"refused data":           testRefusedData,
		"column of the page":     testColumnOfThePage,
	}
	if name == "MySQL" { // MariaDB takes no such table
		tests["table of MinIO"] = testTableOfMinIO
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test(t, s) })
	}
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
	// reading wraps what reads the table.
	reading func(read func())
}

// newTable makes settings for a table that does not exist.
func (s *server) newTable(format string) *table {
	d := &table{server: s, secrets: []string{brokertest.Password}, reading: func(read func()) { read() }}
	d.values = map[string]string{"format": format, "dsn_string": s.dsn("")}
	d.named(fmt.Sprintf("events%d", s.tables.Add(1)))
	return d
}

// maxBody is about the limit of newSmall: more than a tenth of the server's small
// logs would not go into a row.
const maxBody = 512 << 10

// newSmall is newTable with a limit for bodies: that of max_allowed_packet, or,
// as MariaDB takes long values in parts, one of the table's own.
func (s *server) newSmall(t *testing.T, format string) *table {
	t.Helper()
	d := s.newTable(format)
	if s.name == "MariaDB" {
		columns := map[string]string{
			"access":    "event_time DATETIME(3) NOT NULL, event_id VARCHAR(64) PRIMARY KEY, event_data JSON CHECK (LENGTH(event_data) < %d)",
			"namespace": "key_name VARCHAR(3072) NOT NULL, key_hash CHAR(64) PRIMARY KEY, value JSON CHECK (LENGTH(value) < %d)",
		}[format]
		s.query(t, "CREATE TABLE "+d.name+" ("+fmt.Sprintf(columns, maxBody)+") CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
		return d
	}
	usual := strings.TrimSpace(s.query(t, "SELECT @@GLOBAL.max_allowed_packet"))
	set := func(n string) { s.query(t, "SET GLOBAL max_allowed_packet = "+n) }
	set(strconv.Itoa(maxBody))
	t.Cleanup(func() { set(usual) })
	d.reading = func(read func()) { set(usual); read(); set(strconv.Itoa(maxBody)) }
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
	var out string
	d.reading(func() { out = d.query(t, "SELECT "+strings.Join(columns, ", ")+" FROM "+d.name) })
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

// sequencer is that of an event, or empty.
func sequencer(body string) string {
	_, rest, _ := strings.Cut(body, `"sequencer":`)
	hex, _, _ := strings.Cut(strings.TrimLeft(rest, ` "`), `"`)
	return hex
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

// suite is what the suites of both formats share.
func (s *server) suite(format string) targettest.Suite {
	note := "the server's max_allowed_packet"
	if s.name == "MariaDB" {
		note = "a constraint of the table's own: MariaDB takes long values in parts"
	}
	return targettest.Suite{
		Kind: mysql.Kind(), Name: s.name + ", format " + format, JSON: true, OneProcess: true,
		New:    func(*testing.T) targettest.Harness { return s.newTable(format) },
		Bodies: targettest.Bodies{Fits: maxBody - 8<<10, Over: maxBody, New: func(t *testing.T) targettest.Harness { return s.newSmall(t, format) }},
		Notes:  map[string]string{targettest.OverLimit: note},
	}
}

func testNamespace(t *testing.T, s *server) {
	suite := s.suite("namespace")
	suite.Rows = rows
	suite.Without = map[string]string{targettest.OrderOfKey: "a row shows the last event of its key"}
	for _, name := range []string{
		targettest.WrongCredentials, targettest.Missing, targettest.TLS, targettest.WrongCA, targettest.ClientCertificate, targettest.NoClientCert,
	} {
		suite.Without[name] = "the connection is that of the format access"
	}
	targettest.Run(t, suite)
}

func testAccess(t *testing.T, s *server) {
	s.query(t, fmt.Sprintf("CREATE USER bearer IDENTIFIED BY '%s' REQUIRE X509; GRANT ALL ON *.* TO bearer; CREATE DATABASE `My Events` CHARACTER SET latin1", brokertest.Password))
	suite := s.suite("access")
	suite.Variants = s.variants()
	targettest.Run(t, suite)
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
		{Name: "TLS", Case: targettest.TLS, New: set("dsn_string", s.dsn("?tls=true"), "cert_authority", c.CA)},
		{Name: "TLS not verified", New: set("dsn_string", s.dsn("?tls=skip-verify"))},
		{Name: "TLS preferred", New: set("dsn_string", s.dsn("?tls=preferred"))},
		{Name: "TLS without its CA", Case: targettest.WrongCA, New: set("dsn_string", s.dsn("?tls=true"), "cert_authority", c.OtherCA), WantErr: "certificate signed by unknown authority"},
		{Name: "TLS with client certificate", Case: targettest.ClientCertificate, New: set("dsn_string", bearer, "cert_authority", c.CA, "client_cert", c.ClientCert, "client_key", c.ClientKey)},
		{Name: "TLS without the client certificate", Case: targettest.NoClientCert, New: set("dsn_string", bearer, "cert_authority", c.CA), WantErr: "Access denied"},
		{Name: "deprecated keys", New: s.with(func(d *table) {
			delete(d.values, "dsn_string")
			d.values["host"], d.values["port"], d.values["database"] = host, port, s.Database
			d.values["username"], d.values["password"] = brokertest.Login, brokertest.Password
		})},
		{Name: "wrong password", Case: targettest.WrongCredentials, New: func(*testing.T) targettest.Harness {
			d := s.newTable("access")
			d.values["dsn_string"] = fmt.Sprintf("%s:wr0ng-s3cret@tcp(%s)/%s", brokertest.Login, s.Address, s.Database)
			d.secrets = []string{"wr0ng-s3cret"}
			return d
		}, WantErr: "Access denied"},
		{Name: "missing database", Case: targettest.Missing, New: set("dsn_string", strings.Replace(s.dsn(""), "/"+s.Database, "/nowhere", 1)), WantErr: "Unknown database"},
		{Name: "missing database of the table", Case: targettest.Missing, New: set("table", "nowhere.t"), WantErr: "Unknown database"},
		{Name: "database and table", New: s.with(func(d *table) { d.named(s.Database + ".plain") })},
		{Name: "quoted names, another character set", New: s.with(func(d *table) { d.named("`My Events`.`ev.ents`") })},
		{Name: "another character set in the DSN", New: set("dsn_string", s.dsn("?charset=latin1"))},
		{Name: "no limit of connections", New: set("max_open_connections", "0")},
		{Name: "one connection", New: set("max_open_connections", "1")},
	}
}
