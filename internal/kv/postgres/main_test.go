package postgres_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/internal/kv/postgres"
)

// shared is the server of the tests that do not end one. Each of its stores is
// in a schema of its own.
var shared *brokertest.Postgres

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if code, is := child(); is {
		return code
	}
	var w whole
	defer w.end()
	shared = brokertest.StartPostgres(&w, "max_connections=300")
	return m.Run()
}

// whole is the run of all tests, in the role of a test that starts a server.
type whole struct{ cleanups []func() }

// Helper implements brokertest.T.
func (w *whole) Helper() {}

// Cleanup implements brokertest.T.
func (w *whole) Cleanup(f func()) { w.cleanups = append(w.cleanups, f) }

// Fatalf implements brokertest.T.
func (w *whole) Fatalf(format string, args ...any) {
	w.Logf(format, args...)
	w.end()
	os.Exit(1)
}

// Logf implements brokertest.T.
func (w *whole) Logf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

func (w *whole) end() {
	for len(w.cleanups) > 0 {
		last := len(w.cleanups) - 1
		f := w.cleanups[last]
		w.cleanups = w.cleanups[:last]
		f()
	}
}

// fresh are the options of a new store on the shared server.
func fresh(t testing.TB) postgres.Options {
	t.Helper()
	schema := fmt.Sprintf("test_%016x", rand.Uint64())
	return postgres.Options{URL: shared.URL(), Schema: schema, Views: 8, Readers: 8}
}

// open opens a store, and closes it when the test ends.
func open(t testing.TB, o postgres.Options) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// execute runs SQL as the server's superuser.
func execute(t testing.TB, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}
