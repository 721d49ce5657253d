package s3api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/object"
)

const (
	// blankEvery is how often a client that asked for no ping is sent a blank:
	// what the notification guide's server does.
	blankEvery = 500 * time.Millisecond
	// listenWriteTimeout bounds one write to a listener: one that takes nothing
	// for so long is gone, or as good as. It costs its connection and a few lines
	// until then, since what it has not heard waits in the journal.
	listenWriteTimeout = 5 * time.Minute
	// listenBacklog is how many encoded events wait for the connection. More
	// wait in the journal.
	listenBacklog = 64
)

// The lines of the stream that are no events. A line that is empty or blank
// would end the client's stream; blanks before a line do not.
const (
	pingLine = "{\"Records\":null}\n"
	blank    = " "
)

// sinceParameter is an extension of ours. A client that sends it, be it empty,
// can resume: it gets lines with a token, which stands behind all events before
// it, and may begin with a token that it got, or with a time.
const sinceParameter = "since"

// listen answers ListenBucketNotification and ListenNotification: one line of
// JSON for every matching event from now on, or from the time or token in since,
// until the client goes away or the server stops.
func listen(h *Handler, w *response, r *request) error {
	ping, err := event.ParsePing(r.query)
	if err != nil {
		return err
	}
	filter, err := event.ParseListen(r.bucket, r.query)
	if err != nil {
		return err
	}
	in := object.ListenInput{
		Filter: filter, Resumable: r.query.Has(sinceParameter), Since: r.query.Get(sinceParameter),
	}
	ctx, cancel := context.WithCancel(r.Context())
	s := &stream{
		w: w, control: http.NewResponseController(w.ResponseWriter),
		lines: make(chan []byte, listenBacklog), ready: make(chan struct{}), draining: h.Draining, log: h.Logger,
	}
	ended := make(chan error, 1)
	go func() {
		ended <- h.Service.Listen(ctx, in, func() { close(s.ready) }, func(heard object.Heard) error {
			return s.send(ctx, h.line(heard))
		})
	}()
	err = s.run(ctx, ended, ping)
	cancel()
	if !s.finished {
		<-ended //nolint:errcheck // the goroutine does not outlive its request
	}
	return err
}

// line is what the client reads of it. Clients that know nothing of gaps and
// tokens find no records in such a line, and go on.
func (h *Handler) line(heard object.Heard) []byte {
	switch {
	case heard.Gap && heard.Missed > 0:
		return fmt.Appendf(nil, "{\"Records\":null,\"Gap\":true,\"Missed\":%d}\n", heard.Missed)
	case heard.Gap:
		return []byte("{\"Records\":null,\"Gap\":true}\n")
	case heard.Token != "":
		return fmt.Appendf(nil, "{\"Records\":null,\"Token\":%q}\n", heard.Token)
	}
	return append(h.Encoder.AppendListen(nil, heard.Record, heard.Place), '\n')
}

// stream is the connection of one listener. Only run writes to it.
type stream struct {
	w        *response
	control  *http.ResponseController
	lines    chan []byte
	ready    chan struct{}
	draining <-chan struct{}
	log      *slog.Logger
	// finished says that the end of Listen was seen.
	finished bool
}

// send hands a line to run.
func (s *stream) send(ctx context.Context, line []byte) error {
	select {
	case s.lines <- line:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run writes the stream until it ends. It returns an error only for a stream
// that did not begin.
func (s *stream) run(ctx context.Context, ended <-chan error, ping time.Duration) error {
	select {
	case <-s.ready:
	case err := <-ended:
		s.finished = true
		return err
	case <-ctx.Done():
		return errClientGone
	}
	header := s.w.Header()
	header["Content-Type"] = []string{"text/event-stream"}
	header["Cache-Control"] = []string{"no-cache"}
	header["X-Accel-Buffering"] = []string{"no"}
	// The server's timeouts are for requests that end.
	if err := s.control.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return errClientGone
	}
	s.w.WriteHeader(http.StatusOK)
	if s.flush() != nil {
		return nil
	}
	sign, every := []byte(pingLine), ping
	if ping == 0 {
		sign, every = []byte(blank), blankEvery
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		var line []byte
		select {
		case line = <-s.lines:
		case <-ticker.C:
			line = sign
		case err := <-ended:
			s.finished = true
			if ctx.Err() == nil {
				s.log.Warn("listener ended", "err", err)
			}
			return s.drain()
		case <-s.draining:
			return s.drain()
		case <-ctx.Done():
			return nil
		}
		if s.write(line) != nil {
			return nil
		}
	}
}

// write sends a line and those that wait behind it, and flushes.
func (s *stream) write(line []byte) error {
	s.deadline()
	if _, err := s.w.Write(line); err != nil {
		return err
	}
	for {
		select {
		case line := <-s.lines:
			if _, err := s.w.Write(line); err != nil {
				return err
			}
		default:
			return s.flush()
		}
	}
}

// drain writes what was encoded already.
func (s *stream) drain() error {
	if len(s.lines) > 0 {
		_ = s.write(<-s.lines) // the stream ends either way
	}
	return nil
}

func (s *stream) flush() error {
	s.deadline()
	return s.control.Flush()
}

// deadline allows the next write its time. Where the connection has no deadline
// (a test's recorder), none is needed.
func (s *stream) deadline() {
	_ = s.control.SetWriteDeadline(time.Now().Add(listenWriteTimeout))
}
