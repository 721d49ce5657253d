// Package kafka produces events to a topic of an Apache Kafka cluster.
//
//	mc admin config set ALIAS notify_kafka:1 brokers=localhost:9092 topic=bucketevents
//
// Each event is one record: its key is `<bucket>/<object key>`, its value
// {"EventName","Key","Records":[...]}, and its header event-id the event's id,
// the same on every attempt. Keys have the partitions that sarama, the client of
// MinIO, gives them, so that a topic can be taken over.
//
// Acknowledged means that all in-sync replicas have the record (acks=all), and
// the producer is idempotent. MESSAGE_TOO_LARGE, RECORD_LIST_TOO_LARGE and
// INVALID_RECORD refuse an event for good; everything else is the cluster's
// trouble.
//
// The client library retries nothing. After any failure but a refusal it is
// dropped whole and opened anew: an idempotent producer that waits for a broker
// outlives every timeout of its own, and what its unconfirmed records become is
// only known to be settled once its connections are gone.
package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/carillon-s3/carillon/internal/notify/target"
)

const (
	// maxBatch and maxBatchBytes bound one Send. The client cuts it into Kafka's
	// batches, of which up to five are under way to a broker: on a network with a
	// round trip of 50 ms this is still some 80,000 events a second.
	maxBatch      = 4000
	maxBatchBytes = 8 << 20
	// timeout bounds one Send. The brokers get acksTimeout of it for their
	// replicas.
	timeout     = 20 * time.Second
	acksTimeout = 10 * time.Second
	// metadataAge is how soon the list of partitions may be asked for again.
	metadataAge = 250 * time.Millisecond
	// topicWait is how long a topic that is not there is waited for: brokers that
	// make it when it is asked for say that it is unknown until it has leaders,
	// and so do those that never will.
	topicWait = 5 * time.Second
	// idHeader is the header of a record with the event's id.
	idHeader = "event-id"
	// clientID is what quotas and logs of brokers know this client by.
	clientID = "carillon"
)

// Kind is the Kafka kind of target.
func Kind() target.Kind {
	return target.New(target.Definition[Settings, *Settings]{
		Name:        "kafka",
		Description: "publish bucket notifications to Kafka endpoints",
		Traits: func(s *Settings) target.Traits {
			t := target.Traits{MaxBatch: maxBatch, MaxBatchBytes: maxBatchBytes, Senders: 1, Timeout: timeout, Body: target.Envelope}
			if s.BatchSize > 0 {
				t.MaxBatch = int(min(s.BatchSize, maxBatch))
			}
			return t
		},
		Open: func(s *Settings, env target.Env) (target.Target, error) { return open(s, env) },
	})
}

// producer is a topic.
type producer struct {
	topic   string
	options []kgo.Opt
	pin     *kversion.Versions // nil without one

	mu     sync.Mutex
	client *kgo.Client // nil while there is none
	closed bool
}

var errClosed = errors.New("kafka: closed")

func open(s *Settings, env target.Env) (*producer, error) {
	codec, err := s.compression()
	if err != nil {
		return nil, err
	}
	conf, err := s.tls(env)
	if err != nil {
		return nil, err
	}
	dial := env.Dialer().DialContext
	if conf != nil {
		dial = (&tls.Dialer{NetDialer: env.Dialer(), Config: conf}).DialContext
	}
	options := []kgo.Opt{
		kgo.ClientID(clientID),
		kgo.SeedBrokers(s.Brokers...),
		kgo.Dialer(dial),
		kgo.DisableClientMetrics(), // they are pushed to the brokers, also while closing
		kgo.RequestRetries(0),
		kgo.MetadataMinAge(metadataAge),
		kgo.AllowAutoTopicCreation(), // where brokers allow it too, as with MinIO
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProduceRequestTimeout(acksTimeout),
		kgo.RecordRetries(0),
		kgo.UnknownTopicRetries(0),
		kgo.ProducerLinger(0),
		kgo.ProducerBatchCompression(codec),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(kgo.SaramaCompatHasher(fnv1a))),
	}
	if v := s.versions(); v != nil {
		options = append(options, kgo.MaxVersions(v))
	}
	if s.idempotent() {
		// A record whose answer is lost fails at once instead of being sent until
		// there is one: delivery sends it again.
		options = append(options, kgo.AllowIdempotentProduceCancellation())
	} else {
		options = append(options, kgo.DisableIdempotentWrite())
		env.Log().Warn("the producer is not idempotent and records have no headers, since version is below 0.11",
			"target", env.ID.String(), "version", s.Version)
	}
	if m := s.mechanism(); m != nil {
		options = append(options, kgo.SASL(m))
	}
	if err := kgo.ValidateOpts(options...); err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	return &producer{topic: s.Topic, options: options, pin: s.versions()}, nil
}

// fnv1a hashes the key of a record for its partition.
func fnv1a(key []byte) uint32 {
	h := fnv.New32a()
	_, _ = h.Write(key) // never fails
	return h.Sum32()
}

// Send produces batch and returns when each record is confirmed or has failed.
func (p *producer) Send(ctx context.Context, batch []target.Message) error {
	if len(batch) == 0 {
		return nil
	}
	failed := make(map[int]error)
	members := make([]int, len(batch))
	for i := range members {
		members[i] = i
	}
	p.produce(ctx, batch, members, failed)
	switch {
	case len(failed) == 0:
		return nil
	case len(failed) == len(batch) && !slices.ContainsFunc(slices.Collect(maps.Values(failed)), target.IsPermanent):
		return failed[0] // the target is in trouble
	}
	return &target.BatchError{Failed: failed}
}

// produce sends the given members of batch and adds those that fail to failed.
// Brokers refuse a batch of Kafka's as a whole, so those that were refused are
// sent again in halves until it shows who was meant.
func (p *producer) produce(ctx context.Context, batch []target.Message, members []int, failed map[int]error) {
	var refused []int
	for i, err := range p.attempt(ctx, batch, members) {
		switch {
		case !isRefusal(err):
			failed[i] = explain(p.topic, err)
		case len(members) == 1:
			failed[i] = target.Permanent(explain(p.topic, err))
		default:
			refused = append(refused, i)
		}
	}
	if len(refused) == 0 {
		return
	}
	slices.Sort(refused)
	half := (len(refused) + 1) / 2
	p.produce(ctx, batch, refused[:half], failed)
	if half < len(refused) {
		p.produce(ctx, batch, refused[half:], failed)
	}
}

// attempt sends the given members of batch once and returns the errors of those
// that were not confirmed. The client is dropped if there are any.
func (p *producer) attempt(ctx context.Context, batch []target.Message, members []int) map[int]error {
	failed := make(map[int]error)
	client, err := p.connected(ctx)
	if err == nil {
		p.exchange(ctx, client, batch, members, failed)
	} else {
		for _, i := range members {
			failed[i] = err
		}
	}
	if len(failed) > 0 && client != nil {
		p.drop(client)
	}
	return failed
}

// exchange hands records to client and waits for what becomes of them, or for
// the end of ctx.
func (p *producer) exchange(ctx context.Context, client *kgo.Client, batch []target.Message, members []int, failed map[int]error) {
	type outcome struct {
		member int
		err    error
	}
	outcomes := make(chan outcome, len(members)) // holds them all, so that the client never waits
	open := make(map[int]bool, len(members))
	for _, i := range members {
		open[i] = true
		client.Produce(ctx, p.record(&batch[i]), func(_ *kgo.Record, err error) { outcomes <- outcome{i, err} })
	}
	for len(open) > 0 {
		select {
		case o := <-outcomes:
			delete(open, o.member)
			if o.err != nil {
				failed[o.member] = o.err
			}
		case <-ctx.Done():
			for i := range open {
				failed[i] = context.Cause(ctx)
			}
			return
		}
	}
}

// record is the record of m. Its time is that of sending, as with MinIO: a topic's
// retention counts from it, and events may have waited for long.
func (p *producer) record(m *target.Message) *kgo.Record {
	headers := []kgo.RecordHeader{{Key: idHeader, Value: []byte(m.ID)}}
	if m.Form == target.CloudEvents || m.Form == target.CloudEventsBinary { // Kafka binding 1.0, 3.2.1 and 3.3.1
		headers = append(headers, kgo.RecordHeader{Key: "content-type", Value: []byte(m.MediaType())})
	}
	for _, a := range m.Attributes {
		headers = append(headers, kgo.RecordHeader{Key: "ce_" + a.Name, Value: []byte(a.Value)})
	}
	return &kgo.Record{Topic: p.topic, Key: []byte(m.Key), Value: m.Body, Headers: headers}
}

// connected returns the client, or makes one that has reached a broker which has
// the topic: the errors of that say more than what the library says of records
// that wait for one.
func (p *producer) connected(ctx context.Context) (*kgo.Client, error) {
	client, err := p.opened()
	if client != nil || err != nil {
		return client, err
	}
	if client, err = p.dial(ctx, p.awaitTopic); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		client.Close()
		return nil, errClosed
	}
	p.client = client // the one sender does not dial twice
	return client, nil
}

// opened returns the client, nil if there is none.
func (p *producer) opened() (*kgo.Client, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	return p.client, nil
}

// dial makes a client, reaches a broker, and does what then says with it.
func (p *producer) dial(ctx context.Context, then func(context.Context, *kgo.Client) error) (*kgo.Client, error) {
	client, err := kgo.NewClient(p.options...)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	// Ping takes its own time with a broker that says nothing on a connection.
	stop := context.AfterFunc(ctx, client.Close)
	if err = client.Ping(ctx); err == nil && p.pin != nil {
		err = p.checkPin(ctx, client)
	}
	if err != nil {
		err = fmt.Errorf("connect: %w", err)
	} else {
		err = then(ctx, client)
	}
	if !stop() {
		return nil, fmt.Errorf("connect: %w", context.Cause(ctx))
	}
	if err != nil {
		client.Close()
		return nil, err
	}
	return client, nil
}

// checkPin tells of brokers that speak newer versions only.
func (p *producer) checkPin(ctx context.Context, client *kgo.Client) error {
	resp, err := kmsg.NewPtrApiVersionsRequest().RequestWith(ctx, client)
	if err != nil {
		return err
	}
	for _, k := range resp.ApiKeys {
		// Not Produce: Kafka 4 says that it takes all versions of it, for old
		// clients' sake, and does not.
		if pinned, _ := p.pin.LookupMaxKeyVersion(keyFetch); k.ApiKey == keyFetch && k.MinVersion > pinned {
			return errors.New("the brokers do not speak the setting's version any more; raise it, or leave it empty")
		}
	}
	return nil
}

// drop closes client, which fails what it still holds, and has the next Send
// open another.
func (p *producer) drop(client *kgo.Client) {
	p.mu.Lock()
	if p.client == client {
		p.client = nil
	}
	p.mu.Unlock()
	client.Close()
}

// Check logs in on a connection of its own and asks for the topic. One that does
// not exist is no error: brokers may make it with its first event.
func (p *producer) Check(ctx context.Context) error {
	if _, err := p.opened(); err != nil {
		return err
	}
	client, err := p.dial(ctx, func(ctx context.Context, client *kgo.Client) error {
		if _, err := p.metadata(ctx, client, false); !errors.Is(err, kerr.UnknownTopicOrPartition) {
			return err
		}
		return nil
	})
	if err != nil {
		return explain(p.topic, err)
	}
	client.Close()
	return nil
}

// Close ends the connections. Sends under way fail.
func (p *producer) Close() error {
	p.mu.Lock()
	client := p.client
	p.client, p.closed = nil, true
	p.mu.Unlock()
	if client != nil {
		client.Close()
	}
	return nil
}

// isRefusal reports whether a broker refused a record for what it is.
func isRefusal(err error) bool {
	return errors.Is(err, kerr.MessageTooLarge) || errors.Is(err, kerr.RecordListTooLarge) || errors.Is(err, kerr.InvalidRecord)
}

// explain names the topic, and says in other words what the library leaves open.
func explain(topic string, err error) error {
	switch {
	case errors.Is(err, kgo.ErrRecordRetries):
		return fmt.Errorf("topic %s: the broker did not confirm: its connection ended, or its partitions are moving", topic)
	case errors.Is(err, kgo.ErrClientClosed):
		return fmt.Errorf("topic %s: %w", topic, errClosed)
	}
	return fmt.Errorf("topic %s: %w", topic, err)
}
