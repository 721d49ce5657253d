package server

import (
	"fmt"
	"net"
	"strings"
)

// banner prints where the server answers and what a user needs to talk to it.
// The secret is shown to a person at a terminal, and anywhere while it is the
// default, which everybody knows.
func banner(c Config, set *settings, s *site, address net.Addr) {
	var b strings.Builder
	fmt.Fprintf(&b, "Carillon %s\n", Version())
	where := urls(set.scheme(), address)
	if set.publicURL != "" {
		where = []string{set.publicURL}
	}
	fmt.Fprintf(&b, "API: %s\n", strings.Join(where, " "))
	if set.defaultRoot || c.Terminal {
		fmt.Fprintf(&b, "RootUser: %s\nRootPass: %s\n", set.root.AccessKey, set.root.SecretKey)
	}
	if arns := s.dispatcher.ARNs(set.region); len(arns) > 0 {
		fmt.Fprintf(&b, "SQS ARNs: %s\n", strings.Join(arns, " "))
	}
	if c.Terminal {
		fmt.Fprintf(&b, "Client: mc alias set myminio %s %s %s\n", where[0], set.root.AccessKey, set.root.SecretKey)
	}
	_, _ = fmt.Fprint(c.Stdout, b.String()) // a closed standard output is no reason not to serve
	if set.defaultRoot {
		s.log.Warn("the root credential is the default, which everybody knows: set ROOT_USER and ROOT_PASSWORD")
	}
}

// urls are the addresses at which a listener can be reached, loopback first:
// all of the machine's IPv4 addresses if it listens on every interface.
func urls(scheme string, address net.Addr) []string {
	tcp, ok := address.(*net.TCPAddr)
	if !ok {
		return []string{scheme + "://" + address.String()}
	}
	if !tcp.IP.IsUnspecified() {
		return []string{scheme + "://" + tcp.String()}
	}
	out := []string{fmt.Sprintf("%s://127.0.0.1:%d", scheme, tcp.Port)}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return out
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
			out = append(out, fmt.Sprintf("%s://%s:%d", scheme, n.IP, tcp.Port))
		}
	}
	return out
}
