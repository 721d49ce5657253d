package postgres_test

import (
	"testing"

	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/kv/kvtest"
	"github.com/carillon-s3/carillon/internal/kv/postgres"
)

func TestContract(t *testing.T) {
	t.Parallel()
	kvtest.Run(t, func(t *testing.T) kv.Store { return open(t, fresh(t)) })
}

func TestPersistence(t *testing.T) {
	t.Parallel()
	kvtest.RunPersistent(t, func(t *testing.T) kvtest.Reopen {
		o := fresh(t)
		return func() (kv.Store, error) { return postgres.Open(t.Context(), o) }
	})
}
