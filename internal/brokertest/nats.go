package brokertest

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"strconv"
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
)

// NATS is a NATS server with JetStream.
type NATS struct {
	*Process
	Address string
	// Certs are those of a server with TLS.
	Certs *Certs
}

// StartNATS starts one.
func StartNATS(t T, auth NATSAuth) *NATS {
	t.Helper()
	n := &NATS{Process: newProcess(t, "nats-"+string(auth))}
	port, monitor := freePort(t), freePort(t)
	n.Address = address(port)
	conf := fmt.Sprintf("host: \"127.0.0.1\"\nport: %d\nhttp: \"127.0.0.1:%d\"\nserver_name: \"test\"\n"+
		"jetstream { store_dir: %q, max_memory_store: 64MB, max_file_store: 1GB, sync_interval: always }\n", port, monitor, n.mkdir("data"))
	switch auth {
	case NATSUser, NATSTLS, NATSMutual:
		conf += fmt.Sprintf("authorization { user: %q, password: %q }\n", Login, Password)
	case NATSToken:
		conf += fmt.Sprintf("authorization { token: %q }\n", Password)
	}
	if auth == NATSTLS || auth == NATSMutual {
		n.Certs = NewCerts(t)
		conf += fmt.Sprintf("tls { cert_file: %q, key_file: %q, ca_file: %q, timeout: 5, verify: %t }\n",
			n.Certs.ServerCert, n.Certs.ServerKey, n.Certs.CA, auth == NATSMutual)
	}
	file := n.write("nats.conf", conf)
	server := cached(t, "nats-server/*/nats-server")
	n.command = func() *exec.Cmd { return exec.Command(server, "-c", file) }
	n.ready = func(ctx context.Context) error { return httpOK(ctx, "http://"+address(monitor)+"/healthz") }
	n.Start()
	return n
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
	port, monitor := freePort(t), freePort(t)
	s.Address = address(port)
	server, data := cached(t, "nats-streaming-server/*/nats-streaming-server"), s.mkdir("data")
	s.command = func() *exec.Cmd {
		return exec.Command(server, "-a", "127.0.0.1", "-p", strconv.Itoa(port), "-m", strconv.Itoa(monitor), "-cid", s.Cluster,
			"-store", "file", "-dir", data, "-file_sync=true", "--user", Login, "--pass", Password)
	}
	s.ready = func(ctx context.Context) error {
		return httpOK(ctx, "http://"+address(monitor)+"/streaming/serverz")
	}
	s.Start()
	return s
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
