package config

import (
	"context"
	"strings"
)

// Import sets what an export holds. Lines of sub-systems that this server does
// not know, such as MinIO's own, are skipped and named in skipped; lines
// without keys, which an export has for instances of the environment, say
// nothing. Errors and durability are as with Set.
func (s *Store) Import(ctx context.Context, text string) (changed []Instance, skipped []string, err error) {
	var known strings.Builder
	next := 1
	eachLine(text, func(number int, line string) {
		head, _ := cutSpace(line)
		name, _, _ := splitHead(head)
		if s.opts.Registry.find(name) == nil {
			skipped = append(skipped, head)
			return
		}
		for ; next < number; next++ { // keep the numbers of lines for errors
			known.WriteByte('\n')
		}
		known.WriteString(line)
	})
	changed, err = s.setLines(ctx, known.String(), text, true)
	return changed, skipped, err
}
