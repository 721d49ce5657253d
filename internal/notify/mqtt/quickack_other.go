//go:build !linux

package mqtt

import "net"

// withQuickAck does nothing where the kernel cannot be asked for it.
func withQuickAck(conn net.Conn) net.Conn { return conn }
