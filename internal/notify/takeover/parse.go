package takeover

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/klauspost/compress/s2"

	"github.com/carillon-s3/carillon/internal/event"
)

const (
	eventSuffix  = ".event"
	snappySuffix = ".snappy"
)

// parseName reads `[<n>:]<uuid>.event[.snappy]`.
func parseName(name string) (id string, records int, packed, ok bool) {
	rest, packed := strings.CutSuffix(name, snappySuffix)
	rest, ok = strings.CutSuffix(rest, eventSuffix)
	if !ok {
		return "", 0, false, false
	}
	records = 1
	if n, after, batch := strings.Cut(rest, ":"); batch {
		var err error
		if records, err = strconv.Atoi(n); err != nil || records < 1 || strconv.Itoa(records) != n {
			return "", 0, false, false
		}
		rest = after
	}
	parsed, err := uuid.Parse(rest)
	if err != nil || parsed.String() != rest {
		return "", 0, false, false
	}
	return rest, records, packed, true
}

// Parse returns the events of a file of that name and content. The error is
// ErrUnusable.
func Parse(name string, content []byte) ([]Event, error) {
	id, want, packed, ok := parseName(name)
	if !ok {
		return nil, fmt.Errorf("%w: foreign name", ErrUnusable)
	}
	if len(content) == 0 {
		return nil, fmt.Errorf("%w: empty", ErrUnusable)
	}
	if packed {
		size, err := s2.DecodedLen(content)
		if err != nil || size > maxBatchBytes {
			return nil, fmt.Errorf("%w: torn or not compressed", ErrUnusable)
		}
		if content, err = s2.Decode(nil, content); err != nil {
			return nil, fmt.Errorf("%w: torn or not compressed: %w", ErrUnusable, err)
		}
	}
	var events []Event
	decoder := json.NewDecoder(bytes.NewReader(content))
	for decoder.More() {
		var raw json.RawMessage
		if err := decoder.Decode(&raw); err != nil {
			return nil, fmt.Errorf("%w: torn or not JSON: %w", ErrUnusable, err)
		}
		if len(events) == want {
			return nil, fmt.Errorf("%w: more than the %d records of its name", ErrUnusable, want)
		}
		e, err := parseRecord(raw)
		if err != nil {
			return nil, err
		}
		e.ID = fmt.Sprintf("minio-%s-%d", id, len(events))
		events = append(events, e)
	}
	if len(events) < want {
		return nil, fmt.Errorf("%w: %d of the %d records of its name", ErrUnusable, len(events), want)
	}
	return events, nil
}

// record is what is read of a record's JSON.
type record struct {
	EventTime         string             `json:"eventTime"`
	EventName         string             `json:"eventName"`
	UserIdentity      identity           `json:"userIdentity"`
	RequestParameters *map[string]string `json:"requestParameters"`
	ResponseElements  map[string]string  `json:"responseElements"`
	S3                struct {
		Bucket struct {
			Name string `json:"name"`
		} `json:"bucket"`
		Object struct {
			Key          string            `json:"key"`
			Size         int64             `json:"size"`
			ETag         string            `json:"eTag"`
			ContentType  string            `json:"contentType"`
			UserMetadata map[string]string `json:"userMetadata"`
			VersionID    string            `json:"versionId"`
			Sequencer    string            `json:"sequencer"`
		} `json:"object"`
	} `json:"s3"`
	Source struct {
		Host      string `json:"host"`
		UserAgent string `json:"userAgent"`
	} `json:"source"`
}

type identity struct {
	PrincipalID string `json:"principalId"`
}

// parseRecord reads one record, without its id.
func parseRecord(raw []byte) (Event, error) {
	var in record
	if err := json.Unmarshal(raw, &in); err != nil {
		return Event{}, fmt.Errorf("%w: not a record: %w", ErrUnusable, err)
	}
	name, err := event.ParseName(in.EventName)
	if err != nil {
		return Event{}, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	if in.S3.Bucket.Name == "" {
		return Event{}, fmt.Errorf("%w: no bucket", ErrUnusable)
	}
	key, err := url.QueryUnescape(in.S3.Object.Key)
	if err != nil {
		return Event{}, fmt.Errorf("%w: object key: %w", ErrUnusable, err)
	}
	at, err := time.Parse(time.RFC3339Nano, in.EventTime)
	if err != nil {
		return Event{}, fmt.Errorf("%w: eventTime: %w", ErrUnusable, err)
	}
	// Bucket events of some versions have none: their time stands in.
	sequencer, err := strconv.ParseUint(in.S3.Object.Sequencer, 16, 64)
	if err != nil && in.S3.Object.Sequencer != "" || sequencer == 0 && at.UnixNano() < 0 {
		return Event{}, fmt.Errorf("%w: sequencer %q", ErrUnusable, in.S3.Object.Sequencer)
	}
	if sequencer == 0 {
		sequencer = uint64(at.UnixNano()) //nolint:gosec // not negative
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return Event{}, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	return Event{
		JSON: compact.Bytes(), Time: at.UTC(), Sequencer: sequencer,
		Record: in.record(name, key, sequencer),
	}, nil
}

// record makes the record that kinds of target see.
func (in *record) record(name event.Name, key string, sequencer uint64) *event.Record {
	o := &in.S3.Object
	rec := &event.Record{
		Name: name, Bucket: in.S3.Bucket.Name, Key: key, VersionID: o.VersionID, Sequencer: sequencer,
		Size: o.Size, ETag: o.ETag, ContentType: o.ContentType, UserMetadata: o.UserMetadata,
		Request: event.Request{
			Principal: in.UserIdentity.PrincipalID, SourceIP: in.Source.Host, UserAgent: in.Source.UserAgent,
			ID: in.ResponseElements["x-amz-request-id"], Internal: in.RequestParameters == nil,
		},
	}
	if in.RequestParameters != nil {
		rec.Request.Range = (*in.RequestParameters)["range"]
	}
	rec.Post, rec.NoPost = postState(rec)
	return rec
}

// postState is what an event tells of the state that it left behind. A MinIO
// server does not say that, so only what follows from the event is taken: after
// a creation GET shows what was created, and after a removal nothing. All else,
// among it changes to a version that need not be the latest, leaves a mirror as
// it is. A removal of one version of several is taken as the key's removal, as
// that server mirrors it.
func postState(rec *event.Record) (post *event.State, none bool) {
	switch rec.Name {
	case event.ObjectCreatedPut, event.ObjectCreatedPost, event.ObjectCreatedCopy, event.ObjectCreatedCompleteMultipartUpload:
		return &event.State{
			VersionID: rec.VersionID, Size: rec.Size, ETag: rec.ETag,
			ContentType: rec.ContentType, UserMetadata: rec.UserMetadata, Stamp: rec.Sequencer,
		}, false
	case event.ObjectRemovedDelete, event.ObjectRemovedDeleteMarkerCreated, event.ObjectRemovedDeleteAllVersions:
		return nil, false
	}
	return nil, true
}
