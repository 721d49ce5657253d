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

func startServer(t *testing.T) *server { return &server{Postgres: brokertest.StartPostgres(t)} }

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

func TestSuiteNamespace(t *testing.T) {
	s := startServer(t)
	targettest.Run(t, targettest.Suite{
		Kind: postgres.Kind(), JSON: true, Rows: rows,
		New: func(*testing.T) targettest.Harness { return s.newTable("namespace") },
	})
}

func TestSuiteAccess(t *testing.T) {
	s := startServer(t)
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
	targettest.Run(t, targettest.Suite{
		Kind: postgres.Kind(), JSON: true,
		New: func(*testing.T) targettest.Harness { return s.newTable("access") },
		Variants: []targettest.Variant{
			{Name: "TLS", New: connect(s.url("?sslmode=verify-full&sslrootcert=" + certs.CA))},
			{Name: "TLS verified by authority alone", New: connect(s.url("?sslmode=verify-ca&sslrootcert=" + certs.CA))},
			{Name: "TLS without its CA", New: connect(s.url("?sslmode=verify-full&sslrootcert=" + certs.OtherCA)), WantErr: "certificate signed by unknown authority"},
			{Name: "TLS with client certificate", New: connect(s.certURL("?sslmode=verify-full&sslrootcert=" + certs.CA + "&sslcert=" + certs.ClientCert + "&sslkey=" + certs.ClientKey))},
			{Name: "TLS without the client certificate", New: connect(s.certURL("?sslmode=verify-full&sslrootcert=" + certs.CA)), WantErr: "requires a valid client certificate"},
			{Name: "no TLS where it is demanded", New: connect(s.certURL("?sslmode=disable")), WantErr: "no encryption"},
			{Name: "keys and values", New: connect(fmt.Sprintf("host=127.0.0.1 port=%s username=%s password='%s' database=%s sslmode=disable",
				portOf(s.Address), brokertest.Login, brokertest.Password, s.Database))},
			{Name: "deprecated keys", New: with(func(d *table) {
				delete(d.values, "connection_string")
				d.values["host"], d.values["port"], d.values["database"] = "127.0.0.1", portOf(s.Address), s.Database
				d.values["username"], d.values["password"] = brokertest.Login, brokertest.Password
			})},
			{Name: "wrong password", New: func(*testing.T) targettest.Harness {
				d := s.newTable("access")
				d.values["connection_string"] = fmt.Sprintf("postgres://%s:wr0ng-s3cret@%s/%s", brokertest.Login, s.Address, s.Database)
				d.secrets = []string{"wr0ng-s3cret"}
				return d
			}, WantErr: "password authentication failed"},
			{Name: "missing database", New: connect(fmt.Sprintf("postgres://%s:%s@%s/nowhere", brokertest.Login, brokertest.Password, s.Address)), WantErr: `database "nowhere" does not exist`},
			{Name: "missing schema", New: with(func(d *table) { d.values["table"] = "nowhere.t" }), WantErr: `schema "nowhere" does not exist`},
			{Name: "schema and table", New: with(func(d *table) { d.name = `public.Plain`; d.values["table"] = d.name })},
			{Name: "quoted schema and table", New: with(func(d *table) { d.name = `"My Schema"."Ev.ents"`; d.values["table"] = d.name })},
			{Name: "no limit of connections", New: with(func(d *table) { d.values["max_open_connections"] = "0" })},
			{Name: "one connection", New: with(func(d *table) { d.values["max_open_connections"] = "1" })},
		},
	})
}
