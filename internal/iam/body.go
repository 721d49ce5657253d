package iam

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"strconv"

	"github.com/carillon-s3/carillon/internal/checksum"
)

// The forms of X-Amz-Content-Sha256 beside a hexadecimal hash.
const (
	unsignedPayload          = "UNSIGNED-PAYLOAD"
	streamingSigned          = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	streamingSignedTrailer   = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
	streamingUnsignedTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	streamingPrefix          = "STREAMING-"
)

// Body is the decoded body of a request. Read gives its bytes in one pass and
// verifies them on the way: the last bytes, and io.EOF, come only when length,
// hash, signatures, trailer and checksum have all been found right. After any
// error but io.EOF the bytes already read must be thrown away.
//
// It is for one goroutine.
type Body struct {
	src io.Reader
	// size is the decoded length, -1 if unknown; left is what has not been read.
	size, left int64
	// sha hashes the whole body against wantSHA; nil if the form has no hash.
	sha     hash.Hash
	wantSHA [sha256.Size]byte
	sum     *bodyChecksum
	chunks  *chunkReader
	owner   *Verifier
	err     error
}

var errClosed = errors.New("iam: read of a closed body")

// Size is the decoded length in bytes, or -1 if the request does not say it.
func (b *Body) Size() int64 { return b.size }

// Signed reports whether the signature covers the bytes of the body: their hash,
// or each chunk; or there are none. Call it before the body is read.
func (b *Body) Signed() bool {
	return b.size == 0 || b.sha != nil || b.chunks != nil && b.chunks.key != nil
}

// ChecksumAlgorithm is that of the additional checksum that the client sends, in
// a header or as a trailer; 0 if it sends none.
func (b *Body) ChecksumAlgorithm() checksum.Algorithm {
	if b.sum == nil {
		return 0
	}
	return b.sum.algorithm
}

// Checksum is the digest of that algorithm that the client sent and that the
// body was found to have. Call it after the body has been read to its end.
func (b *Body) Checksum() []byte {
	if b.sum == nil {
		return nil
	}
	return b.sum.want
}

// newBody wraps the request's body as its signature says.
func (v *Verifier) newBody(r *http.Request, sc *scope, key *signingKey, o Options) (*Body, error) {
	b := &Body{src: r.Body, size: r.ContentLength, owner: v}
	if r.Body == nil {
		b.src, b.size = http.NoBody, 0
	}
	payload := sc.payload
	if payload == "" { // anonymous, or signed with version 2
		payload = unsignedPayload
		if first(r.Header, "X-Amz-Content-Sha256") == streamingUnsignedTrailer {
			payload = streamingUnsignedTrailer
		}
	}
	switch payload {
	case unsignedPayload:
	case streamingSigned, streamingSignedTrailer, streamingUnsignedTrailer:
		if err := b.stream(r, sc, key, payload); err != nil {
			return nil, err
		}
	default:
		if len(payload) > len(streamingPrefix) && payload[:len(streamingPrefix)] == streamingPrefix {
			return nil, detail(ErrNotImplemented, "The payload form %s is not supported.", payload)
		}
		n, err := hex.Decode(b.wantSHA[:], []byte(payload[:min(len(payload), signatureLen)]))
		if err != nil || n != sha256.Size || len(payload) != signatureLen {
			return nil, ErrInvalidContentSHA256
		}
		if b.size != 0 {
			b.sha = v.hashes.Get().(hash.Hash)
			b.sha.Reset()
		} else if payload != emptySHA256 && (r.Method == http.MethodPut || r.Method == http.MethodPost) {
			b.err = ErrContentSHA256Mismatch
		}
	}
	if !o.IgnoreChecksums || b.chunks != nil {
		var err error
		trailer := payload == streamingSignedTrailer || payload == streamingUnsignedTrailer
		if b.sum, err = newChecksum(r.Header, trailer); err != nil {
			_ = b.Close() // only gives buffers back
			return nil, err
		}
	}
	b.left = b.size
	return b, nil
}

// stream prepares the decoding of an aws-chunked body.
func (b *Body) stream(r *http.Request, sc *scope, key *signingKey, form string) error {
	announced := first(r.Header, "X-Amz-Decoded-Content-Length")
	if announced == "" {
		return ErrMissingLength
	}
	size, err := strconv.ParseInt(announced, 10, 64)
	if err != nil || size < 0 {
		return ErrMissingLength
	}
	if form == streamingUnsignedTrailer {
		key = nil
	} else if key == nil {
		return ErrAccessDenied
	}
	// An empty body may come without even its last chunk; the signed decoded
	// length vouches for it.
	empty := size == 0 && r.ContentLength == 0 && form == streamingSigned
	b.size = size
	if empty {
		b.src = http.NoBody
		return nil
	}
	b.chunks = newChunkReader(b.owner, b.src, key, sc, chunkForm{size: size, trailer: form != streamingSigned})
	b.src = b.chunks
	return nil
}

// Read implements io.Reader.
func (b *Body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := b.src.Read(p)
	if n > 0 {
		if b.sha != nil {
			b.sha.Write(p[:n])
		}
		if b.sum != nil {
			b.sum.hash.Write(p[:n])
		}
		if b.size >= 0 {
			b.left -= int64(n)
		}
	}
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		b.err = bodyError(err)
	case b.size >= 0 && b.left < 0, errors.Is(err, io.EOF) && b.size >= 0 && b.left > 0:
		b.err = ErrIncompleteBody
	case errors.Is(err, io.EOF), b.size >= 0 && b.left == 0:
		b.err = b.verify()
	}
	if b.err != nil && !errors.Is(b.err, io.EOF) {
		return 0, b.err
	}
	return n, b.err
}

// verify is called once, when every byte is there. It returns io.EOF if all is
// right.
func (b *Body) verify() error {
	if b.sha != nil {
		var got [sha256.Size]byte
		b.sha.Sum(got[:0])
		if !bytes.Equal(got[:], b.wantSHA[:]) {
			return ErrContentSHA256Mismatch
		}
	}
	if b.chunks != nil {
		var announced string
		if b.sum != nil && b.sum.trailer {
			announced = b.sum.algorithm.Header()
		}
		if b.chunks.trailerName != announced {
			return ErrMalformedTrailer
		}
		if announced != "" {
			if err := b.sum.received(b.chunks.trailerValue); err != nil {
				return err
			}
		}
	}
	if b.sum == nil {
		return io.EOF
	}
	if err := b.sum.check(); err != nil {
		return err
	}
	return io.EOF
}

// Close gives the buffers back. The request's own body is the server's to close.
func (b *Body) Close() error {
	if b.owner == nil {
		return nil
	}
	if b.sha != nil {
		b.owner.hashes.Put(b.sha)
		b.sha = nil
	}
	if b.chunks != nil {
		b.chunks.release(b.owner)
	}
	b.owner = nil
	if b.err == nil {
		b.err = errClosed
	}
	return nil
}

// bodyError says that a connection which ended too soon gave too short a body.
func bodyError(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrIncompleteBody
	}
	return err
}
