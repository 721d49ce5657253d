// Package crash kills the server under load and then compares what it had
// acknowledged with what it kept: objects and events.
//
// Each writer owns a small set of keys and does one thing at a time, so that
// the order of what it did to a key is known. A write whose answer never came
// is unsure: it may have happened or not, but its object and its event must
// agree.
package crash

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
)

// op is one thing that a writer did to a key.
type op struct {
	// etag is that of the body put; empty for a delete.
	etag string
	size int64
	// acked says that the server answered that it is done.
	acked bool
}

func (o op) String() string {
	verb, state := "put "+o.etag, "unsure"
	if o.etag == "" {
		verb = "delete"
	}
	if o.acked {
		state = "acknowledged"
	}
	return verb + " (" + state + ")"
}

// history is what was done, by bucket/key, in order.
type history map[string][]op

// acknowledged counts the operations that were answered.
func (h history) acknowledged() int {
	n := 0
	for _, ops := range h {
		for _, o := range ops {
			if o.acked {
				n++
			}
		}
	}
	return n
}

// seen is one delivery of an event, in the order of arrival.
type seen struct {
	key, name, etag string
	size            int64
	sequencer       string
	// id is the webhook-id; empty if the server sends none.
	id string
}

func (s seen) removed() bool { return s.name == "s3:ObjectRemoved:Delete" }

// identity tells events apart: by their id or, without one, by what makes a
// mutation unique.
func (s seen) identity() string {
	if s.id != "" {
		return s.id
	}
	return s.mutation()
}

// mutation is what the body says of which mutation this is.
func (s seen) mutation() string {
	return s.key + "\x00" + s.sequencer + "\x00" + s.name + "\x00" + s.etag
}

// Sizes of bodies: most are small enough to be stored beside their metadata,
// the others are files of their own.
const (
	smallBytes = 512
	largeBytes = 33 << 10
	largeEvery = 5
)

// body makes contents that no other operation has.
func body(random *rand.Rand, key string, n int) []byte {
	size := 1 + random.IntN(smallBytes)
	if random.IntN(largeEvery) == 0 {
		size = largeBytes + random.IntN(2*largeBytes)
	}
	head := fmt.Sprintf("%s #%d %x\n", key, n, random.Uint64())
	b := make([]byte, len(head)+size)
	copy(b, head)
	for i := len(head); i < len(b); i++ {
		b[i] = byte(random.Uint32())
	}
	return b
}

func etagOf(b []byte) string {
	sum := md5.Sum(b)
	return hex.EncodeToString(sum[:])
}
