package nsq

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"strings"
	"testing"

	protocol "github.com/nsqio/go-nsq"

	"github.com/carillon-s3/carillon/internal/notify/target"
)

func frame(kind int32, text string) string {
	b := binary.BigEndian.AppendUint32(nil, uint32(4+len(text))) //nolint:gosec // short
	b = binary.BigEndian.AppendUint32(b, uint32(kind))           //nolint:gosec // 0, 1 or 2
	return string(b) + text
}

// TestAnswers: what nsqd can say to a command.
func TestAnswers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		sent      string
		want      string // the answer, or part of the error
		fails     bool
		permanent bool
	}{
		"OK":                       {sent: frame(0, "OK"), want: "OK"},
		"OK after heartbeats":      {sent: frame(0, heartbeat) + frame(0, heartbeat) + frame(0, "OK"), want: "OK"},
		"message too big":          {sent: frame(1, "E_BAD_MESSAGE PUB message too big 2 > 1"), want: "message too big", fails: true, permanent: true},
		"body too big":             {sent: frame(1, "E_BAD_BODY MPUB body too big 2 > 1"), want: "body too big", fails: true, permanent: true},
		"disk full":                {sent: frame(1, "E_MPUB_FAILED MPUB failed no space left"), want: "no space left", fails: true},
		"bad topic":                {sent: frame(1, "E_BAD_TOPIC x"), want: "E_BAD_TOPIC", fails: true},
		"message":                  {sent: frame(2, "surprise"), want: "frame of type 2", fails: true},
		"nothing":                  {sent: "", want: "read the answer: EOF", fails: true},
		"half of it":               {sent: frame(0, "OK")[:7], want: "read the answer: unexpected EOF", fails: true},
		"no type":                  {sent: "\x00\x00\x00\x02OK", want: "too small", fails: true},
		"HTTP":                     {sent: "HTTP/1.1 400 Bad Request\r\n\r\n", want: "is it an nsqd?", fails: true},
		"longer than it should be": {sent: "\x7f\xff\xff\xff", want: "is it an nsqd?", fails: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &conn{r: bufio.NewReader(strings.NewReader(tt.sent))}
			got, err := c.answer()
			if tt.fails != (err != nil) || target.IsPermanent(err) != tt.permanent {
				t.Fatalf("%q, permanent %v: %v", got, target.IsPermanent(err), err)
			}
			if text := string(got); err == nil && text != tt.want || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%q, %v; want %q", text, err, tt.want)
			}
		})
	}
}

// TestReasonOfAClosedConnection: nsqd told why and closed, before it was written
// to.
func TestReasonOfAClosedConnection(t *testing.T) {
	t.Parallel()
	ours, theirs := net.Pipe()
	c := newConn(refusesWrites{ours})
	go func() {
		_, _ = theirs.Write([]byte(frame(1, "E_BAD_MESSAGE PUB message too big 2 > 1")))
		_ = theirs.Close()
	}()
	if _, err := c.ask(protocol.Publish("t", []byte("{}"))); !target.IsPermanent(err) {
		t.Errorf("%v", err)
	}
	silent, gone := net.Pipe()
	_ = gone.Close()
	if _, err := newConn(refusesWrites{silent}).ask(protocol.Publish("t", []byte("{}"))); !errors.Is(err, net.ErrClosed) {
		t.Errorf("without a reason: %v", err)
	}
}

// refusesWrites is a connection whose other end was closed.
type refusesWrites struct{ net.Conn }

func (refusesWrites) Write([]byte) (int, error) { return 0, net.ErrClosed }

func FuzzReadFrame(f *testing.F) {
	for _, s := range []string{frame(0, "OK"), frame(1, "E_INVALID"), frame(0, heartbeat), "\xff\xff\xff\xff", "\x00\x00\x00\x03abc", ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		kind, data, err := readFrame(bufio.NewReader(bytes.NewReader(raw)))
		if err == nil && !bytes.HasPrefix(raw, []byte(frame(kind, string(data)))) {
			t.Errorf("%x is read as type %d, %x", raw, kind, data)
		}
	})
}
