package harness

import (
	"net"
	"strconv"
	"testing"

	"github.com/carillon-s3/carillon/internal/brokertest"
)

// FreeAddress returns a loopback address on which nothing listens, and which no
// other test is given until this one has ended; see brokertest.FreePort.
func FreeAddress(t testing.TB) string {
	t.Helper()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(brokertest.FreePort(t)))
}

func portOf(t testing.TB, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return port
}
