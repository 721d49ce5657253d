package crash

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// mqttWire stands between the target and its broker, passes on what both say,
// and keeps a record of it: which event was published, and which of them the
// broker acknowledged. What the record says is no word of ours: an event that is
// missing is the broker's loss if its PUBACK came by here, and ours if not.
type mqttWire struct {
	address, broker string
	// swallow, if not 0, is the publication that the broker does not get, while
	// the target gets a PUBACK for it: the 1st, 2nd, ...
	swallow int

	mu sync.Mutex
	// lives are those of the broker, the last of which has not ended.
	lives     []life
	published int
	err       error
	conns     map[net.Conn]struct{}
}

// life is a time between two starts of the broker.
type life struct {
	killed bool
	// acked are the events that it acknowledged in that life, in order.
	acked []seen
}

// startWire starts one that ends with the test.
func startWire(t *testing.T, broker string) *mqttWire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &mqttWire{address: l.Addr().String(), broker: broker, lives: make([]life, 1), conns: make(map[net.Conn]struct{})}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { w.join(client) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close() // ends Accept
		w.cut()
		all.Wait()
	})
	return w
}

// cut ends all connections.
func (w *mqttWire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.conns {
		_ = c.Close()
	}
	w.conns = nil
}

// keep has cut end a connection too, and returns the number of the broker's
// life; false if all has ended.
func (w *mqttWire) keep(c net.Conn) (int, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conns == nil {
		return 0, false
	}
	w.conns[c] = struct{}{}
	return len(w.lives) - 1, true
}

func (w *mqttWire) forget(c net.Conn) {
	_ = c.Close() // both sides have said all
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, c)
}

// join connects a client of ours with the broker. What was read from one side
// reaches the other, also when the first has gone.
func (w *mqttWire) join(client net.Conn) {
	defer w.forget(client)
	if _, ok := w.keep(client); !ok {
		return
	}
	broker, err := net.Dial("tcp", w.broker)
	if err != nil {
		return // it is down, and so is the client's connection
	}
	defer w.forget(broker)
	number, ok := w.keep(broker)
	if !ok {
		return
	}
	c := &wireConn{wire: w, life: number, waiting: make(map[uint16]seen), client: client}
	var back sync.WaitGroup
	back.Go(func() {
		pass(client, broker, c.fromBroker)
		_ = client.Close() // there will be no more answers
	})
	pass(broker, client, c.fromClient)
	_ = broker.(*net.TCPConn).CloseWrite() // the broker may have more to say
	back.Wait()
}

// pass copies packets that look lets through, until one side has ended.
func pass(to io.Writer, from io.Reader, look func(packets.ControlPacket) bool) {
	for {
		var raw bytes.Buffer
		packet, err := packets.ReadPacket(io.TeeReader(from, &raw))
		if err != nil {
			return
		}
		if !look(packet) {
			continue
		}
		if _, err := to.Write(raw.Bytes()); err != nil {
			return
		}
	}
}

// wireConn is a connection of the target with the broker.
type wireConn struct {
	wire   *mqttWire
	life   int
	client io.Writer
	// waiting are the messages that have no PUBACK, by their identifiers.
	waiting map[uint16]seen
}

// fromClient takes note of what is published before the broker gets it.
func (c *wireConn) fromClient(packet packets.ControlPacket) bool {
	p, ok := packet.(*packets.PublishPacket)
	if !ok {
		return true
	}
	e, err := parseEvent(p.Payload, "")
	w := c.wire
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.err = err
		return true
	}
	if w.published++; w.published == w.swallow {
		ack := packets.NewControlPacket(packets.Puback).(*packets.PubackPacket)
		ack.MessageID = p.MessageID
		_ = ack.Write(c.client) // the control sees whether it was believed
		return false
	}
	c.waiting[p.MessageID] = e
	return true
}

// fromBroker takes note of what is acknowledged before the target knows.
func (c *wireConn) fromBroker(packet packets.ControlPacket) bool {
	p, ok := packet.(*packets.PubackPacket)
	if !ok {
		return true
	}
	w := c.wire
	w.mu.Lock()
	defer w.mu.Unlock()
	if e, ok := c.waiting[p.MessageID]; ok {
		delete(c.waiting, p.MessageID)
		w.lives[c.life].acked = append(w.lives[c.life].acked, e)
	}
	return true
}

// ended says that the broker has ended, and starts again.
func (w *mqttWire) ended(killed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lives[len(w.lives)-1].killed = killed
	w.lives = append(w.lives, life{})
}

// acknowledged returns all that the broker acknowledged, in order.
func (w *mqttWire) acknowledged() ([]seen, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []seen
	for _, l := range w.lives {
		all = append(all, l.acked...)
	}
	return all, w.err
}

// figures are for the report.
func (w *mqttWire) figures() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	acked := 0
	for _, l := range w.lives {
		acked += len(l.acked)
	}
	return fmt.Sprintf("%d messages published, %d acknowledged", w.published, acked)
}

// forgotten returns the events that did not arrive and that a broker which is
// killed may have forgotten: the last that it acknowledged in a life that was
// ended so. One that it acknowledged in a life that was not is not among them, nor
// is one behind which it acknowledged another that arrived from that life: it
// passes on what it gets in order.
func (w *mqttWire) forgotten(arrived []seen) []seen {
	here := make(map[string]bool, len(arrived))
	for _, s := range arrived {
		here[s.mutation()] = true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	in := make(map[string]map[int]bool) // the lives in which an event was acknowledged
	safe := make(map[string]bool)       // those of lives that were not ended by a kill
	for n, l := range w.lives {
		for _, s := range l.acked {
			m := s.mutation()
			if in[m] == nil {
				in[m] = make(map[int]bool)
			}
			in[m][n], safe[m] = true, safe[m] || !l.killed
		}
	}
	var all []seen
	counted := make(map[string]bool)
	for _, l := range w.lives {
		if !l.killed {
			continue
		}
		for _, s := range slices.Backward(l.acked) {
			m := s.mutation()
			if here[m] && len(in[m]) == 1 {
				break
			}
			if !here[m] && !safe[m] && !counted[m] {
				counted[m], all = true, append(all, s)
			}
		}
	}
	return all
}
