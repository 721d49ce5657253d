package s3api

import (
	"net/http"
	"strings"
	"time"

	"github.com/carillon-s3/carillon/internal/object"
)

// checkConditions applies the conditional headers of GET and HEAD in the order
// of RFC 9110, section 13.2.2, which is S3's: If-Match beats
// If-Unmodified-Since, If-None-Match beats If-Modified-Since.
func checkConditions(r *request, info object.Info) error {
	return conditional(r, info, "")
}

// checkSourceConditions applies x-amz-copy-source-if-* to the source of a copy
// ("CopyObject"): the same order, and any that fails is 412.
func checkSourceConditions(r *request, source object.Info) error {
	if err := conditional(r, source, headerCopySource+"-"); err != nil {
		return errPreconditionFailed
	}
	return nil
}

// conditional applies the conditional headers whose names begin with prefix.
func conditional(r *request, info object.Info, prefix string) error {
	if v := r.head(prefix + "If-Match"); v != "" {
		if !etagListed(v, info.ETag) {
			return errPreconditionFailed
		}
	} else if t, ok := since(r, prefix+"If-Unmodified-Since"); ok && info.Modified.Truncate(time.Second).After(t) {
		return errPreconditionFailed
	}
	if v := r.head(prefix + "If-None-Match"); v != "" {
		if etagListed(v, info.ETag) {
			return errNotModified
		}
	} else if t, ok := since(r, prefix+"If-Modified-Since"); ok && !info.Modified.Truncate(time.Second).After(t) {
		return errNotModified
	}
	return nil
}

// since reads a date header; one that cannot be read is as if it were not there.
func since(r *request, name string) (time.Time, bool) {
	v := r.head(name)
	if v == "" {
		return time.Time{}, false
	}
	t, err := http.ParseTime(v)
	return t, err == nil
}

// etagListed reports whether a list of ETags has this one. S3 clients leave the
// quotes out at times.
func etagListed(list, etag string) bool {
	for part := range strings.SplitSeq(list, ",") {
		part = strings.TrimPrefix(strings.TrimSpace(part), "W/")
		if part == "*" || strings.Trim(part, `"`) == etag {
			return true
		}
	}
	return false
}
