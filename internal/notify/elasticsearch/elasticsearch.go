// Package elasticsearch writes events into an index of Elasticsearch 7 or 8, or of
// OpenSearch 2.
//
//	mc admin config set ALIAS notify_elasticsearch:1 url=http://localhost:9200 index=minio_events format=namespace
//
// format=namespace keeps a document per key that shows what GET shows. Writes
// carry the event's sequencer as external version, so that an older one that
// comes late is refused by Elasticsearch itself. Elasticsearch forgets the
// version of a deleted document after a minute (index.gc_deletes); a companion
// index keeps it for seven days.
//
// format=access creates a document per event, with the event's id as _id: a
// resend is no second document.
//
// Acknowledged means the item's own status in the answer to a bulk request,
// which Elasticsearch gives once its translog is synced (index.translog.durability).
package elasticsearch

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/elastic/elastic-transport-go/v8/elastictransport"

	"github.com/carillon-s3/carillon/internal/notify/target"
)

const (
	// maxBatch and maxBatchBytes make bulk requests of the size that Elastic
	// advises, a few megabytes: more gains nothing.
	maxBatch      = 1000
	maxBatchBytes = 5 << 20
	// senders is how many bulk requests may be under way: one is written while
	// another is synced.
	senders = 4
	// timeout bounds one Send; a server that reaches its own bound for a shard
	// that is away (a minute) is in trouble by then.
	timeout = 30 * time.Second
	// idleTime is how long an unused connection is kept.
	idleTime = 90 * time.Second
)

// Kind is the Elasticsearch kind of target.
func Kind() target.Kind {
	return target.New(target.Definition[Settings, *Settings]{
		Name:        "elasticsearch",
		Description: "publish bucket notifications to Elasticsearch endpoints",
		Traits: func(s *Settings) target.Traits {
			return target.Traits{
				MaxBatch: maxBatch, MaxBatchBytes: maxBatchBytes, Senders: senders, Timeout: timeout,
				Body: target.Records, Mirror: s.Format == formatNamespace,
			}
		},
		Open: func(s *Settings, env target.Env) (target.Target, error) { return open(s, env) },
	})
}

// cluster is an index and how to reach it.
type cluster struct {
	index, companion string
	mirrors          bool
	documentID       string
	env              target.Env
	secrets          redactor
	transport        *http.Transport
	client           *elastictransport.Client
	closed           atomic.Bool

	// ready is nil until the indexes are known to be there.
	ready atomic.Pointer[documentID]
	// preparing is held by whoever makes them. It is a channel so that waiting
	// for it ends with a context.
	preparing chan struct{}
	// pruneAt is when the companion is pruned next, in Unix seconds.
	pruneAt atomic.Int64
}

var errClosed = errors.New("elasticsearch: closed")

func open(s *Settings, env target.Env) (*cluster, error) {
	address, err := s.address()
	if err != nil {
		return nil, err
	}
	conf, err := s.tls(env)
	if err != nil {
		return nil, err
	}
	c := &cluster{
		index: s.Index, companion: s.Index + companionSuffix, mirrors: s.Format == formatNamespace, documentID: s.DocumentID,
		env: env, secrets: newRedactor(address), preparing: make(chan struct{}, 1),
		transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         env.Dialer().DialContext,
			TLSClientConfig:     conf,
			TLSHandshakeTimeout: 10 * time.Second,
			TLSNextProto:        map[string]func(string, *tls.Conn) http.RoundTripper{}, // HTTP/1.1: a timeout ends one request's connection, not all
			DisableCompression:  true,
			MaxIdleConnsPerHost: senders,
			IdleConnTimeout:     idleTime,
		},
	}
	agent := env.UserAgent
	if agent == "" {
		agent = "Carillon"
	}
	c.client, err = elastictransport.NewClient(elastictransport.WithURLs(address), elastictransport.WithTransport(c.transport),
		elastictransport.WithUserAgent(agent), elastictransport.WithDisableRetry())
	if err != nil {
		return nil, c.secrets.clean(err)
	}
	return c, nil
}

// Send writes batch, in up to three requests, and tells of the members that were
// not acknowledged.
func (c *cluster) Send(ctx context.Context, batch []target.Message) error {
	if c.closed.Load() {
		return errClosed
	}
	if len(batch) == 0 {
		return nil
	}
	defer c.tidy()
	id, err := c.prepare(ctx)
	if err != nil {
		return err
	}
	failed := make(map[int]error)
	if c.mirrors {
		err = c.mirror(ctx, id, batch, failed)
	} else {
		err = c.appendAll(ctx, batch, failed)
	}
	switch {
	case err != nil:
		return err
	case len(failed) > 0:
		return &target.BatchError{Failed: failed}
	}
	return nil
}

// appendAll creates a document per event (format=access).
func (c *cluster) appendAll(ctx context.Context, batch []target.Message, failed map[int]error) error {
	ops := make([]operation, len(batch))
	for i, m := range batch {
		ops[i] = operation{member: i, action: actionCreate, id: m.ID, body: m.Body}
	}
	return c.bulk(ctx, c.index, ops, failed)
}

// Check asks for the indexes: whether the server answers, knows the user, and
// lets him at them. They need not be there yet.
func (c *cluster) Check(ctx context.Context) error {
	if c.closed.Load() {
		return errClosed
	}
	defer c.tidy()
	for _, index := range c.indexes() {
		if _, err := c.exists(ctx, index); err != nil {
			return err
		}
	}
	return nil
}

// Close closes the connections that are idle. Sends under way finish, and their
// connections go with them.
func (c *cluster) Close() error {
	c.closed.Store(true)
	c.transport.CloseIdleConnections()
	return nil
}

// tidy is called at the end of what uses a connection.
func (c *cluster) tidy() {
	if c.closed.Load() {
		c.transport.CloseIdleConnections()
	}
}
