package webhook

import "strings"

// upperHex are the digits of percent-encoding.
const upperHex = "0123456789ABCDEF"

// percentEncoded is the value of an attribute as a header has it (CloudEvents
// HTTP binding 1.0, 3.1.3.2): the bytes of UTF-8 that are not printable ASCII are
// encoded, and so are space, double quote and percent.
func percentEncoded(value string) string {
	var out strings.Builder
	for i := range len(value) {
		c := value[i]
		if c > ' ' && c < 0x7f && c != '"' && c != '%' {
			out.WriteByte(c)
			continue
		}
		out.Write([]byte{'%', upperHex[c>>4], upperHex[c&0xf]})
	}
	return out.String()
}
