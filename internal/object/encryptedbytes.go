package object

import (
	"context"
	"io"

	"github.com/carillon-s3/carillon/internal/sse"
)

// wholeKey is the key of the bytes of an object that is put whole; nil if it is
// not encrypted.
func wholeKey(key *sse.ObjectKey) *sse.StreamKey {
	if key == nil {
		return nil
	}
	k := key.Stream()
	return &k
}

// encryptBody writes head and the rest of body to w, encrypted.
func (s *Service) encryptBody(w io.Writer, head []byte, body *bodyReader, key sse.StreamKey) error {
	encrypted, err := key.Writer(admitted{w, s.Admit})
	if err != nil {
		return err
	}
	if _, err := encrypted.Write(head); err != nil {
		return err
	}
	if err := s.copyBody(encrypted, body); err != nil {
		return err
	}
	return encrypted.Close()
}

// decrypted reads ranges of what open reads encrypted, of size plain bytes.
func decrypted(open openFunc, key sse.StreamKey, size int64) openFunc {
	return func(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
		return key.Open(func(offset, length int64) (io.ReadCloser, error) { return open(ctx, offset, length) }, size, offset, length)
	}
}

// openPart reads bytes of a part. key is that of an encrypted object, nil of
// others.
func (s *Service) openPart(ctx context.Context, p storedPart, key *sse.ObjectKey, offset, length int64) (io.ReadCloser, error) {
	open := func(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
		return s.blobs.Open(ctx, p.Blob, offset, length)
	}
	if key != nil {
		open = decrypted(open, key.Part(p.number, p.Salt), p.Size)
	}
	return open(ctx, offset, length)
}

// storedSize is how many bytes are stored of an object without parts.
func (r *versionRecord) storedSize() int64 {
	if r.Encryption == nil {
		return r.Size
	}
	return sse.StoredSize(r.Size)
}
