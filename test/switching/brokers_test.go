package switching

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	paho "github.com/eclipse/paho.mqtt.golang"
	natsgo "github.com/nats-io/nats.go"
	goredis "github.com/redis/go-redis/v9"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/test/harness"
)

// redis is a Redis server with a client.
type redis struct {
	*brokertest.Redis
	t      *testing.T
	client *goredis.Client
}

func startRedis(t *testing.T) redis {
	t.Helper()
	r := redis{Redis: brokertest.StartRedis(t), t: t}
	r.client = goredis.NewClient(&goredis.Options{Addr: r.Address, Password: brokertest.Password})
	t.Cleanup(func() { _ = r.client.Close() }) // it only read
	return r
}

// settings configure a target.
func (r redis) settings(id, format, key string) []string {
	return []string{"notify_redis:" + id, "address=" + r.Address, "format=" + format, "key=" + key, "password=" + brokertest.Password}
}

// list are the events of a list of format=access.
func (r redis) list(key string) (all []told) {
	r.t.Helper()
	items, err := r.client.LRange(r.t.Context(), key, 0, -1).Result()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, item := range items {
		var at string
		var doc json.RawMessage
		if err := json.Unmarshal([]byte(item), &[]any{&at, &doc}); err != nil {
			r.t.Fatalf("%v: %s", err, item)
		}
		all = append(all, parse(r.t, doc))
	}
	return all
}

// hash is the mirror of format=namespace: the ETag of each key.
func (r redis) hash(key string) map[string]string {
	r.t.Helper()
	fields, err := r.client.HGetAll(r.t.Context(), key).Result()
	if err != nil {
		r.t.Fatal(err)
	}
	out := make(map[string]string, len(fields))
	for name, text := range fields {
		out[name] = parse(r.t, []byte(text)).change.etag
	}
	return out
}

// postgres is a PostgreSQL server.
type postgres struct {
	*brokertest.Postgres
	t *testing.T
}

func startPostgres(t *testing.T) postgres {
	t.Helper()
	return postgres{brokertest.StartPostgres(t), t}
}

// query returns the rows, of one column, each with its line break.
func (p postgres) query(statement string) []string {
	p.t.Helper()
	cmd := exec.Command("psql", p.URL(), "-X", "-A", "-t", "-c", statement)
	cmd.Env = harness.PlainEnv()
	out, err := cmd.Output()
	if err != nil {
		p.t.Fatalf("psql: %v\n%s", err, statement)
	}
	return slices.Collect(strings.Lines(string(out)))
}

// rows are the events of a table of format=access. It does not keep their order;
// they are read in that of the sequencers.
func (p postgres) rows(table string) (all []told) {
	p.t.Helper()
	for _, row := range p.query(`SELECT event_data FROM ` + table +
		` ORDER BY event_data->'Records'->0->'s3'->'object'->>'sequencer' COLLATE "C"`) {
		all = append(all, parse(p.t, []byte(row)))
	}
	return all
}

// mirror are the rows of a table of format=namespace: the ETag of each key.
func (p postgres) mirror(table string) map[string]string {
	p.t.Helper()
	out := make(map[string]string)
	for _, row := range p.query(`SELECT key || '|' || (value->'Records'->0->'s3'->'object'->>'eTag') FROM ` + table) {
		key, etag, _ := strings.Cut(strings.TrimSpace(row), "|")
		out[key] = etag
	}
	return out
}

// inbox collects the messages of a subscription.
type inbox struct {
	t   *testing.T
	mu  sync.Mutex
	all []told
}

func (i *inbox) add(body []byte) {
	e := parse(i.t, body)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.all = append(i.all, e)
}

func (i *inbox) read() []told {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]told(nil), i.all...)
}

// nats is a NATS server whose subject is listened to.
type nats struct {
	*brokertest.NATS
	*inbox
}

const subject = "events"

func startNATS(t *testing.T) nats {
	t.Helper()
	n := nats{brokertest.StartNATS(t, brokertest.NATSUser), &inbox{t: t}}
	conn, err := natsgo.Connect("nats://"+n.Address, natsgo.UserInfo(brokertest.Login, brokertest.Password))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	if _, err := conn.Subscribe(subject, func(m *natsgo.Msg) { n.add(m.Data) }); err != nil {
		t.Fatal(err)
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	return n
}

func (n nats) settings(id string) []string {
	return []string{"notify_nats:" + id, "address=" + n.Address, "subject=" + subject, "username=" + brokertest.Login, "password=" + brokertest.Password}
}

// mqtt is an MQTT broker whose topic is subscribed to.
type mqtt struct {
	*brokertest.Mosquitto
	*inbox
}

func startMQTT(t *testing.T) mqtt {
	t.Helper()
	m := mqtt{brokertest.StartMosquitto(t), &inbox{t: t}}
	client := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + m.Open).SetClientID("consumer").SetOrderMatters(true))
	await := func(token paho.Token) {
		t.Helper()
		if !token.WaitTimeout(harness.Patience) || token.Error() != nil {
			t.Fatalf("the subscriber: %v", token.Error())
		}
	}
	await(client.Connect())
	t.Cleanup(func() { client.Disconnect(0) })
	await(client.Subscribe(subject, 1, func(_ paho.Client, msg paho.Message) { m.add(msg.Payload()) }))
	return m
}

func (m mqtt) settings(id string) []string {
	return []string{"notify_mqtt:" + id, "broker=tcp://" + m.Open, "topic=" + subject, "qos=1"}
}
