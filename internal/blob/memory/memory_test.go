package memory_test

import (
	"testing"

	"github.com/carillon-s3/carillon/internal/blob"
	"github.com/carillon-s3/carillon/internal/blob/blobtest"
	"github.com/carillon-s3/carillon/internal/blob/memory"
)

func TestContract(t *testing.T) {
	blobtest.Run(t, func(*testing.T) blob.Store { return memory.New(7) })
}
