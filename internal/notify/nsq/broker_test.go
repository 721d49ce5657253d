package nsq_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/internal/notify/target/targettest"
)

const (
	// patience bounds what tests wait for, on a busy machine.
	patience  = 60 * time.Second
	topicName = "bucketevents"
	channel   = "reader"
	// first is the message that makes the topic.
	first = "first of all"
)

// nsqd is an nsqd of one test, read with nsq_tail. Its topic has a channel only
// while it is read: a channel's queue would take messages from the topic's, and
// a kill between the two loses one.
type nsqd struct {
	*brokertest.NSQ
	values map[string]string
	got    []targettest.Received
	reads  int
}

func newNSQ(t *testing.T, withTLS bool, edit func(*nsqd)) *nsqd {
	t.Helper()
	n := &nsqd{NSQ: brokertest.StartNSQ(t, withTLS)}
	n.values = map[string]string{"nsqd_address": n.Address, "topic": topicName}
	if edit != nil {
		edit(n)
	}
	n.makeTopic(t)
	return n
}

// makeTopic makes the topic and waits until its queue on disk is a queue: nsqd
// answers before that, and then would forget the first messages if it were
// killed at once.
func (n *nsqd) makeTopic(t *testing.T) {
	t.Helper()
	n.call(t, http.MethodPost, "pub?topic="+topicName, first)
	deadline := time.Now().Add(patience)
	for {
		_, err := os.Stat(filepath.Join(n.Dir, "data", topicName+".diskqueue.meta.dat"))
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("nsqd keeps no queue on disk: %v", err)
		}
		time.Sleep(5 * time.Millisecond) // the pace of asking
	}
}

func (n *nsqd) Values() map[string]string { return maps.Clone(n.values) }
func (n *nsqd) Secrets() []string         { return nil }
func (n *nsqd) Kill(*testing.T)           { n.NSQ.Kill() }
func (n *nsqd) Start(*testing.T)          { n.NSQ.Start() }
func (n *nsqd) Freeze(*testing.T)         { n.NSQ.Freeze() }
func (n *nsqd) Thaw(*testing.T)           { n.NSQ.Thaw() }

// Received empties the topic and returns all that it ever held. It reads up to a
// message of its own: after a kill nsqd does not know how many there are.
func (n *nsqd) Received(t *testing.T) []targettest.Received {
	t.Helper()
	n.reads++
	end := fmt.Sprintf("end of reading %d", n.reads)
	n.call(t, http.MethodPost, "pub?topic="+topicName, end)
	args := []string{"-nsqd-tcp-address", n.Address, "-topic", topicName, "-channel", channel}
	if n.Certs != nil {
		args = append(args, "-consumer-opt", "tls_v1,true", "-consumer-opt", "tls_insecure_skip_verify,true")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tail := exec.CommandContext(ctx, n.Tail, args...)
	out, err := tail.StdoutPipe()
	if err == nil {
		err = tail.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("nsq_tail: %v", err)
		}
		body := line[:len(line)-1]
		if body == end {
			break
		}
		if body != first {
			n.got = append(n.got, targettest.Received{Body: body})
		}
	}
	for !n.topicStats(t).read() {
		if ctx.Err() != nil {
			t.Fatal("the channel is not empty after all of it was read")
		}
		time.Sleep(10 * time.Millisecond) // the pace of asking
	}
	_ = tail.Process.Signal(syscall.SIGKILL)
	_, _ = io.Copy(io.Discard, lines)
	var killed *exec.ExitError
	if err := tail.Wait(); !errors.As(err, &killed) {
		t.Fatalf("nsq_tail: %v", err)
	}
	n.call(t, http.MethodPost, "channel/delete?topic="+topicName+"&channel="+channel, "")
	return n.got
}

// topicStats are what nsqd tells of the topic.
type topicStats struct {
	Depth    int `json:"depth"`
	Channels []struct {
		Depth    int `json:"depth"`
		InFlight int `json:"in_flight_count"`
		Deferred int `json:"deferred_count"`
	} `json:"channels"`
}

// read reports whether all is read and acknowledged.
func (s topicStats) read() bool {
	left := s.Depth
	for _, c := range s.Channels {
		left += c.Depth + c.InFlight + c.Deferred
	}
	return left == 0
}

func (n *nsqd) topicStats(t *testing.T) topicStats {
	t.Helper()
	var all struct{ Topics []topicStats }
	if err := json.Unmarshal(n.call(t, http.MethodGet, "stats?format=json&topic="+topicName, ""), &all); err != nil {
		t.Fatal(err)
	}
	if len(all.Topics) == 0 {
		return topicStats{}
	}
	return all.Topics[0]
}

func (n *nsqd) call(t *testing.T, method, path, body string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, fmt.Sprintf("http://%s/%s", n.HTTPAddress, path), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true // a kept connection has goroutines
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s %v %s", method, path, resp.Status, err, text)
	}
	return text
}
