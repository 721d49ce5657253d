// Package crash kills the server under load and then compares what it had
// acknowledged with what it kept: objects and events.
//
// Each writer owns a small set of keys and does one thing at a time, so that
// the order of what it did to a key is known. A write whose answer never came
// is unsure: it may have happened or not, but its object and its event must
// agree.
//
// Every request carries a label of its own as its user agent, which the server
// writes into the request's events. So each event is known to be of one
// operation, sure or not, whatever the bytes are.
package crash

import (
	"fmt"
	"slices"
)

// kind is what an operation is, as clients name it.
type kind string

const (
	puts       kind = "put"
	deletes    kind = "delete"
	copies     kind = "copy"
	uploads    kind = "upload" // in parts, and completed
	deletesFew kind = "multidelete"
)

// kinds are all of them.
func kinds() []kind { return []kind{puts, deletes, copies, uploads, deletesFew} }

// event is the name of the event of an operation.
func (k kind) event() string {
	switch k {
	case copies:
		return "s3:ObjectCreated:Copy"
	case uploads:
		return "s3:ObjectCreated:CompleteMultipartUpload"
	case deletes, deletesFew:
		return "s3:ObjectRemoved:Delete"
	default:
		return "s3:ObjectCreated:Put"
	}
}

// content is what GET shows of a key; its zero value is an absent key.
type content struct {
	// mark is user metadata. An operation that gives metadata gives its label, so
	// that contents of the same bytes can be told apart.
	mark string
	// etag is the ETag, sum the MD5 of the bytes.
	etag, sum string
	size      int64
}

func (c content) String() string {
	if c == (content{}) {
		return "nothing"
	}
	return fmt.Sprintf("%d bytes of %q, etag %s, MD5 %s", c.size, c.mark, c.etag, c.sum)
}

// op is one thing that a writer did to a key.
type op struct {
	kind kind
	// label is the user agent of its requests.
	label string
	// shows is what GET shows if it happened.
	shows content
	// acked says that the server answered that it is done.
	acked bool
	// sent is how often it was asked for: a client that got no answer may ask
	// again, and then it may happen twice.
	sent int
}

// most is how many events an operation can have. An upload is completed once,
// however often that is asked for.
func (o op) most() int {
	if o.kind == uploads {
		return 1
	}
	return o.sent
}

func (o op) String() string {
	state := "unsure"
	if o.acked {
		state = "acknowledged"
	}
	return fmt.Sprintf("%s %s (%s): %s", o.kind, o.label, state, o.shows)
}

// history is what was done, by bucket/key, in order.
type history map[string][]op

// candidates returns the operations that may be the last that happened, if a
// key shows now: from the last acknowledged on. none says that it may be as if
// nothing was done.
func candidates(ops []op, now content) (of []int, none bool) {
	for i, o := range slices.Backward(ops) {
		if o.shows == now {
			of = append(of, i)
		}
		if o.acked {
			return of, false
		}
	}
	return of, now == content{}
}

// again tells how many writes had to be sent again.
func again(done history) string {
	repeated, unsure := 0, 0
	for _, ops := range done {
		for _, o := range ops {
			if o.sent > 1 {
				repeated++
			}
			if !o.acked {
				unsure++
			}
		}
	}
	return fmt.Sprintf("%d writes sent again, %d given up", repeated, unsure)
}
