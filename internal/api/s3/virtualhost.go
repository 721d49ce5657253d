package s3api

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

const (
	// maxHostBytes is the longest name that DNS has (RFC 1035, section 2.3.4).
	maxHostBytes = 253
	// serviceLabel and ownServiceLabel below a domain are the server itself: no
	// bucket can have such a name, and it is what many call the host.
	serviceLabel    = "minio"
	ownServiceLabel = "carillon"
)

// Domains are the domains below which a host names a bucket: virtual-host style
// ("Virtual hosting of general purpose buckets"). A nil *Domains has none.
type Domains struct {
	// suffixes are ".domain", the longest first: one may lie below another.
	suffixes []string
	// own are hosts below a domain that are the server and not a bucket.
	own []string
}

// NewDomains reads a comma-separated list of host names. own are names of the
// server that may lie below one of them. An empty list gives none.
func NewDomains(list string, own ...string) (*Domains, error) {
	d := &Domains{}
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		name := strings.TrimSuffix(strings.ToLower(item), ".")
		if err := checkDomain(name); err != nil {
			return nil, fmt.Errorf("%q %w", item, err)
		}
		d.suffixes = append(d.suffixes, "."+name)
		d.own = append(d.own, name, serviceLabel+"."+name, ownServiceLabel+"."+name)
	}
	if len(d.suffixes) == 0 {
		return nil, nil
	}
	slices.SortFunc(d.suffixes, func(a, b string) int { return len(b) - len(a) })
	for _, name := range own {
		d.own = append(d.own, strings.ToLower(name))
	}
	return d, nil
}

// checkDomain returns why a lower-case name is not that of a domain.
func checkDomain(name string) error {
	switch {
	case strings.Contains(name, "://"), strings.ContainsAny(name, ":/"):
		return errors.New("is not a host name: leave out scheme, port and path")
	case len(name) > maxHostBytes:
		return errors.New("is longer than a host name can be")
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return errors.New("is an address: buckets cannot be named below it")
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return errors.New("is not a host name")
		}
	}
	return nil
}

// Bucket returns the bucket that a request's Host names; empty if it names none:
// it is a domain itself, an address, or a name that we know nothing of, and the
// path names the bucket. The name may be one that no bucket can have.
func (d *Domains) Bucket(host string) string {
	if d == nil || len(host) > maxHostBytes+len(":65535") {
		return ""
	}
	if strings.IndexByte(host, ':') >= 0 {
		name, _, err := net.SplitHostPort(host)
		if err != nil {
			return "" // an IPv6 address without port
		}
		host = name
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if slices.Contains(d.own, host) {
		return ""
	}
	for _, suffix := range d.suffixes {
		if bucket, ok := strings.CutSuffix(host, suffix); ok {
			return bucket
		}
	}
	return ""
}
