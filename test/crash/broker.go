package crash

import (
	"testing"

	"github.com/carillon-s3/carillon/internal/brokertest"
)

// broker is a real broker that a target publishes to, and how to read it.
type broker struct {
	name string
	// process is killed, frozen and started again.
	process *brokertest.Process
	// env are the settings of the target with id 1, MINIO_NOTIFY_..._1=.
	env []string
	// arn is what rules call the target, such as arn:minio:sqs::1:redis.
	arn string
	// arrived returns what was published so far, in order of arrival; nil for a
	// mirror.
	arrived func(t testing.TB) ([]seen, error)
	// mirrored returns the mirror: by bucket/key the event that stands there, its
	// JSON with Records; nil for others.
	mirrored func(t testing.TB) (map[string][]byte, error)
	// listens waits until the consumer does again, where nobody would hear what a
	// broker passes on before: it keeps nothing, or may have forgotten the consumer
	// when it was killed. It is nil for those that keep events.
	listens func(t testing.TB)
	// keepsNothing: what the broker had acknowledged and not yet passed on is gone
	// when it is killed, as its users know. So it is not.
	keepsNothing bool
	// wire, if not nil, knows which events the broker acknowledged and may have
	// forgotten when it was killed.
	wire *mqttWire
	// figures, if not nil, are for the report.
	figures func() string
}

// brokerKind starts a broker of one kind.
type brokerKind struct {
	name  string
	start func(t *testing.T) broker
	// heavy says that it takes many seconds, and most of a core, to start.
	heavy bool
}

// brokers are all kinds.
func brokers() []brokerKind {
	return []brokerKind{
		{name: "redis, access", start: redisAccess},
		{name: "redis, namespace", start: redisNamespace},
		{name: "nats, core", start: natsCore},
		{name: "nats, JetStream", start: natsJetStream},
		{name: "nats, Streaming", start: natsStreaming},
		{name: "mqtt", start: mqtt},
		{name: "mqtt, RabbitMQ", start: mqttRabbit, heavy: true},
		{name: "nsq", start: nsqd},
		{name: "postgres, access", start: postgresAccess},
		{name: "postgres, namespace", start: postgresNamespace},
		{name: "mysql, access, MariaDB", start: mariadbAccess},
		{name: "mysql, namespace, MariaDB", start: mariadbNamespace},
		{name: "mysql, access, MySQL", start: mysql8Access, heavy: true},
		{name: "mysql, namespace, MySQL", start: mysql8Namespace, heavy: true},
		{name: "elasticsearch, access", start: elasticAccess, heavy: true},
		{name: "elasticsearch, namespace", start: elasticNamespace, heavy: true},
		{name: "amqp", start: amqp, heavy: true},
		{name: "kafka", start: kafka, heavy: true},
	}
}
