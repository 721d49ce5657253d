package brokertest

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// Kafka is one node, broker and controller, without ZooKeeper. Topics are made
// when they are first used, unless its properties say otherwise.
type Kafka struct {
	*Process
	// Plain is open. SASL takes PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 with Login
	// and Password. TLS takes any client, Mutual those with a certificate, and
	// SASLTLS is SASL over TLS.
	Plain, SASL, TLS, Mutual, SASLTLS string
	Certs                             *Certs
	// Cat is the program kcat, a client that shares nothing with those in Go.
	Cat string
}

// StartKafka starts one that syncs every batch of records, so that what it
// acknowledged outlives a kill. Properties, such as
// "auto.create.topics.enable=false", go before its own.
func StartKafka(t T, properties ...string) *Kafka {
	t.Helper()
	k := &Kafka{Process: newProcess(t, "kafka"), Certs: NewCerts(t), Cat: program(t, "kcat")}
	for _, to := range []*string{&k.Plain, &k.SASL, &k.TLS, &k.Mutual, &k.SASLTLS} {
		*to = address(FreePort(t))
	}
	controller := address(FreePort(t))
	data := k.mkdir("data")
	conf := k.write("server.properties", k.properties(controller, data)+strings.Join(properties, "\n"))
	logs := k.write("log4j2.yaml", `Configuration:
  Appenders: { Console: { name: STDOUT, PatternLayout: { pattern: "[%d] %p %m (%c)%n" } } }
  Loggers: { Root: { level: INFO, AppenderRef: [ { ref: STDOUT } ] } }
`)
	java := func(args ...string) *exec.Cmd {
		all := []string{
			"-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Djava.awt.headless=true",
			"-Dlog4j2.configurationFile=" + logs, "-cp", cached(t, "kafka/*/libs") + "/*",
		}
		return exec.Command(program(t, "java"), append(all, args...)...)
	}
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	k.run(java("kafka.tools.StorageTool", "format", "-t", base64.RawURLEncoding.EncodeToString(id[:]), "-c", conf,
		"-S", "SCRAM-SHA-256=[name="+Login+",password="+Password+"]", "-S", "SCRAM-SHA-512=[name="+Login+",password="+Password+"]"))
	starts := 0
	k.command = func() *exec.Cmd {
		starts++
		cmd := java("kafka.Kafka", conf)
		cmd.Args = append(cmd.Args[:1], append([]string{"-Xms128m", "-Xmx512m", "-XX:MaxDirectMemorySize=256m"}, cmd.Args[1:]...)...)
		return cmd
	}
	// ApiVersions with correlation id 7, once the log says that it has started.
	k.ready = func(ctx context.Context) error {
		if n := strings.Count(mustRead(t, k.log()), "Kafka Server started"); n < starts {
			return fmt.Errorf("its log says so %d times", n)
		}
		return answers(ctx, k.Plain, "\x00\x00\x00\x0b\x00\x12\x00\x00\x00\x00\x00\x07\x00\x01p", 8)
	}
	k.Start()
	return k
}

func (k *Kafka) properties(controller, data string) string {
	login := fmt.Sprintf("required username=%q password=%q", Login, Password)
	sasl := func(listener string) string {
		return strings.ReplaceAll(fmt.Sprintf(`listener.name.L.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.L.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule %s user_%s=%q;
listener.name.L.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.L.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
`, login, Login, Password), ".L.", "."+listener+".")
	}
	return fmt.Sprintf(`process.roles=broker,controller
node.id=1
controller.quorum.voters=1@%s
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://%s,SASL://%s,TLS://%s,MUTUAL://%s,SASLTLS://%s,CONTROLLER://%s
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SSL,MUTUAL:SSL,SASLTLS:SASL_SSL,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs=%s
log.flush.interval.messages=1
num.partitions=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=true
num.network.threads=1
num.io.threads=2
background.threads=2
log.cleaner.dedupe.buffer.size=2097152
controlled.shutdown.enable=false
broker.session.timeout.ms=1500
broker.heartbeat.interval.ms=300
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
ssl.keystore.type=PEM
ssl.keystore.location=%s
ssl.truststore.type=PEM
ssl.truststore.location=%s
ssl.client.auth=none
listener.name.mutual.ssl.client.auth=required
`, controller, k.Plain, k.SASL, k.TLS, k.Mutual, k.SASLTLS, controller, data,
		filepath.ToSlash(k.Certs.ServerChain), k.Certs.CA) + sasl("sasl") + sasl("sasltls")
}
