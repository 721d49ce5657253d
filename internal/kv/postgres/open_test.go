package postgres_test

import (
	"errors"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/kv/postgres"
)

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		sql  string
		want error
	}{
		{"a newer format", `UPDATE SCHEMA.store SET format = 99, min_reader = 99`, postgres.ErrNewerFormat},
		{"a store without its record", `DELETE FROM SCHEMA.store`, postgres.ErrNotAStore},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := fresh(t)
			s, err := postgres.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			execute(t, o.URL, strings.ReplaceAll(c.sql, "SCHEMA", o.Schema))
			if _, err := postgres.Open(t.Context(), o); !errors.Is(err, c.want) {
				t.Errorf("Open: %v; want %v", err, c.want)
			}
		})
	}
	t.Run("a server without fsync", func(t *testing.T) {
		t.Parallel()
		server := brokertest.StartPostgres(t, "fsync=off")
		if _, err := postgres.Open(t.Context(), postgres.Options{URL: server.URL()}); !errors.Is(err, postgres.ErrNotDurable) {
			t.Errorf("Open: %v; want ErrNotDurable", err)
		}
	})
}

// TestErrorsKeepThePassword wants no password in what Open says.
func TestErrorsKeepThePassword(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"postgres://user:hunter2@127.0.0.1:1/db?sslmode=disable",
		"postgres://user:hunter2@127.0.0.1:port/db",
		"host=127.0.0.1 port=1 user=user password=hunter2 sslmode=bad",
		"host=127.0.0.1 port=1 user=user password='hunter2",
	} {
		_, err := postgres.Open(t.Context(), postgres.Options{URL: url})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Open: %v", err)
		}
	}
}

// TestCloseEndsEveryGoroutine is not parallel, so that nothing else runs.
func TestCloseEndsEveryGoroutine(t *testing.T) { //nolint:paralleltest // see above
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	s, err := postgres.Open(t.Context(), fresh(t))
	if err != nil {
		t.Fatal(err)
	}
	stop := s.Watch(func([]kv.Head) {})
	defer stop()
	persist(t, s, entryWithRecord("k"))
	v, err := s.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := sequenceUnder(t, v, "k"); got != 1 {
		t.Errorf("read %d", got)
	}
	v.Close()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
