package crash

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nsqio/go-nsq"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/test/harness"
)

const (
	nsqTopic = "events"
	// nsqFirst is the message that makes the topic.
	nsqFirst = "first of all"
)

// nsqd is a topic that is read only when the outages are over: nsqd moves messages
// from the topic to the channel of a reader, and a kill between the two loses
// one, as it loses those that a reader has in hand.
func nsqd(t *testing.T) broker {
	t.Helper()
	server := brokertest.StartNSQ(t, false)
	makeTopic(t, server)
	r := &nsqReader{address: server.Address}
	t.Cleanup(r.stop)
	return broker{
		name: "nsq", process: server.Process, arn: "arn:minio:sqs::1:nsq",
		env: []string{
			"MINIO_NOTIFY_NSQ_ENABLE_1=on", "MINIO_NOTIFY_NSQ_NSQD_ADDRESS_1=" + server.Address, "MINIO_NOTIFY_NSQ_TOPIC_1=" + nsqTopic,
		},
		arrived: r.arrived,
	}
}

// makeTopic makes the topic and waits until it has its queue on disk: an nsqd
// that is killed before forgets the first messages, though it has answered.
func makeTopic(t *testing.T, server *brokertest.NSQ) {
	t.Helper()
	ctx, cancel := harness.Bounded(t)
	defer cancel()
	if err := publishNSQ(ctx, server.HTTPAddress, nsqFirst); err != nil {
		t.Fatal(err)
	}
	harness.Poll(t, "the topic's queue on disk", func() error {
		_, err := os.Stat(filepath.Join(server.Dir, "data", nsqTopic+".diskqueue.meta.dat"))
		return err
	})
}

func publishNSQ(ctx context.Context, address, body string) error {
	url := "http://" + address + "/pub?topic=" + nsqTopic
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("POST %s: %s", url, resp.Status)
	}
	return nil
}

// nsqReader reads the topic in the order in which nsqd has it: over one
// connection, one message after the other, and none is put back.
type nsqReader struct {
	address  string
	consumer *nsq.Consumer

	mu  sync.Mutex
	got []seen
	err error
}

// arrived starts to read when it is called first.
func (r *nsqReader) arrived(testing.TB) ([]seen, error) {
	if r.consumer == nil {
		if err := r.start(); err != nil {
			return nil, err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got), r.err
}

func (r *nsqReader) start() error {
	config := nsq.NewConfig()
	config.MaxInFlight = 100 // on their way; it takes one at a time
	consumer, err := nsq.NewConsumer(nsqTopic, "reader", config)
	if err != nil {
		return err
	}
	consumer.SetLogger(log.Default(), nsq.LogLevelError)
	consumer.AddHandler(nsq.HandlerFunc(r.take))
	if err := consumer.ConnectToNSQD(r.address); err != nil {
		consumer.Stop()
		return err
	}
	r.consumer = consumer
	return nil
}

func (r *nsqReader) stop() {
	if r.consumer != nil {
		r.consumer.Stop()
		<-r.consumer.StopChan
	}
}

// take is called for one message at a time.
func (r *nsqReader) take(m *nsq.Message) error {
	if string(m.Body) == nsqFirst {
		return nil
	}
	e, err := parseEvent(m.Body, "")
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.err = err
		return nil // which finishes it
	}
	r.got = append(r.got, e)
	return nil
}
