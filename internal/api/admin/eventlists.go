package admin

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carillon-s3/carillon/internal/api/admin/adminapi"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/notify"
)

const (
	// pageEvents is how many a page of a list has, and maxPageEvents how many it
	// can have: with their records that is some MiB.
	pageEvents    = 100
	maxPageEvents = 1000
	// listRows is how many rows a page of a list looks at: with a selection that
	// fits few, a page has fewer entries, and says where to go on.
	listRows = 10 * maxPageEvents
)

// listEventTargets tells of all targets, and of consumers that hold something
// and are no target any more.
func (h *Handler) listEventTargets(c *call) error {
	if err := c.drain(); err != nil {
		return err
	}
	ctx := c.r.Context()
	statuses, err := h.Targets.Status(ctx)
	if err != nil {
		return err
	}
	holders, err := h.Events.Journal.Holders(ctx)
	if err != nil {
		return err
	}
	page := adminapi.Page{Targets: []adminapi.Target{}}
	for _, s := range statuses {
		t := targetOf(s)
		backlog, err := h.Events.Journal.Backlog(ctx, t.Target)
		if err != nil {
			return err
		}
		t.Gaps = backlog.Dropped
		page.Targets = append(page.Targets, t)
		holders = slices.DeleteFunc(holders, func(name string) bool { return name == t.Target })
	}
	for _, name := range holders {
		t, err := h.formerTarget(ctx, name)
		if err != nil {
			return err
		}
		page.Targets = append(page.Targets, t)
	}
	return c.plain(page)
}

func targetOf(s notify.Status) adminapi.Target {
	return adminapi.Target{
		Target: s.Target.String(), State: string(s.State),
		Backlog: s.Backlog.Entries, BacklogBytes: s.Backlog.Bytes, Oldest: timeOrNil(s.Backlog.Oldest),
		Delivered: s.Delivered, Parked: s.Parked, BlockedKeys: int64(s.BlockedKeys),
		LastError: s.LastError, LastErrorTime: timeOrNil(s.LastErrorTime),
	}
}

// formerTarget is a consumer without a target that holds parked events, gaps or
// blocked keys only.
func (h *Handler) formerTarget(ctx context.Context, name string) (adminapi.Target, error) {
	t := adminapi.Target{Target: name, State: string(notify.NotConfigured)}
	backlog, err := h.Events.Journal.Backlog(ctx, name)
	if err != nil {
		return t, err
	}
	t.Backlog, t.BacklogBytes, t.Oldest, t.Gaps = backlog.Entries, backlog.Bytes, timeOrNil(backlog.Oldest), backlog.Dropped
	if t.Parked, err = h.Events.Journal.CountParked(ctx, name); err != nil {
		return t, err
	}
	blocked, err := h.Events.Journal.BlockedKeys(ctx, name)
	t.BlockedKeys = int64(len(blocked))
	return t, err
}

// list is a call for a page of a target's list.
type list struct {
	*call
	consumer string
	max      int
	behind   *journal.At
	sel      journal.Selection
	records  bool
}

// newList reads the parameters of a list: target, max, continue, records, and
// what selects, if the list takes that.
func (h *Handler) newList(c *call, selects bool) (*list, error) {
	if err := c.drain(); err != nil {
		return nil, err
	}
	known := []string{"target", "max", "continue", "records"}
	if selects {
		known = append(known, "event", "reason", "from", "to")
	}
	for name := range c.query {
		if !slices.Contains(known, name) {
			return nil, errInvalidQuery.with("This call does not take the parameter " + name + ".")
		}
	}
	id, err := parseTarget(c.query.Get("target"))
	if err != nil {
		return nil, err
	}
	if err := h.targetExists(c.r.Context(), id); err != nil {
		return nil, err
	}
	l := &list{call: c, consumer: id.String(), max: pageEvents, records: c.query.Get("records") == "true"}
	if text := c.query.Get("max"); text != "" {
		if l.max, err = strconv.Atoi(text); err != nil || l.max < 1 || l.max > maxPageEvents {
			return nil, errInvalidQuery.with(fmt.Sprintf("max must be a whole number from 1 to %d.", maxPageEvents))
		}
	}
	r := adminapi.Request{Event: c.query.Get("event"), Reason: c.query.Get("reason")}
	if r.From, err = queryTime(c.query, "from"); err != nil {
		return nil, err
	}
	if r.To, err = queryTime(c.query, "to"); err != nil {
		return nil, err
	}
	l.sel, err = h.selection(&r)
	return l, err
}

func queryTime(query url.Values, name string) (*time.Time, error) {
	text := query.Get(name)
	if text == "" {
		return nil, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil, errInvalidQuery.with(name + " is not a time in the form of RFC 3339.")
	}
	return &t, nil
}

// newPlaceList is newList for lists that are ordered by place.
func (h *Handler) newPlaceList(c *call, selects bool) (*list, error) {
	l, err := h.newList(c, selects)
	if err != nil {
		return nil, err
	}
	l.behind, err = h.parseContinue(c.query.Get("continue"))
	return l, err
}

// listBacklog lists the events that wait for a target.
func (h *Handler) listBacklog(c *call) error {
	l, err := h.newPlaceList(c, false)
	if err != nil {
		return err
	}
	entries, err := h.Events.Journal.Waiting(c.r.Context(), l.consumer, l.behind, l.max)
	if err != nil {
		return err
	}
	page := adminapi.Page{Events: make([]adminapi.Event, len(entries))}
	for i, e := range entries {
		page.Events[i] = h.newEvent(e, l.records)
	}
	if len(entries) == l.max {
		page.Continue = page.Events[l.max-1].ID
	}
	return c.plain(page)
}

func (h *Handler) newEvent(e journal.Entry, record bool) adminapi.Event {
	out := adminapi.Event{
		ID: event.EventID(e.Place), Time: e.Time(), Name: e.Record.Name.String(),
		Bucket: e.Record.Bucket, Key: e.Record.Key, Size: e.Record.Size,
		Sequencer: event.Sequencer(e.Record, e.Place), Replay: e.Record.Replay,
	}
	if record {
		out.Record = h.Events.Encoder.AppendRecord(nil, e.Record, e.Place)
	}
	return out
}

// listParked lists the events that a target refused for good.
func (h *Handler) listParked(c *call) error {
	l, err := h.newPlaceList(c, true)
	if err != nil {
		return err
	}
	page := adminapi.Page{Events: []adminapi.Event{}}
	page.Continue, err = h.collect(l, func() (int, *journal.At, error) {
		parked, err := h.Events.Journal.Parked(c.r.Context(), l.consumer, l.behind, l.max)
		for i := range parked {
			p := &parked[i]
			if !l.sel.Fits(p) {
				continue
			}
			e := h.newEvent(p.Entry, l.records)
			e.Reason, e.Attempts, e.ParkedAt = p.Reason, p.Attempts, &p.ParkedAt
			page.Events = append(page.Events, e)
		}
		if err != nil || len(parked) < l.max {
			return len(page.Events), nil, err
		}
		last := parked[len(parked)-1].At()
		return len(page.Events), &last, nil
	})
	if err != nil {
		return err
	}
	return c.plain(page)
}

// collect reads rows until something is found, or enough was looked at. It
// returns the token for the next page.
func (h *Handler) collect(l *list, read func() (found int, last *journal.At, err error)) (string, error) {
	for looked := 0; ; looked += l.max {
		found, last, err := read()
		if err != nil || last == nil {
			return "", err
		}
		if l.behind = last; found > 0 || looked >= listRows {
			return h.eventID(last), nil
		}
	}
}

// listGaps lists the events that a target should have got and did not.
func (h *Handler) listGaps(c *call) error {
	l, err := h.newPlaceList(c, true)
	if err != nil {
		return err
	}
	page := adminapi.Page{Gaps: []adminapi.Gap{}}
	page.Continue, err = h.collect(l, func() (int, *journal.At, error) {
		gaps, err := h.Events.Journal.Gaps(c.r.Context(), l.consumer, l.behind, l.max)
		if err != nil {
			return 0, nil, err
		}
		for _, g := range gaps {
			if !l.sel.FitsGap(g) {
				continue
			}
			gap, err := h.newGap(c.r.Context(), g)
			if err != nil {
				return 0, nil, err
			}
			page.Gaps = append(page.Gaps, gap)
		}
		if len(gaps) < l.max {
			return len(page.Gaps), nil, nil
		}
		return len(page.Gaps), &gaps[len(gaps)-1].At, nil
	})
	if err != nil {
		return err
	}
	return c.plain(page)
}

func (h *Handler) newGap(ctx context.Context, g journal.Gap) (adminapi.Gap, error) {
	out := adminapi.Gap{Event: h.eventID(&g.At), Count: g.Count, First: g.First, Until: g.Until, Reason: g.Reason}
	if g.Last != g.Sequence {
		out.Last = h.eventID(&journal.At{Partition: g.Partition, Sequence: g.Last})
		return out, nil
	}
	first, err := h.Events.Journal.First(ctx, g.Partition)
	out.Kept = g.Sequence >= first
	return out, err
}

// listBlocked lists the keys whose events wait on their own.
func (h *Handler) listBlocked(c *call) error {
	l, err := h.newList(c, false)
	if err != nil {
		return err
	}
	behind, err := parseBucketKey(c.query.Get("continue"))
	if err != nil {
		return err
	}
	ctx := c.r.Context()
	keys, err := h.Events.Journal.BlockedKeys(ctx, l.consumer)
	if err != nil {
		return err
	}
	buckets, err := h.Events.Objects.Buckets(ctx)
	if err != nil {
		return err
	}
	names := make(map[uint64]string, len(buckets))
	for _, b := range buckets {
		names[b.ID] = b.Name
	}
	page := adminapi.Page{Blocked: []adminapi.Blocked{}}
	for _, k := range keys {
		at := bucketKey{k.BucketID, k.Key}
		if behind != nil && at.compare(*behind) <= 0 {
			continue
		}
		if len(page.Blocked) == l.max {
			last := page.Blocked[l.max-1]
			page.Continue = bucketKey{last.BucketID, last.Key}.String()
			break
		}
		page.Blocked = append(page.Blocked, adminapi.Blocked{
			Bucket: names[k.BucketID], BucketID: k.BucketID, Key: k.Key,
			Since: k.Since, Attempts: k.Attempts, Reason: k.Reason,
		})
	}
	return c.plain(page)
}

// bucketKey is a place in an order by bucket and key, as tokens carry it.
type bucketKey struct {
	bucket uint64
	key    string
}

func (k bucketKey) compare(o bucketKey) int {
	switch {
	case k.bucket < o.bucket:
		return -1
	case k.bucket > o.bucket:
		return 1
	}
	return strings.Compare(k.key, o.key)
}

// String is the form that parseBucketKey reads.
func (k bucketKey) String() string {
	return base64.RawURLEncoding.EncodeToString(append(binary.BigEndian.AppendUint64(nil, k.bucket), k.key...))
}

func parseBucketKey(text string) (*bucketKey, error) {
	if text == "" {
		return nil, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) < 8 {
		return nil, errInvalidQuery.with("continue is not what an answer of this call had.")
	}
	return &bucketKey{binary.BigEndian.Uint64(raw), string(raw[8:])}, nil
}
