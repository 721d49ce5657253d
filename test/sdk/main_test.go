// Package sdk drives the built server with the S3 clients that people use, and
// with the tests that authors of clients wrote for servers.
package sdk

import (
	"os"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
