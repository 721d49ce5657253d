package postgres_test

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"sync/atomic"
	"testing"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/internal/notify/postgres"
	"github.com/carillon-s3/carillon/internal/notify/target/targettest"
)

// server is a PostgreSQL server that tests share, each with a table of its own.
type server struct {
	*brokertest.Postgres
	tables atomic.Int64
}

func TestMain(m *testing.M) { targettest.Main(m, postgres.Kind()) }

// TestPostgres runs all tests on one server: to make and start it takes seconds.
func TestPostgres(t *testing.T) {
	s := &server{Postgres: brokertest.StartPostgres(t)}
	for name, test := range map[string]func(*testing.T, *server){
		"access":                 testAccess,
		"namespace":              testNamespace,
		"tables that exist":      testTablesThatExist,
		"rows of MinIO":          testRowsOfMinIO,
		"idle connection ends":   testIdleConnectionEnds,
		"prune":                  testPrune,
		"two writers":            testTwoWriters,
		"event that comes again": testEventThatComesAgain,
		"refused data":           testRefusedData,
		"commits are flushed":    testCommitsAreFlushed,
		"column of the page":     testColumnOfThePage,
	} {
		t.Run(name, func(t *testing.T) { test(t, s) })
	}
}

// url is how the target reaches the server.
func (s *server) url(options string) string {
	return fmt.Sprintf("postgres://%s:%s@%s/%s%s", brokertest.Login, brokertest.Password, s.Address, s.Database, options)
}

// psql runs a statement with the database's own client and returns what it
// prints.
func (s *server) psql(t *testing.T, sql string) string {
	t.Helper()
	cmd := exec.Command("psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", s.url("?sslmode=disable"), "-c", sql)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("psql: %v\n%s\n%s", err, sql, out)
	}
	return string(out)
}

// certRole is a user who must show a client certificate beside the password.
const certRole = "bearer"

func (s *server) demandCertificate(t *testing.T) {
	t.Helper()
	s.psql(t, fmt.Sprintf(`CREATE ROLE %[1]s LOGIN SUPERUSER PASSWORD '%[2]s';
DO $$ BEGIN EXECUTE format('COPY (SELECT unnest(string_to_array(%%L, chr(10)))) TO %%L',
	E'hostssl all %[1]s 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\nhost all %[1]s 127.0.0.1/32 reject\n' || pg_read_file(current_setting('hba_file')),
	current_setting('hba_file')); END $$`, certRole, brokertest.Password))
	s.psql(t, "SELECT pg_reload_conf()")
}

func (s *server) certURL(options string) string {
	return fmt.Sprintf("postgres://%s:%s@%s/%s%s", certRole, brokertest.Password, s.Address, s.Database, options)
}

// table is one test's.
type table struct {
	*server
	name    string
	values  map[string]string
	secrets []string
}

// newTable makes settings for a table that does not exist.
func (s *server) newTable(format string) *table {
	t := &table{server: s, name: fmt.Sprintf("events%d", s.tables.Add(1)), secrets: []string{brokertest.Password}}
	t.values = map[string]string{"format": format, "table": t.name, "connection_string": s.url("?sslmode=disable")}
	return t
}

func (d *table) Values() map[string]string { return d.values }
func (d *table) Secrets() []string         { return d.secrets }
func (d *table) Kill(*testing.T)           { d.Process.Kill() }
func (d *table) Start(*testing.T)          { d.Process.Start() }
func (d *table) Freeze(*testing.T)         { d.Process.Freeze() }
func (d *table) Thaw(*testing.T)           { d.Process.Thaw() }

// query returns the JSON array that an expression makes of the table's rows.
func (d *table) query(t *testing.T, expression string, rows any) {
	t.Helper()
	if d.psql(t, fmt.Sprintf("SELECT to_regclass('%s') IS NULL", d.name)) == "t\n" {
		return
	}
	text := d.psql(t, fmt.Sprintf("SELECT coalesce(json_agg(%s), '[]') FROM %s AS r", expression, d.name))
	if err := json.Unmarshal([]byte(text), rows); err != nil {
		t.Fatalf("rows: %v\n%s", err, text)
	}
}

// Received lists rows in the order in which they were written.
func (d *table) Received(t *testing.T) []targettest.Received {
	t.Helper()
	if d.values["format"] == "namespace" {
		var out []targettest.Received
		for _, body := range d.rows(t) {
			out = append(out, targettest.Received{Body: body})
		}
		return out
	}
	var rows []struct {
		ID   string          `json:"event_id"`
		Data json.RawMessage `json:"event_data"`
	}
	d.query(t, "r ORDER BY ctid", &rows)
	out := make([]targettest.Received, len(rows))
	for i, r := range rows {
		out[i] = targettest.Received{ID: r.ID, Body: string(r.Data)}
	}
	return out
}

// rows are those of a mirror.
func (d *table) rows(t *testing.T) map[string]string {
	t.Helper()
	var rows []struct {
		Key   string          `json:"key"`
		Value json.RawMessage `json:"value"`
	}
	d.query(t, "r", &rows)
	out := make(map[string]string)
	for _, r := range rows {
		out[r.Key] = string(r.Value)
	}
	return out
}

func rows(t *testing.T, h targettest.Harness) map[string]string { return h.(*table).rows(t) }

// maxBody is the limit of newSmall: PostgreSQL's own, 256 MiB for a jsonb, is much
// to send in a test.
const maxBody = 1 << 20

// newSmall is newTable with a constraint on bodies. A jsonb as text has other
// spaces than the body.
func (s *server) newSmall(t *testing.T, format string) *table {
	t.Helper()
	d := s.newTable(format)
	columns := map[string]string{
		"access":    "event_time TIMESTAMPTZ NOT NULL, event_data JSONB CHECK (length(event_data::text) < %d), event_id VARCHAR PRIMARY KEY",
		"namespace": "key VARCHAR PRIMARY KEY, value JSONB CHECK (length(value::text) < %d)",
	}[format]
	s.psql(t, "CREATE TABLE "+d.name+" ("+fmt.Sprintf(columns, maxBody)+")")
	return d
}

// suite is what the suites of both formats share.
func (s *server) suite(format string) targettest.Suite {
	return targettest.Suite{
		Kind: postgres.Kind(), Name: "format " + format, JSON: true, OneProcess: true,
		New:    func(*testing.T) targettest.Harness { return s.newTable(format) },
		Bodies: targettest.Bodies{Fits: maxBody - 4<<10, Over: maxBody, New: func(t *testing.T) targettest.Harness { return s.newSmall(t, format) }},
		Notes: map[string]string{
			targettest.OverLimit: "a constraint of the table's own, as PostgreSQL takes 256 MiB",
		},
	}
}

func testNamespace(t *testing.T, s *server) {
	suite := s.suite("namespace")
	suite.Rows = rows
	suite.RefusesNUL = true
	suite.Notes[targettest.NULKey] = "a text of PostgreSQL holds no NUL: the event is refused for good"
	suite.Without = map[string]string{targettest.OrderOfKey: "a row shows the last event of its key"}
	for _, name := range []string{
		targettest.WrongCredentials, targettest.Missing, targettest.TLS, targettest.WrongCA, targettest.ClientCertificate, targettest.NoClientCert,
	} {
		suite.Without[name] = "the connection is that of the format access"
	}
	targettest.Run(t, suite)
}

func testAccess(t *testing.T, s *server) {
	with := func(change func(*table)) func(*testing.T) targettest.Harness {
		return func(*testing.T) targettest.Harness {
			d := s.newTable("access")
			change(d)
			return d
		}
	}
	connect := func(text string) func(*testing.T) targettest.Harness {
		return with(func(d *table) { d.values["connection_string"] = text })
	}
	s.demandCertificate(t)
	s.psql(t, "CREATE SCHEMA \"My Schema\"")
	certs := s.Certs
	suite := s.suite("access")
	suite.Variants = []targettest.Variant{
		{Name: "TLS", Case: targettest.TLS, New: connect(s.url("?sslmode=verify-full&sslrootcert=" + certs.CA))},
		{Name: "TLS verified by authority alone", New: connect(s.url("?sslmode=verify-ca&sslrootcert=" + certs.CA))},
		{Name: "TLS without its CA", Case: targettest.WrongCA, New: connect(s.url("?sslmode=verify-full&sslrootcert=" + certs.OtherCA)), WantErr: "certificate signed by unknown authority"},
		{Name: "TLS with client certificate", Case: targettest.ClientCertificate, New: connect(s.certURL("?sslmode=verify-full&sslrootcert=" + certs.CA + "&sslcert=" + certs.ClientCert + "&sslkey=" + certs.ClientKey))},
		{Name: "TLS without the client certificate", Case: targettest.NoClientCert, New: connect(s.certURL("?sslmode=verify-full&sslrootcert=" + certs.CA)), WantErr: "requires a valid client certificate"},
		{Name: "no TLS where it is demanded", New: connect(s.certURL("?sslmode=disable")), WantErr: "no encryption"},
		{Name: "keys and values", New: connect(fmt.Sprintf("host=127.0.0.1 port=%s username=%s password='%s' database=%s sslmode=disable",
			portOf(s.Address), brokertest.Login, brokertest.Password, s.Database))},
		{Name: "deprecated keys", New: with(func(d *table) {
			delete(d.values, "connection_string")
			d.values["host"], d.values["port"], d.values["database"] = "127.0.0.1", portOf(s.Address), s.Database
			d.values["username"], d.values["password"] = brokertest.Login, brokertest.Password
		})},
		{Name: "wrong password", Case: targettest.WrongCredentials, New: func(*testing.T) targettest.Harness {
			d := s.newTable("access")
			d.values["connection_string"] = fmt.Sprintf("postgres://%s:wr0ng-s3cret@%s/%s", brokertest.Login, s.Address, s.Database)
			d.secrets = []string{"wr0ng-s3cret"}
			return d
		}, WantErr: "password authentication failed"},
		{Name: "missing database", Case: targettest.Missing, New: connect(fmt.Sprintf("postgres://%s:%s@%s/nowhere", brokertest.Login, brokertest.Password, s.Address)), WantErr: `database "nowhere" does not exist`},
		{Name: "missing schema", Case: targettest.Missing, New: with(func(d *table) { d.values["table"] = "nowhere.t" }), WantErr: `schema "nowhere" does not exist`},
		{Name: "schema and table", New: with(func(d *table) { d.name = `public.Plain`; d.values["table"] = d.name })},
		{Name: "quoted schema and table", New: with(func(d *table) { d.name = `"My Schema"."Ev.ents"`; d.values["table"] = d.name })},
		{Name: "no limit of connections", New: with(func(d *table) { d.values["max_open_connections"] = "0" })},
		{Name: "one connection", New: with(func(d *table) { d.values["max_open_connections"] = "1" })},
	}
	targettest.Run(t, suite)
}
