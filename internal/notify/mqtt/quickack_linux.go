package mqtt

import (
	"net"
	"syscall"
)

// quickAck is a connection that acknowledges what it read at once. A broker that
// leaves Nagle's algorithm on, as Mosquitto does, holds back every small answer
// until the one before is acknowledged, which a kernel delays by 40 ms: once per
// batch with qos=1, and for each few messages with qos=2.
type quickAck struct{ *net.TCPConn }

func (c quickAck) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	if raw, e := c.SyscallConn(); e == nil && n > 0 {
		// It is a hint, and holds for a few segments: hence at each Read. A failure
		// costs time and nothing else.
		_ = raw.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1) })
	}
	return n, err
}

func withQuickAck(conn net.Conn) net.Conn {
	if tcp, ok := conn.(*net.TCPConn); ok {
		return quickAck{tcp}
	}
	return conn
}
