package brokertest

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"time"
)

// The ports that tests listen on. A broker that was killed wants its port back,
// so they are kept clear of those that the system gives to outgoing connections:
// another process may have got one of these meanwhile.
const (
	firstPort = 10240
	lastPort  = 32000
	// fewPorts are enough for all tests that run at once.
	fewPorts = 1000
)

// ports returns the range from which ports are chosen, both ends included.
func ports(outgoing string) (first, last int) {
	var low, high int
	if n, err := fmt.Sscan(outgoing, &low, &high); n < 2 || err != nil {
		return firstPort, lastPort // other systems give ports from 49152 on
	}
	switch {
	case low-firstPort >= fewPorts:
		return firstPort, min(lastPort, low-1)
	case 65536-high >= fewPorts:
		return high + 1, 65535
	case low-1024 >= fewPorts:
		return 1024, low - 1
	}
	return firstPort, lastPort
}

// FreePort returns a loopback port on which nothing listens, and which no other
// test is given until this one has ended: tests of several packages run at the
// same time. The UDP port of the same number, which nothing else uses, is held
// as the sign of it.
func FreePort(t T) int {
	t.Helper()
	outgoing, _ := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range") // only Linux has it
	first, last := ports(string(outgoing))
	for range 1000 {
		port := first + rand.IntN(last-first+1)
		reservation, err := net.ListenPacket("udp", address(port))
		if err != nil {
			continue
		}
		l, err := net.Listen("tcp", address(port))
		if err != nil {
			_ = reservation.Close()
			continue
		}
		_ = l.Close()
		t.Cleanup(func() { _ = reservation.Close() })
		return port
	}
	t.Fatalf("no free port")
	return 0
}

// address is a loopback address.
func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// answers connects, sends a greeting and wants to read at least n bytes.
func answers(ctx context.Context, address, greeting string, n int) error {
	_, err := exchange(ctx, address, greeting, n)
	return err
}

// greets connects, sends a greeting and wants the answer to begin with want.
func greets(ctx context.Context, address, greeting, want string) error {
	got, err := exchange(ctx, address, greeting, len(want))
	if err == nil && string(got) != want {
		err = fmt.Errorf("it answers %q, not %q", got, want)
	}
	return err
}

// greetTimeout bounds one such exchange: a broker that has just begun to listen
// may take a connection and never answer on it.
const greetTimeout = 3 * time.Second

func exchange(ctx context.Context, address, greeting string, n int) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, greetTimeout)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }() // it was read
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	if _, err := c.Write([]byte(greeting)); err != nil {
		return nil, err
	}
	got := make([]byte, n)
	_, err = io.ReadFull(c, got)
	return got, err
}
