package object

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/carillon-s3/carillon/internal/kv"
)

// DocumentKind is a kind of document of a bucket's configuration that is kept as
// it was sent. The numbers are stored.
type DocumentKind byte

// Kinds of documents.
const (
	LifecycleDocument   DocumentKind = 1
	ReplicationDocument DocumentKind = 2
)

// documentKinds are all there are.
func documentKinds() []DocumentKind { return []DocumentKind{LifecycleDocument, ReplicationDocument} }

// Document is one of them. A Document does not change.
type Document struct {
	Body []byte
	// Option is what a header said beside it; empty for nothing.
	Option string
	// Updated is when it was put.
	Updated time.Time
}

// documentRecord is the stored form: one version byte and CBOR. It stands in a row
// of its own, since every mutation of the bucket reads the bucket's record and a
// document may have a megabyte.
type documentRecord struct {
	Body    []byte `cbor:"1,keyasint"`
	Option  string `cbor:"2,keyasint,omitempty"`
	Updated int64  `cbor:"3,keyasint"` // milliseconds since 1970
}

const documentRecordVersion = 1

func documentKey(bucketID uint64, kind DocumentKind) []byte {
	return append(inBucket(prefixDocument, bucketID), byte(kind))
}

// Document returns a document of a bucket's configuration, nil if there is none.
// ErrNoSuchBucket.
func (s *Service) Document(ctx context.Context, bucketName string, kind DocumentKind) (*Document, error) {
	b, _, err := s.readBucket(ctx, s.store, bucketName)
	if err != nil {
		return nil, err
	}
	if kind == LifecycleDocument {
		return s.lifecycle(ctx, b)
	}
	return s.readDocument(ctx, b, kind)
}

func (s *Service) readDocument(ctx context.Context, b *bucket, kind DocumentKind) (*Document, error) {
	item, err := s.store.Get(ctx, documentKey(b.ID, kind))
	if err != nil || !item.Exists() {
		return nil, storeError(err)
	}
	var rec documentRecord
	if len(item.Value) == 0 || item.Value[0] != documentRecordVersion {
		return nil, fmt.Errorf("%w: document %d of bucket %s", errStored, kind, b.name)
	}
	if err := cbor.Unmarshal(item.Value[1:], &rec); err != nil {
		return nil, fmt.Errorf("%w: document %d of bucket %s: %w", errStored, kind, b.name, err)
	}
	return &Document{Body: rec.Body, Option: rec.Option, Updated: time.UnixMilli(rec.Updated).UTC()}, nil
}

// knownDocument is a document that was read; doc is nil if there is none.
type knownDocument struct{ doc *Document }

// lifecycle is the lifecycle document of a bucket, the same pointer until it is
// changed: whoever puts a document writes the bucket's record too, so that b, and
// a commit that requires it, are of one document.
func (s *Service) lifecycle(ctx context.Context, b *bucket) (*Document, error) {
	if known := b.lifecycle.Load(); known != nil {
		return known.doc, nil
	}
	doc, err := s.readDocument(ctx, b, LifecycleDocument)
	if err != nil {
		return nil, err
	}
	b.lifecycle.CompareAndSwap(nil, &knownDocument{doc})
	return b.lifecycle.Load().doc, nil
}

// KnownLifecycle returns the lifecycle document of a bucket of which something was just
// read or written; nil for none, or if it cannot be read. It costs a look into
// memory: answers that tell of it are many.
func (s *Service) KnownLifecycle(ctx context.Context, bucketName string) *Document {
	b, ok := s.buckets.lookUp(bucketName)
	if !ok {
		return nil
	}
	doc, err := s.lifecycle(ctx, b)
	if err != nil {
		return nil
	}
	return doc
}

// SetDocument replaces a document of a bucket's configuration, whose Updated is
// set here; nil removes it. It returns once that is durable. A replication
// document needs a bucket whose versioning is enabled: ErrNotVersioned.
// ErrNoSuchBucket, ErrContended.
func (s *Service) SetDocument(ctx context.Context, bucketName string, kind DocumentKind, doc *Document) error {
	for range maxDecisions {
		b, item, err := s.readBucket(ctx, s.store, bucketName)
		if err != nil {
			return err
		}
		if doc != nil && kind == ReplicationDocument && b.Versioning != VersioningEnabled {
			return fmt.Errorf("%w: %s", ErrNotVersioned, bucketName)
		}
		var batch kv.Batch
		batch.Require(bucketKey(bucketName), item)
		batch.Set(bucketKey(bucketName), item.Value) // the same; see SetVersioning and lifecycle
		if doc == nil {
			batch.Delete(documentKey(b.ID, kind))
		} else {
			body, err := cbor.Marshal(documentRecord{Body: doc.Body, Option: doc.Option, Updated: s.now().UnixMilli()})
			if err != nil {
				return fmt.Errorf("encode a document: %w", err)
			}
			batch.Set(documentKey(b.ID, kind), append([]byte{documentRecordVersion}, body...))
		}
		_, err = s.store.Commit(ctx, &batch)
		if errors.Is(err, kv.ErrConflict) {
			continue
		}
		if err != nil {
			return fmt.Errorf("commit a document of bucket %s: %w", bucketName, storeError(err))
		}
		return nil
	}
	return fmt.Errorf("%w: bucket %s", ErrContended, bucketName)
}

// dropDocuments removes a bucket's documents with it.
func dropDocuments(batch *kv.Batch, bucketID uint64) {
	for _, kind := range documentKinds() {
		batch.Delete(documentKey(bucketID, kind))
	}
}
