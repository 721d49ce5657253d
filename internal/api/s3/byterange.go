package s3api

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/carillon-s3/carillon/internal/object"
	"github.com/carillon-s3/carillon/internal/s3"
)

// byteRange is the part of an object that is answered with.
type byteRange struct {
	status         int
	offset, length int64
}

func (b byteRange) contentRange(size int64) string {
	return "bytes " + strconv.FormatInt(b.offset, 10) + "-" + strconv.FormatInt(b.offset+b.length-1, 10) +
		"/" + strconv.FormatInt(size, 10)
}

// requestedRange reads Range and partNumber. What is not one well-formed range
// of bytes is ignored, as RFC 9110, section 14.2, says.
func requestedRange(r *request, info object.Info) (byteRange, error) {
	whole := byteRange{http.StatusOK, 0, info.Size}
	value := r.head("Range")
	if r.has("partNumber") {
		if value != "" {
			return whole, errInvalidRequest.says("Cannot specify both Range header and partNumber query parameter")
		}
		n, err := partNumber(r)
		if err != nil {
			return whole, err
		}
		return numberedPart(n, whole, info)
	}
	if value == "" || !rangeStillValid(r, info) {
		return whole, nil
	}
	part, known, ok := parseRange(value, info.Size)
	switch {
	case !known:
		return whole, nil
	case !ok:
		return whole, &apiError{code: errInvalidRange, extra: []element{
			{"ActualObjectSize", strconv.FormatInt(info.Size, 10)},
			{"RangeRequested", value},
		}}
	}
	return part, nil
}

// numberedPart answers partNumber. An object that was put whole has one part.
func numberedPart(n int, whole byteRange, info object.Info) (byteRange, error) {
	if n > max(info.Parts, 1) {
		return whole, errInvalidPartNumber
	}
	if info.Part != nil {
		whole.offset, whole.length = info.Part.Offset, info.Part.Length
	}
	if whole.length > 0 {
		whole.status = http.StatusPartialContent
	}
	return whole, nil
}

// partNumber reads the parameter of that name.
func partNumber(r *request) (int, error) {
	n, err := strconv.Atoi(r.query.Get("partNumber"))
	if err != nil || n < 1 || n > s3.MaxParts {
		return 0, errInvalidArgument.says("Part number must be an integer between 1 and 10000, inclusive")
	}
	return n, nil
}

// rangeStillValid applies If-Range: a client that has the beginning of another
// version wants the whole of this one.
func rangeStillValid(r *request, info object.Info) bool {
	v := strings.TrimSpace(r.head("If-Range"))
	if v == "" {
		return true
	}
	if t, err := http.ParseTime(v); err == nil {
		return info.Modified.Truncate(time.Second).Equal(t)
	}
	return strings.Trim(v, `"`) == info.ETag
}

// parseRange reads a Range header against the size of an object. known says that
// it is one range of bytes, ok that the object has some of them.
func parseRange(value string, size int64) (part byteRange, known, ok bool) {
	spec, isBytes := strings.CutPrefix(value, "bytes=")
	if !isBytes {
		return part, false, false
	}
	from, to, isRange := strings.Cut(strings.TrimSpace(spec), "-")
	if !isRange {
		return part, false, false
	}
	part.status = http.StatusPartialContent
	if from == "" { // the last bytes
		n, isNumber := parsePosition(to)
		if !isNumber {
			return part, false, false
		}
		part.length = min(n, size)
		part.offset = size - part.length
		return part, true, part.length > 0
	}
	first, isNumber := parsePosition(from)
	if !isNumber {
		return part, false, false
	}
	last := size - 1
	if to != "" {
		n, isNumber := parsePosition(to)
		if !isNumber || n < first {
			return part, false, false
		}
		last = min(n, last)
	}
	part.offset, part.length = first, last-first+1
	return part, true, first < size
}

// parsePosition reads decimal digits, and takes those beyond 63 bits for the
// largest number: they are past the end of everything.
func parsePosition(s string) (int64, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 1<<63 - 1, true
	}
	return n, true
}
