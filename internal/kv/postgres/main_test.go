package postgres_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/carillon-s3/carillon/internal/kv/postgres"
	"github.com/carillon-s3/carillon/internal/pgtest"
)

// shared is the server of the tests that do not end one. Each of its stores is
// in a schema of its own.
var shared *pgtest.Server

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if code, is := child(); is {
		return code
	}
	var err error
	if shared, err = pgtest.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := shared.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
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

// ownServer starts a server for one test, which may end it.
func ownServer(t testing.TB) *pgtest.Server {
	t.Helper()
	s, err := pgtest.Start()
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
