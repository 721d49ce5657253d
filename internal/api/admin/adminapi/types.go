// Package adminapi is Carillon's own admin calls as both ends see them: the JSON
// that goes over the wire, and a client.
//
// All calls lie below Prefix, are signed with Signature Version 4 by the root
// credential, and answer 200 with JSON, or an Error. None of them takes much
// longer than a second: what is not finished by then has Continue set, and the
// caller asks again with that. A call that is repeated, after a crash or a lost
// answer, does what was not done; only a page of a backfill is then done twice.
package adminapi

import (
	"encoding/json"
	"time"
)

// Prefix is where the calls lie.
const Prefix = "/carillon/admin/v1/"

// Error is what a call that failed answers.
type Error struct {
	// Status is the HTTP status.
	Status  int    `json:"-"`
	Code    string `json:"Code"`
	Message string `json:"Message"`
}

// Error implements error.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Target is the state of one target, or of one that has events but is not
// configured.
type Target struct {
	// Target is id:type.
	Target string `json:"target"`
	State  string `json:"state"`
	// Backlog counts the events that wait, Gaps those that were dropped.
	Backlog       int64      `json:"backlog"`
	BacklogBytes  int64      `json:"backlogBytes"`
	Oldest        *time.Time `json:"oldest,omitempty"`
	Delivered     int64      `json:"delivered"`
	Parked        int64      `json:"parked"`
	BlockedKeys   int64      `json:"blockedKeys"`
	Gaps          int64      `json:"gaps"`
	LastError     string     `json:"lastError,omitempty"`
	LastErrorTime *time.Time `json:"lastErrorTime,omitempty"`
}

// Event is one event in a list.
type Event struct {
	ID        string    `json:"id"`
	Time      time.Time `json:"time"`
	Name      string    `json:"name"`
	Bucket    string    `json:"bucket"`
	Key       string    `json:"key"`
	Size      int64     `json:"size,omitempty"`
	Sequencer string    `json:"sequencer"`
	// Replay says that it is marked as sent again on an operator's word.
	Replay bool `json:"replay,omitempty"`
	// Record is the event as targets get it, where it was asked for.
	Record json.RawMessage `json:"record,omitempty"`
	// Of parked events:
	Reason   string     `json:"reason,omitempty"`
	Attempts int        `json:"attempts,omitempty"`
	ParkedAt *time.Time `json:"parkedAt,omitempty"`
}

// Gap is one or more events that a target should have got and did not.
type Gap struct {
	// Event is the id of the first; Last that of the last, where several were
	// folded into one, since their records are gone.
	Event string    `json:"event"`
	Last  string    `json:"last,omitempty"`
	Count int64     `json:"count"`
	First time.Time `json:"first"`
	Until time.Time `json:"until"`
	// Reason is queue_limit, queue_bytes, or another.
	Reason string `json:"reason"`
	// Kept says that the record is kept, and the gap can be filled.
	Kept bool `json:"kept"`
}

// Blocked is a key whose events wait on their own.
type Blocked struct {
	// Bucket is empty if it is gone; BucketID names it for good.
	Bucket   string    `json:"bucket,omitempty"`
	BucketID uint64    `json:"bucketID"`
	Key      string    `json:"key"`
	Since    time.Time `json:"since"`
	Attempts int       `json:"attempts"`
	Reason   string    `json:"reason"`
}

// Page is one page of a list. Only one of its lists is there.
type Page struct {
	Targets []Target  `json:"targets,omitempty"`
	Events  []Event   `json:"events,omitempty"`
	Gaps    []Gap     `json:"gaps,omitempty"`
	Blocked []Blocked `json:"blocked,omitempty"`
	// Continue asks for the next page; empty: there is none.
	Continue string `json:"continue,omitempty"`
}

// Request is the body of every call that changes something. Which fields a call
// takes is said with it; others are refused.
type Request struct {
	// Target is id:type, or an ARN.
	Target string `json:"target"`
	// Event, Reason, From and To select among parked events and gaps: one id, a
	// part of the reason, and when it was parked or dropped. From and To are the
	// range of a replay as well: when its events were recorded. From is
	// included, To is not.
	Event  string     `json:"event,omitempty"`
	Reason string     `json:"reason,omitempty"`
	From   *time.Time `json:"from,omitempty"`
	To     *time.Time `json:"to,omitempty"`
	// What is dropped: parked, gaps, or backlog. Force has the backlog of a
	// target dropped although it is configured.
	What  string `json:"what,omitempty"`
	Force bool   `json:"force,omitempty"`
	// FirstEvent and LastEvent are the range of a replay by sequence: two ids of
	// one partition, both included.
	FirstEvent string `json:"firstEvent,omitempty"`
	LastEvent  string `json:"lastEvent,omitempty"`
	// Bucket and Prefix restrict a replay, and say what a backfill is of.
	Bucket string `json:"bucket,omitempty"`
	Prefix string `json:"prefix,omitempty"`
	// Match is which events of its range a replay sends: rules (the default),
	// those that today's rules of their bucket send to the target; or all.
	Match string `json:"match,omitempty"`
	// Rate bounds the events of a backfill in a second.
	Rate int `json:"rate,omitempty"`
	// BucketID and Key name a blocked key; without them all are unblocked.
	BucketID uint64 `json:"bucketID,omitempty"`
	Key      string `json:"key,omitempty"`
	// Continue is that of the answer before; empty for the first call.
	Continue string `json:"continue,omitempty"`
}

// Answer is what became of a call.
type Answer struct {
	// Count is the number of events, or keys, that it concerned.
	Count int64 `json:"count"`
	// Continue asks for the rest; empty: it is done.
	Continue string `json:"continue,omitempty"`
	// Crowded says that the target's outbox is half full, so that nothing more
	// was put into it: ask again later.
	Crowded bool `json:"crowded,omitempty"`
	// Waiting counts events of a replay that wait for the target already, Gone
	// those of gaps whose records are not kept any more.
	Waiting int64 `json:"waiting,omitempty"`
	Gone    int64 `json:"gone,omitempty"`
	// To is the end of the range of a replay, or of what is dropped of a
	// backlog; send it along with Continue.
	To *time.Time `json:"to,omitempty"`
	// Missing says what of a replay's range is not kept; in the first answer
	// only.
	Missing *Missing `json:"missing,omitempty"`
	// Reachable and Error are the result of a check.
	Reachable *bool  `json:"reachable,omitempty"`
	Error     string `json:"error,omitempty"`
}

// Missing says what of the range of a replay is not kept any more.
type Missing struct {
	// Events is how many are gone, of a range of sequences.
	Events int64 `json:"events,omitempty"`
	// Asked is where a range of time begins, KeptFrom from where on everything
	// is kept.
	Asked    *time.Time `json:"asked,omitempty"`
	KeptFrom *time.Time `json:"keptFrom,omitempty"`
}
