package brokertest

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// MaxMQTTPacket is the largest packet that Mosquitto takes, in bytes: over a
// larger one it ends the connection.
const MaxMQTTPacket = 1 << 20

// Mosquitto is an MQTT broker with a listener of each kind. But for the open one
// they ask for Login and Password.
type Mosquitto struct {
	*Process
	// Open, Auth, TLS, Mutual, WS and WSS are addresses. Mutual is TLS that
	// demands a client's certificate; those of websockets take any path.
	Open, Auth, TLS, Mutual, WS, WSS string
	Certs                            *Certs
}

// StartMosquitto starts one, with a persistence that survives a stop. It saves
// after each change: killed, it forgets one message at most. With an
// autosave_interval of 100 it forgot the session of a subscriber as well, and
// acknowledged and dropped all that came until the subscriber was back.
func StartMosquitto(t T) *Mosquitto {
	t.Helper()
	m := &Mosquitto{Process: newProcess(t, "mosquitto"), Certs: NewCerts(t)}
	m.runAs("mosquitto")
	passwords := m.write("passwords", "")
	m.run(exec.Command(program(t, "mosquitto_passwd"), "-b", passwords, Login, Password))
	var conf strings.Builder
	fmt.Fprintf(&conf, "per_listener_settings true\npersistence true\npersistence_location %s/\nautosave_interval 1\n"+
		"autosave_on_changes true\nmax_queued_messages 0\nmax_packet_size %d\nlog_dest stdout\n", m.mkdir("data"), MaxMQTTPacket)
	if m.account.change {
		conf.WriteString("user " + mosquittoUser + "\n")
	}
	auth := "allow_anonymous false\npassword_file " + passwords + "\n"
	secure := fmt.Sprintf("cafile %s\ncertfile %s\nkeyfile %s\n", m.Certs.CA, m.Certs.ServerCert, m.Certs.ServerKey)
	// Without socket_domain the listeners for websockets ignore the address.
	const ws = "protocol websockets\nsocket_domain ipv4\n"
	for _, l := range []struct {
		to   *string
		text string
	}{
		{&m.Open, "allow_anonymous true\n"},
		{&m.Auth, auth},
		{&m.TLS, auth + secure},
		{&m.Mutual, auth + secure + "require_certificate true\n"},
		{&m.WS, ws + auth},
		{&m.WSS, ws + auth + secure},
	} {
		port := FreePort(t)
		*l.to = address(port)
		fmt.Fprintf(&conf, "listener %d 127.0.0.1\n%s", port, l.text)
	}
	file := m.write("mosquitto.conf", conf.String())
	server := program(t, "mosquitto")
	m.command = func() *exec.Cmd { return exec.Command(server, "-c", file) }
	m.ready = func(ctx context.Context) error { return greets(ctx, m.Open, mqttHello, mqttWelcome) }
	m.Start()
	return m
}

// mqttHello is CONNECT of MQTT 3.1.1, and mqttWelcome the CONNACK that accepts it.
const (
	mqttHello   = "\x10\x0d\x00\x04MQTT\x04\x02\x00\x0a\x00\x01p"
	mqttWelcome = "\x20\x02\x00\x00"
)

// mosquittoUser is the account that the package made.
const mosquittoUser = "mosquitto"
