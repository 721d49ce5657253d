package postgres

import (
	"errors"
	"log/slog"
	"time"
)

// Defaults of Options.
const (
	// DefaultSchema is where the tables are.
	DefaultSchema = "carillon"
	// DefaultReaders is how many reads outside of a View run at once; more
	// wait. A read takes well below a millisecond of the server.
	DefaultReaders = 16
	// DefaultViews is how many Views and Scans are open at once; more wait.
	// Each takes a connection, and PostgreSQL gives 100 by default.
	DefaultViews = 32
	// DefaultCommitTimeout is how long a commit may take, the wait for a
	// synchronous standby included, before its outcome counts as unsure. It
	// outlasts a short stall and ends well before clients give up.
	DefaultCommitTimeout = 10 * time.Second
)

// Options of a store. Only URL is required.
type Options struct {
	// URL is the connection string, as PostgreSQL's libpq takes it. Several
	// hosts may be named; the one that takes writes is used. It may hold a
	// password and is never logged.
	URL string
	// Schema is where the tables are; it is created if missing. Stores in
	// different schemas of a database have nothing to do with each other.
	Schema string
	// Logger gets lost and regained connections; the default drops them.
	Logger *slog.Logger
	// Now is the clock of stamps; the default is time.Now.
	Now func() time.Time
	// Readers and Views bound connections, see DefaultReaders and DefaultViews.
	Readers, Views int
	// CommitTimeout bounds a commit, see DefaultCommitTimeout.
	CommitTimeout time.Duration
}

func (o Options) withDefaults() Options {
	if o.Schema == "" {
		o.Schema = DefaultSchema
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Readers <= 0 {
		o.Readers = DefaultReaders
	}
	if o.Views <= 0 {
		o.Views = DefaultViews
	}
	if o.CommitTimeout <= 0 {
		o.CommitTimeout = DefaultCommitTimeout
	}
	return o
}

// Errors of Open.
var (
	// ErrNotAStore says that the schema holds something else.
	ErrNotAStore = errors.New("kv/postgres: not a store")
	// ErrNewerFormat says that a newer program has written the store.
	ErrNewerFormat = errors.New("kv/postgres: newer format")
	// ErrNotDurable says that the server runs with fsync off.
	ErrNotDurable = errors.New("kv/postgres: the server does not keep what it commits")
)
