package iam

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// maxForwards bounds the addresses that are read from X-Forwarded-For.
const maxForwards = 32

// SourceIP is the address of the client, without port. X-Forwarded-For is read
// from its end for as long as those who wrote it are trusted.
func SourceIP(r *http.Request, trusted []netip.Prefix) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	if len(trusted) == 0 {
		return host
	}
	addr, err := netip.ParseAddr(host)
	if err != nil || !contains(trusted, addr) {
		return host
	}
	hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for n := 0; n < maxForwards && n < len(hops); n++ {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[len(hops)-1-n]))
		if err != nil {
			break
		}
		addr = hop.Unmap()
		if !contains(trusted, addr) {
			break
		}
	}
	return addr.String()
}

func contains(prefixes []netip.Prefix, addr netip.Addr) bool {
	addr = addr.Unmap()
	for _, p := range prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
