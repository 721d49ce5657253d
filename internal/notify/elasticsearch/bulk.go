package elasticsearch

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/carillon-s3/carillon/internal/notify/target"
)

// Actions of a bulk request.
const (
	actionCreate = "create"
	actionIndex  = "index"
	actionDelete = "delete"
)

// bulkPaths are the parts of the answer that are read; an item that went well is
// its status and no more.
const bulkPaths = "items.*.status,items.*.error.type,items.*.error.reason"

// operation is one item of a bulk request.
type operation struct {
	member  int // of the batch
	action  string
	id      string
	version int64 // 0: Elasticsearch's own
	// seqNo and term have a delete apply only to what was found with them.
	seqNo, term int64
	body        []byte
}

// appendTo appends the item's one or two lines (Bulk API, "Request body").
func (o *operation) appendTo(dst []byte) ([]byte, error) {
	id, err := json.Marshal(o.id)
	if err != nil {
		return nil, fmt.Errorf("encode the id of a document: %w", err)
	}
	dst = append(dst, `{"`...)
	dst = append(dst, o.action...)
	dst = append(dst, `":{"_id":`...)
	dst = append(dst, id...)
	if o.version != 0 {
		// gte: the same event again writes the same again, so that a replay can
		// mend a document.
		dst = append(dst, `,"version_type":"external_gte","version":`...)
		dst = strconv.AppendInt(dst, o.version, 10)
	}
	if o.term != 0 {
		dst = fmt.Appendf(dst, `,"if_seq_no":%d,"if_primary_term":%d`, o.seqNo, o.term)
	}
	dst = append(dst, "}}\n"...)
	if o.action != actionDelete {
		dst = append(dst, o.body...)
		dst = append(dst, '\n')
	}
	return dst, nil
}

// bulk runs operations on an index and puts the errors of those that failed into
// failed, by member. It fails if the request did: what became of its operations
// is then not known.
func (c *cluster) bulk(ctx context.Context, index string, ops []operation, failed map[int]error) error {
	if len(ops) == 0 {
		return nil
	}
	err := c.bulkOnce(ctx, index, ops, failed)
	if refusalOf(err).Status != http.StatusRequestEntityTooLarge {
		return err
	}
	// A proxy in between may take less than Elasticsearch does.
	if len(ops) == 1 {
		failed[ops[0].member] = target.Permanent(err)
		return nil
	}
	half := len(ops) / 2
	if err := c.bulk(ctx, index, ops[:half], failed); err != nil {
		return err
	}
	return c.bulk(ctx, index, ops[half:], failed)
}

// bulkItem is one item of an answer; its key is the action.
type bulkItem map[string]struct {
	Status int       `json:"status"`
	Error  itemError `json:"error"`
}

func (c *cluster) bulkOnce(ctx context.Context, index string, ops []operation, failed map[int]error) error {
	size := 0
	for i := range ops {
		size += len(ops[i].id) + len(ops[i].body) + 100
	}
	lines := make([]byte, 0, size)
	for i := range ops {
		var err error
		if lines, err = ops[i].appendTo(lines); err != nil {
			return err
		}
	}
	var answer struct {
		Items []bulkItem `json:"items"`
	}
	err := c.call(ctx, http.MethodPost, pathOf(index, "_bulk")+"?filter_path="+bulkPaths+errorPaths, contentTypeLines, lines, &answer)
	if err != nil {
		return err
	}
	if len(answer.Items) != len(ops) {
		return fmt.Errorf("the answer to a bulk request of %d items has %d", len(ops), len(answer.Items))
	}
	for i, o := range ops {
		item, ok := answer.Items[i][o.action]
		if !ok {
			return fmt.Errorf("the answer to a bulk request has another action than %s for item %d", o.action, i)
		}
		if err := c.judge(o.action, item.Status, item.Error); err != nil {
			failed[o.member] = err
		}
	}
	return nil
}

// judge says what the status of an item means for its event.
func (c *cluster) judge(action string, status int, e itemError) error {
	switch {
	case status/100 == 2:
		return nil
	case action == actionDelete && status == http.StatusNotFound && e == itemError{}:
		return nil // there was no such document, and its version is noted
	case status == http.StatusConflict && e.Type == typeConflict:
		return nil // the same event is there, or a newer one
	}
	if e.Type == typeNoIndex {
		c.ready.Store(nil) // it was removed: the next Send makes it anew
	}
	err := &refusal{Status: status, Type: c.secrets.detail(e.Type), Reason: c.secrets.detail(e.Reason)}
	if status == http.StatusBadRequest && aboutDocument(e) {
		return target.Permanent(err)
	}
	return err
}

// aboutDocument reports whether an error is that of this very document: the
// index's mapping does not take it. Other 400s, such as an alias without an
// index to write to, would befall every event, and are not its fault.
func aboutDocument(e itemError) bool {
	switch e.Type {
	case typeParse, typeParseNew, typeStrict:
		return true
	case typeBadArgument:
		for _, begin := range []string{"Limit of ", "mapper [", "Document contains at least one immense term"} {
			if strings.HasPrefix(e.Reason, begin) {
				return true
			}
		}
	}
	return false
}
