package cors

import (
	"fmt"
	"slices"
	"strings"
)

// Origins are those whose programs may talk to buckets that have no rules of their
// own: a setting of MinIO's for the whole server. Each may have one *, which stands
// for any text.
type Origins []string

// ParseOrigins reads a comma-separated list.
func ParseOrigins(list string) (Origins, error) {
	var out Origins
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		if strings.Count(item, "*") > 1 {
			return nil, fmt.Errorf("%q has more than one *", item)
		}
		if item != "" {
			out = append(out, item)
		}
	}
	return out, nil
}

// Allow reports whether an origin is one of them.
func (o Origins) Allow(origin string) bool {
	return origin != "" && slices.ContainsFunc(o, func(p string) bool { return fits(p, origin) })
}
