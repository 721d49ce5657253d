package elasticsearch

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/carillon-s3/carillon/internal/notify/target"
)

const (
	// companionSuffix follows the mirror's name in that of its companion.
	companionSuffix = "-carillon-deleted"
	// keepDeletes is how long a delete is remembered: longer than a duplicate
	// may be late.
	keepDeletes = 7 * 24 * time.Hour
	// pruneEvery is how often older ones are removed.
	pruneEvery = time.Hour
	// pruneTime and pruneAtOnce bound one round of it, which a Send waits for.
	pruneTime   = 5 * time.Second
	pruneAtOnce = maxBatch
)

// note is a document of the companion. The version of the document is the
// sequencer of the delete; the fields are for people, but for DeletedAt.
type note struct {
	Key       string    `json:"key"`
	Sequencer string    `json:"sequencer"`
	DeletedAt time.Time `json:"deletedAt"`
}

// noteDeletes notes that keys were deleted, and returns those of which a note
// now stands.
func (c *cluster) noteDeletes(ctx context.Context, batch []target.Message, deletes []operation, failed map[int]error) ([]operation, error) {
	now := c.env.Time().UTC()
	notes := make([]operation, len(deletes))
	for i, o := range deletes {
		m := &batch[o.member]
		body, err := json.Marshal(note{m.Key, m.Sequencer, now})
		if err != nil {
			return nil, fmt.Errorf("encode the note of a delete: %w", err)
		}
		o.action, o.body = actionIndex, body
		notes[i] = o
	}
	if err := c.bulk(ctx, c.companion, notes, failed); err != nil {
		return nil, err
	}
	var noted []operation
	for _, o := range deletes {
		if failed[o.member] == nil {
			noted = append(noted, o)
		}
	}
	return noted, nil
}

// notDeletedSince returns the puts without those that are older than a delete of
// their key.
func (c *cluster) notDeletedSince(ctx context.Context, puts []operation, failed map[int]error) ([]operation, error) {
	if len(puts) == 0 {
		return nil, nil
	}
	var ask struct {
		IDs []string `json:"ids"`
	}
	for _, o := range puts {
		ask.IDs = append(ask.IDs, o.id)
	}
	var answer struct {
		Docs []struct {
			Found   bool      `json:"found"`
			Version int64     `json:"_version"`
			Error   itemError `json:"error"`
		} `json:"docs"`
	}
	// A get is realtime: it sees notes that no search sees yet.
	err := c.ask(ctx, http.MethodPost, pathOf(c.companion, "_mget"), "docs.found,docs._version,docs.error.type,docs.error.reason", ask, &answer)
	if err != nil {
		return nil, err
	}
	if len(answer.Docs) != len(puts) {
		return nil, fmt.Errorf("the answer to a request for %d notes of deletes has %d", len(puts), len(answer.Docs))
	}
	var current []operation
	for i, o := range puts {
		switch doc := answer.Docs[i]; {
		case doc.Error != itemError{}:
			failed[o.member] = c.judge(actionIndex, http.StatusServiceUnavailable, doc.Error)
		case !doc.Found || doc.Version < o.version:
			current = append(current, o)
		}
	}
	return current, nil
}

// prune removes old notes now and then. That some stay longer harms nothing, so
// that it failed is only logged.
func (c *cluster) prune(ctx context.Context) {
	now := c.env.Time()
	due := c.pruneAt.Load()
	if now.Unix() < due || !c.pruneAt.CompareAndSwap(due, now.Add(pruneEvery).Unix()) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, pruneTime)
	defer cancel()
	removed, err := c.pruneOnce(ctx, now.Add(-keepDeletes))
	switch {
	case err != nil:
		c.env.Log().Warn("old notes of deleted keys were not removed", "index", c.companion, "error", err)
	case removed == pruneAtOnce:
		c.pruneAt.Store(0) // there may be more: the next Send goes on
	}
}

// pruneOnce removes notes of deletes before a time and returns how many it found.
func (c *cluster) pruneOnce(ctx context.Context, before time.Time) (int, error) {
	query := object{
		"size": pruneAtOnce, "_source": false, "seq_no_primary_term": true,
		"query": object{"range": object{"deletedAt": object{"lt": before.UTC()}}},
	}
	var found struct {
		Hits struct {
			Hits []struct {
				ID    string `json:"_id"`
				SeqNo int64  `json:"_seq_no"`
				Term  int64  `json:"_primary_term"`
			}
		}
	}
	paths := "hits.hits._id,hits.hits._seq_no,hits.hits._primary_term"
	if err := c.ask(ctx, http.MethodPost, pathOf(c.companion, "_search"), paths, query, &found); err != nil {
		return 0, err
	}
	removals := make([]operation, len(found.Hits.Hits))
	for i, hit := range found.Hits.Hits {
		// Not if the key was deleted again meanwhile.
		removals[i] = operation{member: i, action: actionDelete, id: hit.ID, seqNo: hit.SeqNo, term: hit.Term}
	}
	failed := make(map[int]error)
	if err := c.bulk(ctx, c.companion, removals, failed); err != nil {
		return 0, err
	}
	for _, err := range failed {
		return 0, err
	}
	return len(removals), nil
}
