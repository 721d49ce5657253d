package telemetry

import (
	"fmt"
	"strings"
)

// Table renders the definitions of a group as a table of docs/metrics.md.
func Table(all []Definition, g Group) string {
	var b strings.Builder
	b.WriteString("| name | type | labels | meaning |\n|---|---|---|---|\n")
	for _, d := range all {
		if d.Group != g {
			continue
		}
		labels := make([]string, len(d.Labels))
		for i, l := range d.Labels {
			labels[i] = "`" + l + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", d.Name, d.Kind, strings.Join(labels, " "), d.Help)
	}
	return b.String()
}
