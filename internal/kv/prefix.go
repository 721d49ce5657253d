package kv

import "bytes"

// PrefixEnd is the smallest key greater than all that start with prefix: the End
// of a Range that visits exactly those. It is nil, the end of the map, if prefix
// is empty or all 0xff.
func PrefixEnd(prefix []byte) []byte {
	end := bytes.Clone(bytes.TrimRight(prefix, "\xff"))
	if len(end) == 0 {
		return nil
	}
	end[len(end)-1]++
	return end
}
