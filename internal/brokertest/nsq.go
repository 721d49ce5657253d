package brokertest

import (
	"context"
	"os/exec"
	"path/filepath"
)

// NSQ is an nsqd that keeps its messages on disk, so that a kill loses none.
type NSQ struct {
	*Process
	Address string
	// HTTPAddress is for consumers that look at topics.
	HTTPAddress string
	// Tail is the program nsq_tail.
	Tail string
	// Certs are those of a server with TLS, which it then asks of every client.
	Certs *Certs
}

// StartNSQ starts one, with TLS or without. Options, such as "--sync-every=2500",
// go before its own.
func StartNSQ(t T, withTLS bool, options ...string) *NSQ {
	t.Helper()
	n := &NSQ{Process: newProcess(t, "nsqd"), Address: address(FreePort(t)), HTTPAddress: address(FreePort(t))}
	server := cached(t, "nsq/*/nsqd")
	n.Tail = filepath.Join(filepath.Dir(server), "nsq_tail")
	args := []string{
		"--tcp-address=" + n.Address, "--http-address=" + n.HTTPAddress, "--broadcast-address=127.0.0.1",
		"--data-path=" + n.mkdir("data"), "--mem-queue-size=0", "--sync-every=1",
	}
	if withTLS {
		n.Certs = NewCerts(t)
		args = append(args, "--tls-cert="+n.Certs.ServerCert, "--tls-key="+n.Certs.ServerKey,
			"--tls-root-ca-file="+n.Certs.CA, "--tls-required=tcp-https")
	}
	args = append(args, options...) // the last of a kind holds
	n.command = func() *exec.Cmd { return exec.Command(server, args...) }
	n.ready = func(ctx context.Context) error { return httpOK(ctx, "http://"+n.HTTPAddress+"/ping") }
	n.Start()
	return n
}
