package iam

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strings"
)

const (
	// maxChunkBytes bounds a signed chunk: it is held until its signature is
	// verified. Clients send 64 KiB to 1 MiB.
	maxChunkBytes = 16 << 20
	// maxChunkHeaderBytes bounds the line before a chunk: sixteen digits,
	// ";chunk-signature=" and 64 more are 97.
	maxChunkHeaderBytes = 256
	// maxTrailerBytes bounds all that follows the last chunk: one checksum and
	// one signature.
	maxTrailerBytes = 1 << 10
	// chunkBufferBytes is room for a chunk of 64 KiB with its header, which is
	// what most clients send.
	chunkBufferBytes = 64<<10 + 4<<10
	// maxPooledBytes keeps the buffers of rare, larger chunks out of the pool.
	maxPooledBytes = 2 << 20

	emptySHA256      = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	chunkAlgorithm   = "AWS4-HMAC-SHA256-PAYLOAD"
	trailerAlgorithm = "AWS4-HMAC-SHA256-TRAILER"
	chunkSignature   = ";chunk-signature="
	trailerSignature = "x-amz-trailer-signature"
)

// chunkForm says what a chunked body looks like.
type chunkForm struct {
	size    int64
	trailer bool
}

// chunkReader decodes an aws-chunked body in one pass ("Signature Calculations
// for the Authorization Header: Transferring Payload in Multiple Chunks", Amazon
// S3 API reference). A signed chunk is released only when its signature is
// right. The last byte is released only when the final chunk and the trailer
// have been read and are right too.
type chunkReader struct {
	src io.Reader
	// key is nil in the unsigned form.
	key  *signingKey
	form chunkForm
	// scope is "<date>\n<scope>\n", between the algorithm and the signatures.
	scope  string
	prev   [signatureLen]byte
	toSign []byte
	// buf[r:w] has been read from src and not been used.
	buf    []byte
	pooled *[]byte
	r, w   int
	// inChunk is what is left of the current chunk, left of the whole body.
	inChunk, left int64
	// first says that no chunk has been begun, so that no CRLF is due.
	first bool
	// names the one trailer announced, and its value when it has come.
	trailerName  string
	trailerValue string
	err          error
}

func newChunkReader(v *Verifier, src io.Reader, key *signingKey, sc *scope, form chunkForm) *chunkReader {
	pooled := v.buffers.Get().(*[]byte)
	c := &chunkReader{
		src: src, key: key, form: form, left: form.size, first: true,
		buf: *pooled, pooled: pooled,
	}
	if key != nil {
		c.scope = sc.amzDate + "\n" + sc.text + "\n"
		copy(c.prev[:], sc.signature)
	}
	return c
}

// release gives the buffer back.
func (c *chunkReader) release(v *Verifier) {
	if c.pooled == nil {
		return
	}
	if len(c.buf) <= maxPooledBytes {
		*c.pooled = c.buf
	}
	v.buffers.Put(c.pooled)
	c.pooled, c.buf, c.r, c.w = nil, nil, 0, 0
	c.err = io.ErrClosedPipe
}

// Read implements io.Reader.
func (c *chunkReader) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.read(p)
	if err != nil {
		c.err = err
		return 0, err
	}
	return n, nil
}

func (c *chunkReader) read(p []byte) (int, error) {
	if c.inChunk == 0 {
		if c.left == 0 {
			if c.form.size == 0 && c.first {
				return 0, c.finish()
			}
			return 0, io.EOF
		}
		if err := c.begin(); err != nil {
			return 0, err
		}
		if c.inChunk == 0 { // the last chunk, before all bytes came
			return 0, ErrIncompleteBody
		}
	}
	n, err := c.take(p[:min(int64(len(p)), c.inChunk)])
	if err != nil {
		return 0, err
	}
	c.inChunk -= int64(n)
	c.left -= int64(n)
	if c.left == 0 {
		if err := c.finish(); !errors.Is(err, io.EOF) {
			return 0, err
		}
	}
	return n, nil
}

// take reads bytes of the current chunk. Those of a signed chunk are all in buf.
func (c *chunkReader) take(p []byte) (int, error) {
	if c.r < c.w {
		n := copy(p, c.buf[c.r:c.w])
		c.r += n
		return n, nil
	}
	n, err := c.src.Read(p)
	if n > 0 {
		return n, nil
	}
	if err == nil {
		return 0, nil
	}
	return 0, shortBody(err)
}

// begin reads the header of the next chunk and, in the signed form, the chunk.
func (c *chunkReader) begin() error {
	if !c.first {
		if err := c.crlf(); err != nil {
			return err
		}
	}
	c.first = false
	size, signature, err := c.header()
	if err != nil {
		return err
	}
	if size > c.left {
		return ErrIncompleteBody
	}
	c.inChunk = size
	if c.key == nil {
		return nil
	}
	if size > maxChunkBytes {
		return detail(ErrInvalidChunk, "A chunk is larger than %d bytes.", maxChunkBytes)
	}
	if err := c.fill(int(size)); err != nil {
		return err
	}
	sum := sha256.Sum256(c.buf[c.r : c.r+int(size)])
	return c.verify(chunkAlgorithm, emptySHA256+"\n", sum, signature)
}

// finish reads the final chunk, the trailer and the end. It returns io.EOF if
// all is right.
func (c *chunkReader) finish() error {
	if err := c.begin(); err != nil {
		return err
	}
	// begin has refused a size above what is left, which is 0.
	rest, err := c.rest()
	if err != nil {
		return err
	}
	if !c.form.trailer {
		if string(rest) != "\r\n" {
			return ErrIncompleteBody
		}
		return io.EOF
	}
	return c.trailer(rest)
}

// trailer reads the lines after the final chunk: one header that was announced,
// and in the signed form its signature.
func (c *chunkReader) trailer(rest []byte) error {
	if !bytes.HasSuffix(rest, []byte("\r\n")) {
		return ErrIncompleteBody
	}
	var signed, signature string
	for line := range strings.SplitSeq(string(rest), "\n") {
		line = strings.TrimRight(line, "\r")
		if line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		switch {
		case !ok || signature != "":
			return ErrMalformedTrailer
		case name == trailerSignature && c.key != nil:
			signature = value
		case signed == "":
			signed = name + ":" + value + "\n"
			c.trailerName, c.trailerValue = http.CanonicalHeaderKey(name), value
		default:
			return ErrMalformedTrailer
		}
	}
	if c.key == nil {
		return io.EOF
	}
	if len(signature) != signatureLen {
		return ErrMalformedTrailer
	}
	var want [signatureLen]byte
	copy(want[:], signature)
	if err := c.verify(trailerAlgorithm, "", sha256.Sum256([]byte(signed)), want); err != nil {
		return err
	}
	return io.EOF
}

// verify checks one link of the chain of signatures.
func (c *chunkReader) verify(algo, extra string, sum [sha256.Size]byte, signature [signatureLen]byte) error {
	b := append(c.toSign[:0], algo...)
	b = append(b, '\n')
	b = append(b, c.scope...)
	b = append(b, c.prev[:]...)
	b = append(b, '\n')
	b = append(b, extra...)
	c.toSign = hex.AppendEncode(b, sum[:])
	if !c.key.verify(c.toSign, &signature) {
		return ErrSignature
	}
	c.prev = signature
	return nil
}

// header reads the line before a chunk: its size in hexadecimal and, in the
// signed form, its signature.
func (c *chunkReader) header() (size int64, signature [signatureLen]byte, err error) {
	line, err := c.line()
	if err != nil {
		return 0, signature, err
	}
	digits := line
	if i := bytes.IndexByte(line, ';'); i >= 0 {
		digits = line[:i]
	}
	if len(digits) == 0 || len(digits) > 15 {
		return 0, signature, ErrInvalidChunk
	}
	for _, d := range digits {
		v := unhex(d)
		if v < 0 {
			return 0, signature, ErrInvalidChunk
		}
		size = size<<4 | int64(v)
	}
	if c.key == nil {
		return size, signature, nil
	}
	got, ok := bytes.CutPrefix(line[len(digits):], []byte(chunkSignature))
	if !ok || len(got) != signatureLen {
		return 0, signature, ErrInvalidChunk
	}
	copy(signature[:], got)
	return size, signature, nil
}

// line returns the next line without its CRLF. It is valid until the next read.
func (c *chunkReader) line() ([]byte, error) {
	for seen := 0; ; {
		if i := bytes.IndexByte(c.buf[c.r+seen:c.w], '\n'); i >= 0 {
			end := c.r + seen + i
			if end == c.r || c.buf[end-1] != '\r' {
				return nil, ErrInvalidChunk
			}
			line := c.buf[c.r : end-1]
			c.r = end + 1
			return line, nil
		}
		seen = c.w - c.r
		if seen > maxChunkHeaderBytes {
			return nil, ErrInvalidChunk
		}
		if err := c.fill(seen + 1); err != nil {
			return nil, err
		}
	}
}

// crlf skips the line end after a chunk.
func (c *chunkReader) crlf() error {
	if err := c.fill(2); err != nil {
		return err
	}
	if c.buf[c.r] != '\r' || c.buf[c.r+1] != '\n' {
		return ErrInvalidChunk
	}
	c.r += 2
	return nil
}

// rest returns everything up to the end of the body.
func (c *chunkReader) rest() ([]byte, error) {
	for {
		if c.w-c.r > maxTrailerBytes {
			return nil, ErrMalformedTrailer
		}
		err := c.fill(c.w - c.r + 1)
		if errors.Is(err, ErrIncompleteBody) {
			return c.buf[c.r:c.w], nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// fill reads until buf[r:w] has n bytes. The buffer grows with what has come,
// never with what a header merely promises.
func (c *chunkReader) fill(n int) error {
	for c.w-c.r < n {
		if c.w == len(c.buf) {
			if c.r > 0 {
				c.w = copy(c.buf, c.buf[c.r:c.w])
				c.r = 0
			} else {
				grown := make([]byte, 2*len(c.buf))
				c.w = copy(grown, c.buf[:c.w])
				c.buf = grown
			}
		}
		m, err := c.src.Read(c.buf[c.w:])
		c.w += m
		if err != nil && c.w-c.r < n {
			return shortBody(err)
		}
	}
	return nil
}

// shortBody says that the end came too soon.
func shortBody(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrIncompleteBody
	}
	return err
}
