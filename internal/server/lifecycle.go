package server

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/lifecycle"
)

const (
	// lifecycleEvery is how often buckets are scanned for what expired. Objects
	// expire at midnight: an hour later they are gone, but for what takes longer to
	// look through.
	lifecycleEvery = time.Hour
	// minLifecycle is the least that a day and an interval can be: days are counted
	// in whole seconds.
	minLifecycle = time.Second
)

// lifecycleTimes say when what expires goes.
type lifecycleTimes struct {
	// day is how long a day of a rule lasts, every how often is scanned.
	day, every time.Duration
}

// lifecycleTimes reads both. Who has days last seconds wants to see objects go,
// and is not kept waiting for an hour.
func (e *environment) lifecycleTimes() (lifecycleTimes, error) {
	l := lifecycleTimes{day: lifecycle.Day}
	err := errors.Join(e.lifecycleTime(envILMDay, &l.day), e.lifecycleTime(envILMInterval, &l.every))
	if l.every == 0 {
		l.every = min(lifecycleEvery, l.day)
	}
	return l, err
}

func (e *environment) lifecycleTime(name string, d *time.Duration) error {
	text, variable, ok := e.Lookup(name)
	if !ok {
		return nil
	}
	span, err := config.ParseDuration(text)
	switch {
	case err != nil:
	case span < minLifecycle:
		err = fmt.Errorf("%q is less than %s", text, minLifecycle)
	case name == envILMDay && (span > lifecycle.Day || span%time.Second != 0):
		err = fmt.Errorf("%q is not in whole seconds up to a day", text)
	}
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrUsage, variable, err)
	}
	*d = span
	return nil
}

// openLifecycle makes the scanner, which startBackground starts.
func (s *site) openLifecycle(address net.Addr) {
	s.rules = lifecycle.NewBook(s.objects, s.set.lifecycle.day)
	host := ""
	if u, err := url.Parse(s.endpoint(address)); err == nil {
		host = u.Hostname()
	}
	s.expirer = lifecycle.New(lifecycle.Config{
		Objects: s.objects, Book: s.rules, Interval: s.set.lifecycle.every, Host: host,
		Observer: s.metrics.Lifecycle, Logger: s.log,
	})
	if s.set.lifecycle.day != lifecycle.Day {
		s.log.Warn("a day of lifecycle rules is not a day: objects expire accordingly sooner", "day", s.set.lifecycle.day)
	}
}
