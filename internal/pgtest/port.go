package pgtest

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports are taken from below the range from which systems give ports to
// outgoing connections: a server that was killed wants its port back.
const (
	firstPort = 10240
	lastPort  = 32000
)

// freeAddress returns a loopback address on which nothing listens. Until release
// is called, no other test is given it: the UDP port of the same number, which
// nothing else uses, is held as the sign of it.
func freeAddress() (address string, release func(), err error) {
	ctx, config := context.Background(), net.ListenConfig{}
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		reservation, err := config.ListenPacket(ctx, "udp", address)
		if err != nil {
			continue
		}
		l, err := config.Listen(ctx, "tcp", address)
		if err != nil {
			_ = reservation.Close()
			continue
		}
		_ = l.Close()
		return address, func() { _ = reservation.Close() }, nil
	}
	return "", nil, errors.New("no free port")
}
