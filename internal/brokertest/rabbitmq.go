package brokertest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
)

// MaxMessage is the largest message that RabbitMQ takes, in bytes.
const MaxMessage = 1 << 20

// RabbitMQ is a RabbitMQ server with a plain and a TLS listener, which ask for
// Login and Password; the latter takes the client's certificate for it as well.
type RabbitMQ struct {
	*Process
	Address, TLSAddress string
	// MQTT is the listener of the plugin for it, which asks for no login; empty
	// without the plugin.
	MQTT  string
	Certs *Certs

	epmd *Process
}

// StartRabbitMQ starts one, with Erlang's port mapper as a process of its own.
func StartRabbitMQ(t T) *RabbitMQ {
	t.Helper()
	return startRabbitMQ(t, false)
}

// StartRabbitMQWithMQTT starts one that speaks MQTT as well. It acknowledges a
// message with QoS 1 when the queues of all persistent sessions have it on disk.
func StartRabbitMQWithMQTT(t T) *RabbitMQ {
	t.Helper()
	return startRabbitMQ(t, true)
}

func startRabbitMQ(t T, speaksMQTT bool) *RabbitMQ {
	t.Helper()
	mapper := FreePort(t)
	r := &RabbitMQ{Certs: NewCerts(t)}
	r.epmd = startEPMD(t, mapper)
	r.Process = newProcess(t, "rabbitmq")
	port, tlsPort, dist := FreePort(t), FreePort(t), FreePort(t)
	r.Address, r.TLSAddress = address(port), address(tlsPort)
	r.write(".erlang.cookie", rand.Text())
	enabled, settings := "rabbitmq_auth_mechanism_ssl", ""
	if speaksMQTT {
		r.MQTT = address(FreePort(t))
		enabled += ",rabbitmq_mqtt"
		settings = fmt.Sprintf("mqtt.listeners.tcp.1 = %s\nmqtt.default_user = %s\nmqtt.default_pass = %s\n", r.MQTT, Login, Password)
	}
	conf := r.write("rabbitmq.conf", fmt.Sprintf(`listeners.tcp.1 = %s
listeners.ssl.1 = %s
ssl_options.cacertfile = %s
ssl_options.certfile = %s
ssl_options.keyfile = %s
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = false
ssl_cert_login_from = common_name
auth_mechanisms.1 = PLAIN
auth_mechanisms.2 = AMQPLAIN
auth_mechanisms.3 = EXTERNAL
max_message_size = %d
default_user = %s
default_pass = %s
default_user_tags.administrator = true
vm_memory_high_watermark.absolute = 512MB
disk_free_limit.absolute = 50MB
log.console.level = info
%s`, r.Address, r.TLSAddress, r.Certs.CA, r.Certs.ServerCert, r.Certs.ServerKey, MaxMessage, Login, Password, settings))
	plugins, environment := r.write("enabled_plugins", "["+enabled+"]."), r.write("env.conf", "")
	data := r.mkdir("data")
	server := program(t, "rabbitmq-server")
	if own := "/usr/lib/rabbitmq/bin/rabbitmq-server"; executable(own) {
		server = own // Debian's wrapper on the PATH changes the user
	}
	r.command = func() *exec.Cmd {
		cmd := exec.Command(server)
		cmd.Env = []string{
			"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + r.Dir, "LANG=C.UTF-8",
			"ERL_EPMD_PORT=" + strconv.Itoa(mapper), "ERL_EPMD_ADDRESS=127.0.0.1",
			"RUNNING_UNDER_SYSTEMD=true", // the script becomes the server: one process
			"RABBITMQ_CONF_ENV_FILE=" + environment, "RABBITMQ_NODENAME=test" + strconv.Itoa(port) + "@localhost",
			"RABBITMQ_NODE_IP_ADDRESS=127.0.0.1", "RABBITMQ_NODE_PORT=" + strconv.Itoa(port), "RABBITMQ_DIST_PORT=" + strconv.Itoa(dist),
			"RABBITMQ_MNESIA_BASE=" + data, "RABBITMQ_MNESIA_DIR=" + filepath.Join(data, "mnesia"),
			"RABBITMQ_LOGS=-", "RABBITMQ_LOG_BASE=" + r.Dir, "RABBITMQ_CONFIG_FILE=" + conf,
			"RABBITMQ_ADVANCED_CONFIG_FILE=" + filepath.Join(r.Dir, "advanced"), "RABBITMQ_ENABLED_PLUGINS_FILE=" + plugins,
			"RABBITMQ_PLUGINS_EXPAND_DIR=" + filepath.Join(data, "plugins"), "RABBITMQ_FEATURE_FLAGS_FILE=" + filepath.Join(data, "feature_flags"),
			"RABBITMQ_IO_THREAD_POOL_SIZE=8",
			"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=+S 2:2 +SDio 4 +sbwt none +sbwtdcpu none +sbwtdio none -start_epmd false -kernel inet_dist_use_interface {127,0,0,1}",
		}
		return cmd
	}
	// A protocol header is answered by a method frame.
	r.ready = func(ctx context.Context) error {
		err := greets(ctx, r.Address, "AMQP\x00\x00\x09\x01", "\x01")
		if err == nil && speaksMQTT {
			err = greets(ctx, r.MQTT, mqttHello, mqttWelcome)
		}
		return err
	}
	r.Start()
	return r
}

func startEPMD(t T, port int) *Process {
	t.Helper()
	p := newProcess(t, "epmd")
	server := program(t, "epmd")
	p.command = func() *exec.Cmd { return exec.Command(server, "-address", "127.0.0.1", "-port", strconv.Itoa(port)) }
	p.ready = func(ctx context.Context) error {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", address(port))
		if err == nil {
			_ = c.Close()
		}
		return err
	}
	p.Start()
	return p
}
