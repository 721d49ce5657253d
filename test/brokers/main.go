// Command brokers starts every broker and database that targets are tested
// against, prints how to reach each, and ends them when it is interrupted. It is
// for a person who wants to play with them: `make brokers`.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"text/tabwriter"

	"github.com/carillon-s3/carillon/internal/brokertest"
)

func main() {
	t := &owner{}
	defer t.end()
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	started := startAll(t)
	out := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	for _, lines := range started {
		for _, l := range lines {
			_, _ = fmt.Fprintln(out, l) // into a buffer
		}
	}
	_, _ = fmt.Fprintf(out, "\nuser %s, password %s; interrupt ends them all\n", brokertest.Login, brokertest.Password)
	_ = out.Flush() // a terminal that is gone
	<-interrupted
}

// startAll starts them at the same time.
func startAll(t *owner) [][]string {
	starts := []func() []string{
		func() []string {
			r := brokertest.StartRabbitMQ(t)
			return []string{"amqp\tamqp://" + r.Address, "amqp with TLS\tamqps://" + r.TLSAddress + "\tCA " + r.Certs.CA}
		},
		func() []string {
			e := brokertest.StartElasticsearch(t, brokertest.Elasticsearch7, false)
			return []string{"elasticsearch 7\t" + e.URL}
		},
		func() []string {
			e := brokertest.StartElasticsearch(t, brokertest.Elasticsearch8, true)
			return []string{"elasticsearch 8\t" + e.URL + "\tCA " + e.Certs.CA}
		},
		func() []string {
			k := brokertest.StartKafka(t)
			return []string{"kafka\t" + k.Plain, "kafka with SASL\t" + k.SASL, "kafka with TLS\t" + k.TLS + "\tCA " + k.Certs.CA}
		},
		func() []string {
			m := brokertest.StartMosquitto(t)
			return []string{"mqtt\ttcp://" + m.Open, "mqtt with password\ttcp://" + m.Auth, "mqtt with TLS\tssl://" + m.TLS + "\tCA " + m.Certs.CA, "mqtt over websockets\tws://" + m.WS + "/mqtt"}
		},
		func() []string { return []string{"mysql\t" + brokertest.StartMySQL(t).Address + "\tdatabase events"} },
		func() []string {
			return []string{"mariadb\t" + brokertest.StartMariaDB(t).Address + "\tdatabase events"}
		},
		func() []string { return []string{"nats\t" + brokertest.StartNATS(t, brokertest.NATSOpen).Address} },
		func() []string {
			s := brokertest.StartSTAN(t)
			return []string{"nats streaming\t" + s.Address + "\tcluster " + s.Cluster}
		},
		func() []string {
			n := brokertest.StartNSQ(t, false)
			return []string{"nsq\t" + n.Address + "\t" + n.Tail}
		},
		func() []string {
			p := brokertest.StartPostgres(t)
			return []string{"postgres\t" + p.Address + "\tdatabase " + p.Database}
		},
		func() []string { return []string{"redis\t" + brokertest.StartRedis(t).Address} },
	}
	out := make([][]string, len(starts))
	var all sync.WaitGroup
	for i, start := range starts {
		all.Go(func() { out[i] = start() })
	}
	all.Wait()
	return out
}

// owner ends what it started. It is a brokertest.T.
type owner struct {
	mu      sync.Mutex
	cleanup []func()
}

func (o *owner) Helper() {}

func (o *owner) Cleanup(f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cleanup = append(o.cleanup, f)
}

func (o *owner) Logf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

func (o *owner) Fatalf(format string, args ...any) {
	o.Logf(format, args...)
	o.end()
	os.Exit(1)
}

func (o *owner) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := len(o.cleanup) - 1; i >= 0; i-- {
		o.cleanup[i]()
	}
	o.cleanup = nil
}
