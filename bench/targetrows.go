package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/carillon-s3/carillon/internal/brokertest"
)

// place is the topic, exchange, stream, key, table or index that the events go to.
const place = "bucketevents"

// targetRow is a kind of target, and what it is measured with.
type targetRow struct {
	name string
	// kind is as in the ARN, system as in the variables.
	kind, system string
	// settings are those of a target at an address.
	settings func(address string) map[string]string
	// start starts the broker, with what must be there beforehand.
	start func(ctx context.Context, b *brokers) broker
}

// env configures target i of this kind.
func (r targetRow) env(i int, address string) []string {
	set := func(key, value string) string {
		return fmt.Sprintf("MINIO_NOTIFY_%s_%s_T%d=%s", r.system, strings.ToUpper(key), i, value)
	}
	env := []string{set("enable", "on")}
	for key, value := range r.settings(address) {
		env = append(env, set(key, value))
	}
	return env
}

// rowOf is a row of a kind whose ARN and variables have the same name.
func rowOf(name, kind string, start func(context.Context, *brokers) broker, settings func(address string) map[string]string) targetRow {
	return targetRow{name: name, kind: kind, system: strings.ToUpper(kind), settings: settings, start: start}
}

// allTargetRows are the kinds, each with the settings that lose nothing where
// there is a choice. Nobody consumes what is sent.
func allTargetRows() []targetRow {
	rows := []targetRow{
		rowOf("kafka", "kafka", startKafka, func(address string) map[string]string {
			return map[string]string{"brokers": address, "topic": place}
		}),
		rowOf("nats-core", "nats", startNATS, natsSettings()),
		rowOf("nats-jetstream", "nats", startJetStream, natsSettings("jetstream", "on")),
		rowOf("nats-streaming", "nats", startSTAN, natsSettings("username", brokertest.Login, "password", brokertest.Password,
			"streaming", "on", "streaming_cluster_id", "test-cluster")),
		rowOf("amqp-quorum", "amqp", startRabbitMQ("quorum"), amqpSettings),
		rowOf("amqp-classic", "amqp", startRabbitMQ("classic"), amqpSettings),
		rowOf("mqtt-qos1", "mqtt", startMosquitto, func(address string) map[string]string {
			return map[string]string{"broker": "tcp://" + address, "topic": place, "qos": "1"}
		}),
		rowOf("nsq", "nsq", startNSQ, func(address string) map[string]string {
			return map[string]string{"nsqd_address": address, "topic": place}
		}),
		webhookRow(0),
		webhookRow(10 * time.Millisecond),
	}
	access, namespace := databaseRows("access"), databaseRows("namespace")
	for i := range access {
		rows = append(rows, access[i], namespace[i])
	}
	return rows
}

// databaseRows are the kinds that have formats.
func databaseRows(format string) []targetRow {
	postgres := rowOf("postgres-"+format, "postgresql", startPostgres, func(address string) map[string]string {
		return map[string]string{"format": format, "table": place, "connection_string": fmt.Sprintf(
			"postgres://%s:%s@%s/%s?sslmode=disable", brokertest.Login, brokertest.Password, address, brokertest.Login)}
	})
	postgres.system = "POSTGRES"
	sql := func(address string) map[string]string {
		return map[string]string{"format": format, "table": place, "dsn_string": fmt.Sprintf(
			"%s:%s@tcp(%s)/events", brokertest.Login, brokertest.Password, address)}
	}
	search := func(address string) map[string]string {
		return map[string]string{"format": format, "index": place, "url": "http://" + strings.TrimPrefix(address, "http://")}
	}
	return []targetRow{
		rowOf("redis-"+format, "redis", startRedis, func(address string) map[string]string {
			return map[string]string{"format": format, "key": place, "address": address, "password": brokertest.Password}
		}),
		postgres,
		rowOf("mysql-"+format, "mysql", startMySQL, sql),
		rowOf("mariadb-"+format, "mysql", startMariaDB, sql),
		rowOf("elasticsearch7-"+format, "elasticsearch", startElasticsearch(brokertest.Elasticsearch7), search),
		rowOf("elasticsearch8-"+format, "elasticsearch", startElasticsearch(brokertest.Elasticsearch8), search),
	}
}

// webhookRow is a receiver in this process that answers after delay.
func webhookRow(delay time.Duration) targetRow {
	start := func(ctx context.Context, b *brokers) broker {
		s, err := newSink(ctx)
		if err != nil {
			b.Fatalf("receiver: %v", err)
		}
		s.delay.Store(int64(delay))
		b.Cleanup(s.close)
		return broker{address: s.address, cpu: func() time.Duration { return cpuOf(os.Getpid(), false) }}
	}
	return rowOf(fmt.Sprintf("webhook-%s", delay), "webhook", start, func(address string) map[string]string {
		return map[string]string{"endpoint": "http://" + address + "/"}
	})
}

// natsSettings are an address, the subject, and more keys and values.
func natsSettings(more ...string) func(string) map[string]string {
	return func(address string) map[string]string {
		m := map[string]string{"address": address, "subject": place}
		for i := 0; i+1 < len(more); i += 2 {
			m[more[i]] = more[i+1]
		}
		return m
	}
}

func amqpSettings(address string) map[string]string {
	return map[string]string{
		"url": amqpURL(address), "exchange": place, "exchange_type": "fanout", "durable": "on", "delivery_mode": "2",
	}
}

func amqpURL(address string) string {
	return fmt.Sprintf("amqp://%s:%s@%s", brokertest.Login, brokertest.Password, address)
}

func startKafka(_ context.Context, b *brokers) broker {
	k := brokertest.StartKafka(b)
	return running(k.Plain, k.Process)
}

func startNATS(_ context.Context, b *brokers) broker {
	n := brokertest.StartNATS(b, brokertest.NATSOpen)
	return running(n.Address, n.Process)
}

// startJetStream makes a stream in files.
func startJetStream(ctx context.Context, b *brokers) broker {
	n := brokertest.StartNATS(b, brokertest.NATSOpen)
	nc, err := nats.Connect("nats://" + n.Address)
	if err != nil {
		b.Fatalf("connect: %v", err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err == nil {
		_, err = js.CreateStream(ctx, jetstream.StreamConfig{Name: place, Subjects: []string{place}})
	}
	if err != nil {
		b.Fatalf("make a stream: %v", err)
	}
	return running(n.Address, n.Process)
}

func startSTAN(_ context.Context, b *brokers) broker {
	s := brokertest.StartSTAN(b)
	return running(s.Address, s.Process)
}

// startRabbitMQ makes a durable queue of the exchange.
func startRabbitMQ(queueType string) func(context.Context, *brokers) broker {
	return func(_ context.Context, b *brokers) broker {
		r := brokertest.StartRabbitMQ(b)
		link, err := amqp.Dial(amqpURL(r.Address))
		if err != nil {
			b.Fatalf("connect: %v", err)
		}
		defer func() { _ = link.Close() }()
		if err := bindQueue(link, queueType); err != nil {
			b.Fatalf("make a queue: %v", err)
		}
		return running(r.Address, r.Process)
	}
}

func bindQueue(link *amqp.Connection, queueType string) error {
	ch, err := link.Channel()
	if err != nil {
		return err
	}
	if err := ch.ExchangeDeclare(place, "fanout", true, false, false, false, nil); err != nil {
		return err
	}
	if _, err := ch.QueueDeclare(place, true, false, false, false, amqp.Table{amqp.QueueTypeArg: queueType}); err != nil {
		return err
	}
	return ch.QueueBind(place, "", place, false, nil)
}

func startMosquitto(_ context.Context, b *brokers) broker {
	m := brokertest.StartMosquitto(b)
	return running(m.Open, m.Process)
}

// startNSQ starts nsqd with its own defaults: it is not asked to sync each
// message, which it does one by one, so that only the disk would be measured.
func startNSQ(_ context.Context, b *brokers) broker {
	n := brokertest.StartNSQ(b, false, "--mem-queue-size=10000", "--sync-every=2500")
	return running(n.Address, n.Process)
}

func startRedis(_ context.Context, b *brokers) broker {
	r := brokertest.StartRedis(b)
	return running(r.Address, r.Process)
}

// The databases run with their own defaults where those of tests are smaller, so
// that they do not only write what does not fit.

func startPostgres(_ context.Context, b *brokers) broker {
	p := brokertest.StartPostgres(b, "shared_buffers=128MB")
	return running(p.Address, p.Process)
}

func startMySQL(_ context.Context, b *brokers) broker {
	m := brokertest.StartMySQL(b, "--innodb-buffer-pool-size=128M", "--innodb-redo-log-capacity=100M")
	return running(m.Address, m.Process)
}

func startMariaDB(_ context.Context, b *brokers) broker {
	m := brokertest.StartMariaDB(b, "--innodb-buffer-pool-size=128M", "--innodb-log-file-size=96M")
	return running(m.Address, m.Process)
}

// startElasticsearch has Java's optimizing compiler work, which tests do without,
// and the smallest heap that Elastic would call one.
func startElasticsearch(version string) func(context.Context, *brokers) broker {
	return func(_ context.Context, b *brokers) broker {
		e := brokertest.StartElasticsearch(b, version, false, "-XX:TieredStopAtLevel=4", "-Xms1g", "-Xmx1g")
		return running(e.URL, e.Process)
	}
}
