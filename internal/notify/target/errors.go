package target

import (
	"errors"
	"fmt"
	"time"
)

// Permanent marks err: the destination refused this message itself, and sending
// the same again cannot succeed. Delivery tries a few times more and then parks
// the message.
func Permanent(err error) error { return &permanentError{err} }

// IsPermanent reports whether err was marked by Permanent.
func IsPermanent(err error) bool {
	var p *permanentError
	return errors.As(err, &p)
}

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// RetryAfter marks err with the destination's own wish: nothing should be sent
// to it before d has passed.
func RetryAfter(d time.Duration, err error) error { return &retryAfterError{d, err} }

// RetryDelay returns the delay that RetryAfter put on err.
func RetryDelay(err error) (time.Duration, bool) {
	var r *retryAfterError
	if errors.As(err, &r) {
		return r.delay, true
	}
	return 0, false
}

type retryAfterError struct {
	delay time.Duration
	err   error
}

func (e *retryAfterError) Error() string { return e.err.Error() }
func (e *retryAfterError) Unwrap() error { return e.err }

// BatchError says which members of a batch failed; all others were acknowledged.
type BatchError struct {
	// Failed maps the index in the batch to its error, never nil.
	Failed map[int]error
}

func (e *BatchError) Error() string {
	for i, err := range e.Failed {
		return fmt.Sprintf("%d of the batch failed, one of them (%d): %v", len(e.Failed), i, err)
	}
	return "no member of the batch failed"
}
