package file

import (
	"strconv"
	"strings"

	"github.com/carillon-s3/carillon/internal/blob"
)

// id is a reference taken apart.
type id struct{ incarnation, counter uint64 }

func (i id) ref() blob.Ref {
	return blob.Ref(strconv.FormatUint(i.incarnation, 16) + "-" + strconv.FormatUint(i.counter, 16))
}

// folder is the name of the fan-out folder.
func (i id) folder() string { return folderName(byte(i.counter)) }

func folderName(b byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[b>>4], digits[b&15]})
}

// parseRef takes ref apart. Only the spelling that ref gives is one, so that a
// reference has one path and can't name another file.
func parseRef(ref blob.Ref) (id, bool) {
	first, second, _ := strings.Cut(string(ref), "-")
	incarnation, err1 := strconv.ParseUint(first, 16, 64)
	counter, err2 := strconv.ParseUint(second, 16, 64)
	i := id{incarnation, counter}
	return i, err1 == nil && err2 == nil && i.ref() == ref
}
