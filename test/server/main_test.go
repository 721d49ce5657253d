// Package server looks at how the program starts, stops and refuses to.
package server

import (
	"os"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
