package crash

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/stan.go"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/test/harness"
)

const natsSubject = "bucketevents"

// natsBroker has the settings that all three kinds of server share.
func natsBroker(kind string, process *brokertest.Process, address string, more ...string) broker {
	return broker{
		name: "nats, " + kind, process: process, arn: "arn:minio:sqs::1:nats",
		env: append([]string{
			"MINIO_NOTIFY_NATS_ENABLE_1=on", "MINIO_NOTIFY_NATS_ADDRESS_1=" + address, "MINIO_NOTIFY_NATS_SUBJECT_1=" + natsSubject,
			"MINIO_NOTIFY_NATS_USERNAME_1=" + brokertest.Login, "MINIO_NOTIFY_NATS_PASSWORD_1=" + brokertest.Password,
		}, more...),
	}
}

// natsConnect connects a consumer that comes back after every outage.
func natsConnect(t testing.TB, address string) *natsgo.Conn {
	t.Helper()
	nc, err := natsgo.Connect("nats://"+address, natsgo.UserInfo(brokertest.Login, brokertest.Password),
		natsgo.MaxReconnects(-1), natsgo.ReconnectWait(50*time.Millisecond),
		// A frozen server is waited for: a subscriber that leaves it would miss
		// what it does when it goes on.
		natsgo.PingInterval(time.Hour),
		natsgo.ErrorHandler(func(*natsgo.Conn, *natsgo.Subscription, error) {}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// natsFlush returns when the server has done what was asked of it until now.
func natsFlush(t testing.TB, nc *natsgo.Conn) {
	t.Helper()
	harness.Poll(t, "an answer of NATS to its consumer", func() error { return nc.FlushTimeout(5 * time.Second) })
}

// natsJetStream is a stream in files.
func natsJetStream(t *testing.T) broker {
	t.Helper()
	server := brokertest.StartNATS(t, brokertest.NATSUser)
	nc := natsConnect(t, server.Address)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{natsSubject}})
	if err != nil {
		t.Fatal(err)
	}
	b := natsBroker("JetStream", server.Process, server.Address, "MINIO_NOTIFY_NATS_JETSTREAM_1=on")
	b.arrived = func(t testing.TB) ([]seen, error) {
		natsFlush(t, nc) // it is connected again
		info, err := stream.Info(t.Context())
		if err != nil {
			return nil, err
		}
		var all []seen
		for n := info.State.FirstSeq; n > 0 && n <= info.State.LastSeq; n++ {
			m, err := stream.GetMsg(t.Context(), n)
			if err != nil {
				return nil, err
			}
			s, err := parseEvent(m.Data, m.Header.Get(natsgo.MsgIdHdr))
			if err != nil {
				return nil, err
			}
			all = append(all, s)
		}
		return all, nil
	}
	return b
}

// natsStreaming is a NATS Streaming server, whose messages have no ids. It is
// read from its first message on, up to one that the reader sends itself.
func natsStreaming(t *testing.T) broker {
	t.Helper()
	server := brokertest.StartSTAN(t)
	b := natsBroker("Streaming", server.Process, server.Address,
		"MINIO_NOTIFY_NATS_STREAMING_1=on", "MINIO_NOTIFY_NATS_STREAMING_CLUSTER_ID_1="+server.Cluster)
	b.arrived = func(t testing.TB) ([]seen, error) {
		nc := natsConnect(t, server.Address)
		defer nc.Close()
		sc, err := stan.Connect(server.Cluster, "reader-"+uuid.NewString(), stan.NatsConn(nc))
		if err != nil {
			return nil, err
		}
		defer func() { _ = sc.Close() }() // it was read
		const endMark = "end "
		end := endMark + uuid.NewString()
		if err := sc.Publish(natsSubject, []byte(end)); err != nil {
			return nil, err
		}
		messages := make(chan string, 1024)
		if _, err := sc.Subscribe(natsSubject, func(m *stan.Msg) { messages <- string(m.Data) }, stan.DeliverAllAvailable()); err != nil {
			return nil, err
		}
		var all []seen
		for {
			select {
			case m := <-messages:
				if m == end {
					return all, nil
				}
				if strings.HasPrefix(m, endMark) {
					continue // of an earlier reader
				}
				s, err := parseEvent([]byte(m), "")
				if err != nil {
					return nil, err
				}
				all = append(all, s)
			case <-time.After(harness.Patience):
				return nil, fmt.Errorf("%d messages came, and not the last", len(all))
			}
		}
	}
	return b
}

// natsCore is a NATS server as it is, with a subscriber that lives through its
// outages. Such a server keeps nothing: its answer to a ping says that an event
// is in the queue of each subscriber of that moment, and what is in these queues
// dies with it. So it is frozen, and stopped with the grace to empty them, and
// never killed.
func natsCore(t *testing.T) broker {
	t.Helper()
	server := brokertest.StartNATS(t, brokertest.NATSUser)
	nc := natsConnect(t, server.Address)
	var (
		mu   sync.Mutex
		all  []seen
		fail error
	)
	sub, err := nc.Subscribe(natsSubject, func(m *natsgo.Msg) {
		mu.Lock()
		defer mu.Unlock()
		s, err := parseEvent(m.Data, m.Header.Get(natsgo.MsgIdHdr))
		if err != nil {
			fail = err
			return
		}
		all = append(all, s)
	})
	if err == nil {
		err = sub.SetPendingLimits(-1, -1)
	}
	if err != nil {
		t.Fatal(err)
	}
	natsFlush(t, nc)
	b := natsBroker("core", server.Process, server.Address)
	b.keepsNothing, b.listens = true, func(t testing.TB) { natsFlush(t, nc) }
	b.arrived = func(t testing.TB) ([]seen, error) {
		natsFlush(t, nc)
		handled := make(chan struct{})
		if err := nc.Barrier(func() { close(handled) }); err != nil {
			return nil, err
		}
		<-handled
		mu.Lock()
		defer mu.Unlock()
		return append([]seen(nil), all...), fail
	}
	return b
}
