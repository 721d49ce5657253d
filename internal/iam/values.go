package iam

import (
	"net/http"
	"strconv"
	"time"
)

// GlobalValues are a request's values of a condition key that belongs to no
// service, from "AWS global condition context keys"; none if it has no such value.
// The name is in lower case. For an access key the user is its parent.
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
		if p.Anonymous() {
			return []string{"Anonymous"}
		}
		return []string{"User"}
	}
	return nil
}

// present is a value that may be missing.
func present(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}
