package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"slices"
	"strconv"
	"time"
)

// inlineBody is the largest body sent in one write with its head, which saves a
// system call; larger ones are worth more than copying.
const inlineBody = 64 << 10

// answerTimeout bounds one request, so that a server that hangs ends the
// benchmark with an error and not never.
const answerTimeout = 60 * time.Second

// request is one S3 request. Path and query are escaped and in canonical order.
type request struct {
	method, path, query string
	body                []byte
	hash                string // of the body, or unsignedPayload
	keep                bool   // keep the answer's body in client.answer
}

// client is one connection to a server, with one request at a time. It speaks
// just enough HTTP/1.1 (RFC 9112) to drive a server at a fraction of what
// net/http costs, since it shares the machine with the server it measures.
type client struct {
	address string
	signer  *signer
	conn    net.Conn
	in      *bufio.Reader
	out     []byte
	answer  []byte // body of the last answer, if kept or not 2xx
	etag    string // of the last answer
}

func newClient(address string) *client {
	return &client{address: address, signer: newSigner(address), in: bufio.NewReaderSize(nil, 64<<10)}
}

func (c *client) close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

// do sends r and reads its answer to the end. An answer that is not 2xx is an
// error. After an error of the connection the next call dials again.
func (c *client) do(r *request) error {
	status, err := c.roundTrip(r)
	if err != nil {
		c.close()
		return fmt.Errorf("%s %s: %w", r.method, r.path, err)
	}
	if status/100 != 2 {
		return fmt.Errorf("%s %s: answered %d: %.300s", r.method, r.path, status, c.answer)
	}
	return nil
}

func (c *client) roundTrip(r *request) (status int, err error) {
	if c.conn == nil {
		if c.conn, err = net.DialTimeout("tcp", c.address, answerTimeout); err != nil {
			return 0, err
		}
		c.in.Reset(c.conn)
	}
	now := time.Now()
	if err := c.conn.SetDeadline(now.Add(answerTimeout)); err != nil {
		return 0, err
	}
	c.appendHead(r, now)
	if len(r.body) <= inlineBody {
		c.out = append(c.out, r.body...)
		_, err = c.conn.Write(c.out)
	} else {
		_, err = (&net.Buffers{c.out, r.body}).WriteTo(c.conn)
	}
	if err != nil {
		return 0, err
	}
	return c.readAnswer(r.keep)
}

func (c *client) appendHead(r *request, now time.Time) {
	b := append(c.out[:0], r.method...)
	b = append(b, ' ')
	b = append(b, r.path...)
	if r.query != "" {
		b = append(b, '?')
		b = append(b, r.query...)
	}
	b = append(b, " HTTP/1.1\r\n"...)
	b = c.signer.appendSigned(b, r, now)
	b = append(b, "Content-Length: "...)
	b = strconv.AppendInt(b, int64(len(r.body)), 10)
	c.out = append(b, "\r\n\r\n"...)
}

// head is what matters of an answer's head.
type head struct {
	status  int
	length  int64
	chunked bool
	close   bool
	etag    string
}

func (c *client) readAnswer(keep bool) (int, error) {
	h, err := readHead(c.in)
	if err != nil {
		return 0, err
	}
	c.answer, c.etag = c.answer[:0], h.etag
	keep = keep || h.status/100 != 2
	switch {
	case h.chunked:
		err = c.readChunked(keep)
	case keep:
		c.answer = slices.Grow(c.answer, int(h.length))[:h.length]
		_, err = io.ReadFull(c.in, c.answer)
	default:
		err = discard(c.in, h.length)
	}
	if h.close {
		c.close()
	}
	return h.status, err
}

func (c *client) readChunked(keep bool) (err error) {
	body := httputil.NewChunkedReader(c.in)
	if keep {
		c.answer, err = io.ReadAll(body)
	} else {
		_, err = io.Copy(io.Discard, body)
	}
	for err == nil { // trailers, and the empty line that ends them
		var line []byte
		if line, err = readLine(c.in); len(line) == 0 {
			break
		}
	}
	return err
}

func readHead(in *bufio.Reader) (head, error) {
	line, err := readLine(in)
	if err != nil {
		return head{}, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return head{}, fmt.Errorf("not an HTTP/1.1 answer: %.80q", line)
	}
	var h head
	if h.status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return head{}, fmt.Errorf("status: %w", err)
	}
	for {
		if line, err = readLine(in); err != nil || len(line) == 0 {
			return h, err
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			return head{}, fmt.Errorf("not a header: %.80q", line)
		}
		if err := h.add(name, bytes.TrimSpace(value)); err != nil {
			return head{}, err
		}
	}
}

func (h *head) add(name, value []byte) (err error) {
	switch {
	case bytes.EqualFold(name, []byte("Content-Length")):
		h.length, err = strconv.ParseInt(string(value), 10, 64)
	case bytes.EqualFold(name, []byte("Transfer-Encoding")):
		h.chunked = bytes.EqualFold(value, []byte("chunked"))
	case bytes.EqualFold(name, []byte("ETag")):
		h.etag = string(value)
	case bytes.EqualFold(name, []byte("Connection")):
		h.close = bytes.EqualFold(value, []byte("close"))
	}
	return err
}

// readLine returns the next line without its end; it is valid until the next read.
func readLine(in *bufio.Reader) ([]byte, error) {
	line, err := in.ReadSlice('\n')
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return bytes.TrimRight(line, "\r\n"), err
}

func discard(in *bufio.Reader, n int64) error {
	for n > 0 {
		step, err := in.Discard(int(min(n, 1<<20)))
		n -= int64(step)
		if err != nil {
			return err
		}
	}
	return nil
}
