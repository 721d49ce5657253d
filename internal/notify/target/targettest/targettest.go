// Package targettest is the suite that every kind of target passes against its
// real destination: a broker, a database, a receiver in a process of its own.
// It is the contract of target.Target, run.
//
// A suite runs every case of Cases, or says why one has no sense for it. What it
// ran and passed is kept in the kind's testdata/cases, from which the table in
// docs/targets/README.md is made.
package targettest

import (
	"testing"
	"time"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

const (
	// sendTimeout bounds the Sends of the suite that are to succeed, on a busy
	// machine.
	sendTimeout = 30 * time.Second
	// frozenTimeout is the timeout that a Send to a frozen destination gets.
	frozenTimeout = time.Second
	// promptly is how soon after its context a Send must return: generous, as it
	// only tells a return from a hang.
	promptly = 10 * time.Second
)

// Suite is what a kind brings to be tested. A kind has one or several.
type Suite struct {
	Kind target.Kind
	// Name tells the suites of a kind apart, such as "MariaDB, format access";
	// empty for the only one.
	Name string
	// New starts a destination for one test and ends it with the test.
	New func(t *testing.T) Harness
	// OneProcess says that all destinations of New are within one process. The
	// cases that kill it then share one kill: a broker may take long to start.
	OneProcess bool
	// Env is lent to the targets.
	Env target.Env
	// Variants are other ways to reach a destination, such as TLS. Those with a
	// Case are what that case runs.
	Variants []Variant
	// JSON says that the destination keeps the JSON of a body, not its text, as
	// databases do: spaces and the order of members are then of no account.
	JSON bool
	// Bodies are the sizes that the destination takes.
	Bodies Bodies
	// RefusesNUL says that a destination cannot hold a key with NUL, and refuses
	// its event for good. It needs a note on NULKey.
	RefusesNUL bool
	// Rows, for settings with which the kind mirrors a bucket, lists what the
	// copy shows: the JSON of each "<bucket>/<key>". Received may then be its
	// values.
	Rows func(*testing.T, Harness) map[string]string
	// Forgets says that the destination stores nothing: what it acknowledged may
	// be gone when it is killed. The cases that kill it then check that Sends
	// recover, and no more. It needs notes on those cases.
	Forgets bool
	// Without says why a case of Cases is not run: one line.
	Without map[string]string
	// Notes say what is to be known of a case that is run: one line.
	Notes map[string]string
}

// Bodies are sizes of bodies, in bytes.
type Bodies struct {
	// Shortest is the shortest body that the destination takes; "0" if empty.
	Shortest string
	// Fits is the size of the largest body that the destination takes, Over that
	// of a larger one which it does not take: what a protocol puts around a body
	// may lie between.
	Fits, Over int
	// Unsaid says that the destination hangs up over a larger body, and does not
	// say why: the event is not refused for good. It needs a note on OverLimit.
	Unsaid bool
	// New starts a destination with this limit, if those of Suite.New have not.
	New func(t *testing.T) Harness
}

// Harness is one running destination.
type Harness interface {
	// Values are the settings to reach it, by key. They stay good through Kill
	// and Start.
	Values() map[string]string
	// Secrets are texts within Values that no error may show.
	Secrets() []string
	// Received lists what a consumer of the destination gets, in order,
	// duplicates included, since the start of the test.
	Received(t *testing.T) []Received
	// Kill ends the destination at once, as a crash does. Start starts it again
	// with what it keeps.
	Kill(t *testing.T)
	Start(t *testing.T)
	// Freeze stops it without ending its connections; Thaw has it go on.
	Freeze(t *testing.T)
	Thaw(t *testing.T)
}

// Leaver is a Harness with connections of its own in this process.
type Leaver interface {
	// Leave ends them for good, so that their goroutines are not taken for those
	// of the target.
	Leave()
}

// Received is a message as a consumer gets it.
type Received struct {
	// ID is the event's id, where the protocol carries one.
	ID   string
	Body string
}

// Variant is another way to reach a destination.
type Variant struct {
	Name string
	// Case is the case of Cases that this shows, if any.
	Case string
	New  func(t *testing.T) Harness
	// WantErr is part of the error of a Send that must fail; empty means that
	// it must succeed.
	WantErr string
}

// Run runs the suite.
func Run(t *testing.T, s Suite) {
	t.Helper()
	o := newOutcome(s)
	if err := o.incomplete(); err != nil {
		t.Fatal(err)
	}
	for _, c := range s.cases() {
		if c.run != nil && !(c.kills && s.OneProcess) {
			start := s.New
			if c.bodies && s.Bodies.New != nil {
				start = s.Bodies.New
			}
			o.run(t, c.name, func(t *testing.T) { s.run(t, start, c.run) })
		}
	}
	if s.OneProcess {
		s.runOutage(t, o)
	}
	s.runVariants(t, o)
	o.compare(t)
}

// RunVariants runs the variants alone, for destinations of which one passes the
// suite already.
func RunVariants(t *testing.T, s Suite) {
	t.Helper()
	s.runVariants(t, newOutcome(s))
}

func (s Suite) runVariants(t *testing.T, o *outcome) {
	t.Helper()
	for _, v := range s.Variants {
		o.run(t, v.Name, func(t *testing.T) {
			s.run(t, v.New, func(t *testing.T, c *session) { testVariant(t, c, v) })
		})
	}
}

// run runs a test with a destination and a target of its own.
func (s Suite) run(t *testing.T, start func(*testing.T) Harness, f func(*testing.T, *session)) {
	t.Helper()
	h := start(t)
	unlessLeft(t, func() { s.runIn(t, s.newSession(h), f) })
}

// newSession makes the session of one test.
func (s Suite) newSession(h Harness) *session {
	return &session{
		kind: s.Kind, settings: s.Kind.New(), env: s.Env, harness: h, kill: h.Kill, start: h.Start,
		rows: s.Rows, forgets: s.Forgets, json: s.JSON, bodies: s.Bodies, refusesNUL: s.RefusesNUL,
	}
}

// runIn runs a test with a target of its own, and looks at its errors.
func (s Suite) runIn(t *testing.T, c *session, f func(*testing.T, *session)) {
	t.Helper()
	if err := config.Decode(c.settings, c.harness.Values()); err != nil {
		t.Fatalf("settings: %v", err)
	}
	c.traits = s.Kind.Traits(c.settings)
	c.open(t)
	f(t, c)
	if err := c.target.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if l, ok := c.harness.(Leaver); ok {
		l.Leave()
	}
	if len(c.harness.Secrets()) == 0 && s.Without[NoSecret] == "" {
		t.Errorf("the settings hold no secret, and the suite gives no reason")
	}
	c.wantNoSecrets(t)
}
