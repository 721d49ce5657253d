package certs

import (
	"crypto/sha256"
	"errors"
)

// stamp tells one content from another, or one failure to read from another.
type stamp [sha256.Size]byte

func stampOf(content []byte, err error) stamp {
	if err != nil {
		content = []byte("unreadable: " + err.Error())
	}
	return sha256.Sum256(content)
}

// errUnchanged says that there is nothing new to use or to log.
var errUnchanged = errors.New("certs: unchanged")

// file is what was last made of some content. A content of which nothing can be
// made leaves that in use.
type file[T any] struct {
	good, bad stamp
	value     T
}

// take makes the value of content, unless it is the present one, or one that
// failed before: errUnchanged. Any other error is a new one.
func (f *file[T]) take(content []byte, err error, parse func([]byte) (T, error)) error {
	now := stampOf(content, err)
	switch now {
	case f.good:
		f.bad = stamp{} // the failure is over; the next one is news
		return errUnchanged
	case f.bad:
		return errUnchanged
	}
	var value T
	if err == nil {
		value, err = parse(content)
	}
	if err != nil {
		f.bad = now
		return err
	}
	f.good, f.bad, f.value = now, stamp{}, value
	return nil
}

// loaded reports whether there is a value.
func (f *file[T]) loaded() bool { return f.good != stamp{} }
