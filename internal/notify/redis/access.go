package redis

import (
	"bytes"
	"context"
	"errors"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"github.com/carillon-s3/carillon/internal/notify/target"
)

// accessList is a list of all events.
type accessList struct {
	key string
	// layout is layoutAuto until the first push has seen what the list holds.
	layout string
}

// push appends the events to the list, all at once and in order.
func (l *accessList) push(ctx context.Context, s *session, batch []target.Message) error {
	if l.layout == layoutAuto {
		found, err := l.find(ctx, s)
		if err != nil {
			return err
		}
		l.layout = found
	}
	items := make([]any, len(batch))
	for i := range batch {
		items[i] = item(l.layout, &batch[i])
	}
	return s.client.RPush(ctx, l.key, items...).Err()
}

// find returns the layout of the list's last item.
func (l *accessList) find(ctx context.Context, s *session) (string, error) {
	last, err := s.client.LIndex(ctx, l.key, -1).Result()
	switch {
	case errors.Is(err, goredis.Nil):
		return layoutGuide, nil
	case err != nil:
		return "", err
	case strings.HasPrefix(last, `[{"Event":`):
		return layoutMinIO, nil
	}
	return layoutGuide, nil
}

// item is an event as an item of the list.
func item(layout string, m *target.Message) []byte {
	at := m.Time.UTC().AppendFormat(nil, timeFormat)
	out := make([]byte, 0, len(m.Body)+itemBytes)
	if layout == layoutMinIO {
		out = append(append(out, `[{"Event":`...), records(m)...)
		out = append(append(out, `,"EventTime":"`...), at...)
		return append(out, `"}]`...)
	}
	out = append(append(out, `["`...), at...)
	out = append(append(out, `",`...), m.Body...)
	return append(out, ']')
}

// records is the list of m's events: that of its body, or one of the body itself
// where that is a single event.
func records(m *target.Message) []byte {
	if list, ok := bytes.CutPrefix(m.Body, []byte(`{"Records":`)); ok {
		return bytes.TrimSuffix(list, []byte(`}`))
	}
	return append(append([]byte{'['}, m.Body...), ']')
}

const (
	// timeFormat is that of an event's eventTime.
	timeFormat = "2006-01-02T15:04:05.000Z"
	// itemBytes is what an item is longer than the event's JSON, at most.
	itemBytes = len(timeFormat) + len(`[{"Event":,"EventTime":""}]`)
)
