package brokertest

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/stan.go"
)

// NATSAuth is how a NATS server knows its clients: one kind in a process.
type NATSAuth string

// Kinds of authentication.
const (
	NATSOpen   NATSAuth = "open"
	NATSUser   NATSAuth = "user"  // Login and Password
	NATSToken  NATSAuth = "token" // Password
	NATSTLS    NATSAuth = "tls"   // TLS, Login and Password
	NATSMutual NATSAuth = "mtls"  // TLS with a client certificate, Login and Password

	// Login may publish on "bucketevents" and hear its own inbox; NATSOwner
	// may do all.
	NATSLimited        NATSAuth = "limited"
	NATSHandshakeFirst NATSAuth = "tls-first" // TLS before the server's greeting, Login and Password
	NATSNKey           NATSAuth = "nkey"      // a key pair: NATS.Seed
	NATSCredentials    NATSAuth = "creds"     // a JWT: NATS.Credentials; without JetStream
)

// NATSOwner is the user of NATSLimited who may do all, with Password.
const NATSOwner = "owner"

// NATS is a NATS server with JetStream, which syncs its files every two minutes,
// as is its default: what it acknowledged outlives the process, and not always
// the machine.
type NATS struct {
	*Process
	Address string
	// Certs are those of a server with TLS.
	Certs *Certs
	// Seed and Credentials are files for the client.
	Seed, Credentials string
}

// StartNATS starts one.
func StartNATS(t T, auth NATSAuth) *NATS {
	t.Helper()
	n := &NATS{Process: newProcess(t, "nats-"+string(auth))}
	port, monitor := FreePort(t), FreePort(t)
	n.Address = address(port)
	conf := fmt.Sprintf("host: \"127.0.0.1\"\nport: %d\nhttp: \"127.0.0.1:%d\"\nserver_name: \"test\"\n", port, monitor)
	if auth != NATSCredentials {
		conf += fmt.Sprintf("jetstream { store_dir: %q, max_memory_store: 64MB, max_file_store: 1GB }\n", n.mkdir("data"))
	}
	conf += n.authentication(auth)
	file := n.write("nats.conf", conf)
	server := cached(t, "nats-server/*/nats-server")
	n.command = func() *exec.Cmd { return exec.Command(server, "-c", file) }
	n.ready = func(ctx context.Context) error { return httpOK(ctx, "http://"+address(monitor)+"/healthz") }
	n.Start()
	return n
}

// authentication is the part of the configuration that says who may connect.
func (n *NATS) authentication(auth NATSAuth) string {
	n.t.Helper()
	var (
		conf string
		err  error
	)
	switch auth {
	case NATSUser, NATSTLS, NATSMutual, NATSHandshakeFirst:
		conf = fmt.Sprintf("authorization { user: %q, password: %q }\n", Login, Password)
	case NATSToken:
		conf = fmt.Sprintf("authorization { token: %q }\n", Password)
	case NATSLimited:
		conf = fmt.Sprintf("authorization { users: [ { user: %q, password: %q },\n"+
			"{ user: %q, password: %q, permissions: { publish: [\"bucketevents\"], subscribe: [\"_INBOX.>\"] } } ] }\n",
			NATSOwner, Password, Login, Password)
	case NATSNKey:
		conf, err = n.nkey()
	case NATSCredentials:
		conf, err = n.credentials()
	}
	if err != nil {
		n.t.Fatalf("make keys: %v", err)
	}
	if auth == NATSTLS || auth == NATSMutual || auth == NATSHandshakeFirst {
		n.Certs = NewCerts(n.t)
		conf += fmt.Sprintf("tls { cert_file: %q, key_file: %q, ca_file: %q, timeout: 5, verify: %t, handshake_first: %t }\n",
			n.Certs.ServerCert, n.Certs.ServerKey, n.Certs.CA, auth == NATSMutual, auth == NATSHandshakeFirst)
	}
	return conf
}

// STAN is a NATS Streaming server that keeps its messages in files.
type STAN struct {
	*Process
	Address, Cluster string
}

// StartSTAN starts one that asks for Login and Password.
func StartSTAN(t T) *STAN {
	t.Helper()
	s := &STAN{Process: newProcess(t, "nats-streaming"), Cluster: "test-cluster"}
	port := FreePort(t)
	s.Address = address(port)
	server, data := cached(t, "nats-streaming-server/*/nats-streaming-server"), s.mkdir("data")
	s.command = func() *exec.Cmd {
		return exec.Command(server, "-a", "127.0.0.1", "-p", strconv.Itoa(port), "-cid", s.Cluster,
			"-store", "file", "-dir", data, "-file_sync=true", "--user", Login, "--pass", Password)
	}
	s.ready = func(context.Context) error { return s.takesClients() }
	s.Start()
	return s
}

// takesClients introduces a client to the cluster: its monitor answers before
// clients are heard.
func (s *STAN) takesClients() error {
	nc, err := nats.Connect("nats://"+s.Address, nats.UserInfo(Login, Password), nats.Timeout(greetTimeout), nats.NoReconnect())
	if err != nil {
		return err
	}
	defer nc.Close()
	sc, err := stan.Connect(s.Cluster, "ready-"+strconv.FormatInt(time.Now().UnixNano(), 10), stan.NatsConn(nc), stan.ConnectWait(greetTimeout))
	if err != nil {
		return err
	}
	return sc.Close()
}

// httpOK says whether an address answers 200.
func httpOK(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return err
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, res.Status)
	}
	return nil
}
