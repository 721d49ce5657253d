package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/carillon-s3/carillon/internal/brokertest"
)

// broker is what a target sends to.
type broker struct {
	address string
	// cpu is the processor time that it has used so far.
	cpu func() time.Duration
}

// running is a broker that was started.
func running(address string, p *brokertest.Process) broker {
	return broker{address: address, cpu: func() (used time.Duration) {
		for _, pid := range p.Tree() {
			used += cpuOf(pid, true)
		}
		return used
	}}
}

// brokers ends what it started. It is a brokertest.T for one goroutine.
type brokers struct {
	cleanup []func()
}

// brokerFailure is how Fatalf leaves the function that called it.
type brokerFailure struct{ error }

// withBrokers calls do, and then ends the brokers that it started.
func withBrokers(do func(b *brokers) error) (err error) {
	b := &brokers{}
	err = caught(func() error { return do(b) })
	for i := len(b.cleanup) - 1; i >= 0; i-- {
		err = errors.Join(err, caught(func() error { b.cleanup[i](); return nil }))
	}
	return err
}

// caught turns a call of Fatalf into an error.
func caught(do func() error) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case brokerFailure:
			err = r.error
		default:
			panic(r)
		}
	}()
	return do()
}

// Helper does nothing.
func (b *brokers) Helper() {}

// Cleanup has f called once the brokers are to end, in reverse order.
func (b *brokers) Cleanup(f func()) { b.cleanup = append(b.cleanup, f) }

// Logf prints a line.
func (b *brokers) Logf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// Fatalf ends the function that was given to withBrokers.
func (b *brokers) Fatalf(format string, args ...any) {
	panic(brokerFailure{fmt.Errorf(format, args...)})
}
