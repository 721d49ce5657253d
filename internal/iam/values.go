package iam

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// GlobalValues are a request's values of a condition key that belongs to no
// service, from "AWS global condition context keys"; none if it has no such value.
// The name is in lower case. For an access key or a session the user is its
// parent; the values of jwt: are the claims of a web identity, as MinIO has them.
func GlobalValues(r *http.Request, p Principal, sourceIP string, now time.Time, name string) []string {
	switch name {
	case "aws:sourceip":
		return []string{sourceIP}
	case "aws:useragent":
		return present(r.UserAgent())
	case "aws:referer":
		return present(r.Referer())
	case "aws:securetransport":
		return []string{strconv.FormatBool(r.TLS != nil)}
	case "aws:currenttime":
		return []string{now.UTC().Format(time.RFC3339)}
	case "aws:epochtime":
		return []string{strconv.FormatInt(now.Unix(), 10)}
	case "aws:username", "aws:userid":
		return present(p.User)
	case "aws:principaltype":
		return []string{p.sort()}
	case "aws:groups":
		return p.groups()
	}
	if claim, ok := strings.CutPrefix(name, "jwt:"); ok && p.grants != nil {
		return p.grants.claims[claim]
	}
	return nil
}

// sort is what aws:PrincipalType says of a principal.
func (p Principal) sort() string {
	switch {
	case p.Anonymous():
		return "Anonymous"
	case p.Temporary:
		return "AssumedRole"
	case p.Owner:
		return "Account"
	}
	return "User"
}

func (p Principal) groups() []string {
	if p.grants == nil {
		return nil
	}
	return p.grants.groups
}

// present is a value that may be missing.
func present(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}
