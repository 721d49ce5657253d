package harness

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// Ports are taken from below the range from which systems give ports to
// outgoing connections: a server that was killed wants its port back, and no
// client may have got it in between.
const (
	firstPort = 10240
	lastPort  = 32000
)

// FreeAddress returns a loopback address on which nothing listens, and which no
// other test is given until this one has ended: tests of several packages run
// at the same time. The UDP port of the same number, which nothing else uses,
// is held as the sign of it.
func FreeAddress(t testing.TB) string {
	t.Helper()
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		reservation, err := net.ListenPacket("udp", address)
		if err != nil {
			continue
		}
		l, err := net.Listen("tcp", address)
		if err != nil {
			_ = reservation.Close()
			continue
		}
		_ = l.Close()
		t.Cleanup(func() { _ = reservation.Close() })
		return address
	}
	t.Fatal("no free port")
	return ""
}

func portOf(t testing.TB, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return port
}
