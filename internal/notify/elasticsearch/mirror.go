package elasticsearch

import (
	"context"
	"fmt"
	"strconv"

	"github.com/carillon-s3/carillon/internal/notify/target"
)

// mirror has the index show what GET shows (format=namespace). Deletes are noted
// in the companion first, so that a crash in between leaves too many notes and
// never too few; puts are compared with the notes before they are written.
func (c *cluster) mirror(ctx context.Context, id documentID, batch []target.Message, failed map[int]error) error {
	var puts, deletes []operation
	for i := range batch {
		m := &batch[i]
		meaning := m.Mirror()
		if meaning == target.MirrorNothing {
			continue
		}
		version, err := versionOf(m)
		if err != nil {
			failed[i] = target.Permanent(err)
			continue
		}
		o := operation{member: i, id: id(m.Key), version: version}
		if meaning == target.MirrorDelete {
			o.action = actionDelete
			deletes = append(deletes, o)
		} else {
			o.action, o.body = actionIndex, m.Body
			puts = append(puts, o)
		}
	}
	deletes, err := c.noteDeletes(ctx, batch, deletes, failed)
	if err != nil {
		return err
	}
	puts, err = c.notDeletedSince(ctx, puts, failed)
	if err != nil {
		return err
	}
	if err := c.bulk(ctx, c.index, append(puts, deletes...), failed); err != nil {
		return err
	}
	c.prune(ctx)
	return nil
}

// versionOf is the event's sequencer as an external version: nanoseconds since
// 1970, which fit until 2262.
func versionOf(m *target.Message) (int64, error) {
	version, err := strconv.ParseUint(m.Sequencer, 16, 63)
	if err != nil {
		return 0, fmt.Errorf("the sequencer %q is not a version: %w", m.Sequencer, err)
	}
	return int64(version), nil //nolint:gosec // G115: 63 bits
}
