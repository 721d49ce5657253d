package object

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // S3's ETag is the MD5 of the content
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/carillon-s3/carillon/internal/blob"
	"github.com/carillon-s3/carillon/internal/checksum"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/s3"
	"github.com/carillon-s3/carillon/internal/sse"
)

const (
	// inlineBytes is the largest object whose bytes are kept in the metadata
	// store. One synced commit then holds all of it, where a file of its own
	// costs two more syncs; beyond it, rewriting bytes in compactions costs
	// more than that.
	inlineBytes = 32 << 10
	// copyBytes is the buffer that a body passes through.
	copyBytes = 256 << 10
)

// Put stores a new object under its key, and records in.Event in the same
// commit. It returns once all of that is durable. The body is read
// once, also when the decision has to be taken again.
//
// Errors: ErrNoSuchBucket, ErrBadDigest, ErrIncompleteBody, ErrEntityTooLarge,
// ErrPreconditionFailed, ErrQuotaExceeded, ErrNoLock, ErrRetentionPassed,
// ErrNoSpace, ErrUnsure, those of Body, and those of the
// name rules.
func (s *Service) Put(ctx context.Context, in PutInput) (Info, error) {
	if err := checkPut(in); err != nil {
		return Info{}, err
	}
	if in.Event == 0 {
		in.Event = event.ObjectCreatedPut
	}
	if err := s.Admit(); err != nil {
		return Info{}, err
	}
	// A body for a bucket that is not there, or that will be refused, need not
	// be read.
	b, _, err := s.readBucket(ctx, s.store, in.Bucket)
	if err != nil {
		return Info{}, err
	}
	if err := b.checkLock(in.Lock, s.now()); err != nil {
		return Info{}, err
	}
	if err := s.journal.Admit(b.consumers(in.Event, in.Key)); err != nil {
		return Info{}, err
	}
	if err := s.admitBytes(ctx, b, in.Key, in.Size); err != nil {
		return Info{}, err
	}
	encrypt, err := s.encryptionFor(b, in.Encryption)
	if err != nil {
		return Info{}, fmt.Errorf("put %s/%s: %w", in.Bucket, in.Key, err)
	}
	objectKey := encrypt.newObjectKey()
	content, err := s.receive(ctx, incoming{body: in.Body, size: in.Size, md5: in.ContentMD5, checksum: in.Checksum, encrypt: wholeKey(objectKey)})
	if err != nil {
		return Info{}, fmt.Errorf("put %s/%s: %w", in.Bucket, in.Key, err)
	}
	v := &versionRecord{
		Size: content.size, ETag: etagOf(encrypt.Method.etagDigest(content.md5)), Checksum: content.checksum,
		Metadata: in.Metadata, StorageClass: in.StorageClass, Tags: in.Tags,
	}
	position, err := s.apply(ctx, in.Bucket, in.Key, func(t *tx) (*event.Record, error) {
		if err := checkConditions(t.current, in.IfMatch, in.IfNoneMatch); err != nil {
			return nil, err
		}
		b = t.bucket
		if err := t.protect(v, in.Lock); err != nil {
			return nil, err
		}
		if err := s.sealRecord(b, in.Key, v, encrypt, objectKey); err != nil {
			return nil, err
		}
		s.keepContent(t, v, content)
		if err := t.place(ctx, v); err != nil {
			return nil, err
		}
		return t.created(in.Event, v, in.Request), nil
	})
	if err != nil {
		s.discard(ctx, content, err)
		return Info{}, err
	}
	v.stamp = position.Stamp
	return b.info(in.Key, v), nil
}

// contentType is the stored name of the header.
const contentType = "content-type"

func checkPut(in PutInput) error {
	if in.Size > s3.MaxPutBytes {
		return fmt.Errorf("%w: %d bytes", ErrEntityTooLarge, in.Size)
	}
	return checkKey(in.Key)
}

// checkKey says whether an object may have that key.
func checkKey(key string) error {
	switch {
	case len(key) > s3.MaxKeyBytes:
		return fmt.Errorf("%w: %d bytes", ErrKeyTooLong, len(key))
	case !s3.ValidObjectKey(key):
		return fmt.Errorf("%w: %q", ErrInvalidObjectName, key)
	}
	return nil
}

// checkConditions applies If-Match and If-None-Match to the key's latest
// version (S3, "Conditional writes").
func checkConditions(current *versionRecord, ifMatch, ifNoneMatch string) error {
	if ifMatch != "" {
		if current == nil {
			return fmt.Errorf("%w: If-Match on a missing key", ErrNoSuchKey)
		}
		if ifMatch != "*" && ifMatch != current.ETag {
			return fmt.Errorf("%w: If-Match", ErrPreconditionFailed)
		}
	}
	if ifNoneMatch != "" && current != nil && (ifNoneMatch == "*" || ifNoneMatch == current.ETag) {
		return fmt.Errorf("%w: If-None-Match", ErrPreconditionFailed)
	}
	return nil
}

// content is a received body: inlined bytes, or a committed blob, or nothing.
type content struct {
	size     int64
	md5      []byte
	checksum *checksum.Sum
	inline   []byte
	id       contentID
	blob     blob.Ref
}

// incoming is a body to be received.
type incoming struct {
	body io.Reader
	// size is the number of bytes that body must give, -1 if unknown.
	size int64
	// md5 is what the content must have; nil for any.
	md5      []byte
	checksum BodyChecksum
	// stored makes a small body a blob too.
	stored bool
	// encrypt is what to store it under; nil for as it is.
	encrypt *sse.StreamKey
}

// receive reads the body once, computes its digests on the way, and makes large
// bodies durable as a blob.
func (s *Service) receive(ctx context.Context, in incoming) (*content, error) {
	limit := int64(s3.MaxPutBytes)
	if in.size >= 0 {
		limit = in.size
	}
	body := &bodyReader{r: in.body, left: limit, digest: md5.New()} //nolint:gosec // see above
	if in.checksum.Verified == nil && in.checksum.Algorithm != 0 {
		body.checksum = in.checksum.Algorithm.New()
	}
	head := make([]byte, 0, headSize(in.size))
	head, err := readHead(body, head)
	if err != nil {
		return nil, err
	}
	c := &content{}
	if len(head) > inlineBytes || in.stored && len(head) > 0 {
		if c.blob, err = s.receiveBlob(ctx, head, body, in.encrypt); err != nil {
			return nil, blobError(err)
		}
	}
	if err := body.finish(in.size); err != nil {
		s.discard(ctx, c, err)
		return nil, err
	}
	c.size, c.md5 = body.n, body.digest.Sum(nil)
	c.checksum = body.sum(in.checksum)
	if in.md5 != nil && !bytes.Equal(in.md5, c.md5) {
		s.discard(ctx, c, ErrBadDigest)
		return nil, ErrBadDigest
	}
	if c.blob == "" && len(head) > 0 {
		c.inline, c.id = head, s.newContentID()
		if in.encrypt != nil {
			c.inline, err = in.encrypt.Encrypt(head)
		}
	}
	return c, err
}

// newContentID is unique for ever.
func (s *Service) newContentID() contentID {
	return contentID{s.store.Incarnation(), s.contents.Add(1)}
}

// headSize is the room for a body that may turn out to be small.
func headSize(announced int64) int64 {
	if announced < 0 || announced > inlineBytes {
		return inlineBytes + 1
	}
	return announced + 1
}

// readHead reads until the body ends or head is full.
func readHead(body io.Reader, head []byte) ([]byte, error) {
	for len(head) < cap(head) {
		n, err := body.Read(head[len(head):cap(head)])
		head = head[:len(head)+n]
		if errors.Is(err, io.EOF) {
			return head, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return head, nil
}

// receiveBlob writes head and the rest of body to the store of bytes.
func (s *Service) receiveBlob(ctx context.Context, head []byte, body *bodyReader, encrypt *sse.StreamKey) (blob.Ref, error) {
	w, err := s.blobs.Create(ctx)
	if err != nil {
		return "", err
	}
	defer func() { _ = w.Abort() }() // does nothing after Commit
	if encrypt != nil {
		err = s.encryptBody(w, head, body, *encrypt)
	} else if _, err = w.Write(head); err == nil {
		err = s.copyBody(admitted{w, s.Admit}, body)
	}
	if err != nil {
		return "", err
	}
	return w.Commit()
}

// copyBody writes the rest of body to w, and digests each piece meanwhile: on a
// free core that takes as long as writing, and would double the time of a body
// that comes alone.
func (s *Service) copyBody(w io.Writer, body *bodyReader) error {
	buf, ok := s.copyBuffers.Get().(*[copyBytes]byte)
	if !ok {
		buf = new([copyBytes]byte)
	}
	defer s.copyBuffers.Put(buf)
	pieces, digested := make(chan []byte), make(chan struct{}, 1)
	defer close(pieces)
	go func() {
		for piece := range pieces {
			body.digestPiece(piece)
			digested <- struct{}{}
		}
	}()
	body.undigested = true
	for !body.eof {
		piece, err := readHead(body, buf[:0])
		if err != nil {
			return err
		}
		pieces <- piece
		_, err = w.Write(piece)
		<-digested
		if err != nil {
			return err
		}
	}
	return nil
}

// copyBuffered copies by way of a pooled buffer.
func (s *Service) copyBuffered(w io.Writer, r io.Reader) error {
	buf, ok := s.copyBuffers.Get().(*[copyBytes]byte)
	if !ok {
		buf = new([copyBytes]byte)
	}
	defer s.copyBuffers.Put(buf)
	_, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, buf[:])
	return err
}

// admitted writes for as long as growing mutations are accepted. Bodies that were
// let in above the reserve would use it up otherwise, and commits fail then.
type admitted struct {
	w     io.Writer
	admit func() error
}

func (a admitted) Write(p []byte) (int, error) {
	if err := a.admit(); err != nil {
		return 0, err
	}
	return a.w.Write(p)
}

// blobError gives an error of the store of bytes its meaning here.
func blobError(err error) error {
	if errors.Is(err, blob.ErrNoSpace) {
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	return err
}

// keepContent puts inlined bytes into the batch and names them in v.
func (s *Service) keepContent(t *tx, v *versionRecord, c *content) {
	if c.inline != nil {
		v.Incarnation, v.Content = c.id.incarnation, c.id.count
		t.batch.Set(c.id.key(), c.inline)
	}
	v.Blob = c.blob
}

// discard removes bytes that were received in vain. After an unsure commit it
// must not: they may be in use.
func (s *Service) discard(ctx context.Context, c *content, why error) {
	if c.blob == "" || errors.Is(why, ErrUnsure) {
		return
	}
	if err := s.blobs.Delete(context.WithoutCancel(ctx), c.blob); err != nil {
		s.log.Warn("unused bytes could not be removed", "ref", c.blob, "err", err)
	}
}

// bodyReader counts and digests a body, and refuses more than was announced.
type bodyReader struct {
	r      io.Reader
	left   int64
	n      int64
	digest hash.Hash
	// checksum is nil if there is none to compute.
	checksum hash.Hash
	// undigested says that whoever reads the body digests it.
	undigested bool
	eof        bool
}

// digestPiece adds a piece of the body to its digests.
func (b *bodyReader) digestPiece(p []byte) {
	b.digest.Write(p)
	if b.checksum != nil {
		b.checksum.Write(p)
	}
}

func (b *bodyReader) Read(p []byte) (int, error) {
	if b.eof {
		return 0, io.EOF
	}
	n, err := b.r.Read(p)
	b.n += int64(n)
	if b.left -= int64(n); b.left < 0 {
		return 0, ErrEntityTooLarge
	}
	if !b.undigested {
		b.digestPiece(p[:n])
	}
	if errors.Is(err, io.EOF) {
		b.eof = true
	}
	return n, err
}

// sum is the checksum to keep with a body that has been read; nil for none.
func (b *bodyReader) sum(asked BodyChecksum) *checksum.Sum {
	switch {
	case asked.Algorithm == 0:
		return nil
	case asked.Verified != nil:
		return &checksum.Sum{Algorithm: asked.Algorithm, Digest: asked.Verified()}
	}
	return &checksum.Sum{Algorithm: asked.Algorithm, Digest: b.checksum.Sum(nil)}
}

// finish makes sure that the body ended where it was announced to end.
func (b *bodyReader) finish(announced int64) error {
	if !b.eof {
		var one [1]byte
		if _, err := io.ReadFull(b, one[:]); !errors.Is(err, io.EOF) {
			if err == nil {
				err = ErrEntityTooLarge
			}
			return err
		}
	}
	if announced >= 0 && b.n != announced {
		return fmt.Errorf("%w: %d of %d bytes", ErrIncompleteBody, b.n, announced)
	}
	return nil
}
