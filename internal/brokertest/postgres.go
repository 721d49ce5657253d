package brokertest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// Postgres is a PostgreSQL server with a database and a user of its own, and
// TLS for those who ask for it.
type Postgres struct {
	*Process
	Address  string
	Database string
	Certs    *Certs
}

// StartPostgres starts one, with settings (name=value) of its configuration that
// go before those it has otherwise.
func StartPostgres(t T, settings ...string) *Postgres {
	t.Helper()
	p := &Postgres{Process: newProcess(t, "postgres"), Database: Login, Certs: NewCerts(t)}
	p.runAs("postgres")
	p.stopSignal = syscall.SIGINT // SIGTERM waits for clients
	bin := postgresBin(t)
	data := filepath.Join(p.Dir, "data")
	password := p.write("password", Password)
	p.run(exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", Login, "--pwfile="+password,
		"-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"))
	p.createDatabase(bin, data)
	port := FreePort(t)
	p.Address = address(port)
	key := p.write("server.key", mustRead(t, p.Certs.ServerKey)) // it must be the server's own
	p.command = func() *exec.Cmd {
		// All its processes are gone before it is started again.
		_ = os.Remove(filepath.Join(data, "postmaster.pid"))
		cmd := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-p", strconv.Itoa(port),
			"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "shared_buffers=64MB",
			"-c", "max_connections=100", "-c", "wal_level=minimal", "-c", "max_wal_senders=0", "-c", "fsync=on",
			"-c", "ssl=on", "-c", "ssl_cert_file="+p.Certs.ServerCert, "-c", "ssl_key_file="+key, "-c", "ssl_ca_file="+p.Certs.CA)
		for _, setting := range settings {
			cmd.Args = append(cmd.Args, "-c", setting)
		}
		cmd.Dir = p.Dir
		return cmd
	}
	p.ready = func(ctx context.Context) error {
		return exec.CommandContext(ctx, filepath.Join(bin, "pg_isready"), "-q", "-h", "127.0.0.1", "-p", strconv.Itoa(port)).Run()
	}
	p.Start()
	return p
}

// URL is the connection string of its database, for a user who may do everything.
func (p *Postgres) URL() string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(Login, Password), Host: p.Address,
		Path: p.Database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// createDatabase makes the database while no server runs, in single-user mode.
func (p *Postgres) createDatabase(bin, data string) {
	p.t.Helper()
	cmd := exec.Command("sh", "-c", fmt.Sprintf("echo 'CREATE DATABASE %q' | %q --single -D %q postgres",
		p.Database, filepath.Join(bin, "postgres"), data))
	cmd.Dir = p.Dir
	p.run(cmd)
}

// postgresBin is the folder of the newest server's programs: where Debian's
// packages have them, else that of the initdb on the PATH.
func postgresBin(t T) string {
	t.Helper()
	if found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb"); err == nil && len(found) > 0 {
		return filepath.Dir(slices.Max(found))
	}
	found, err := filepath.EvalSymlinks(program(t, "initdb"))
	if err != nil {
		t.Fatalf("%v", err)
	}
	return filepath.Dir(found)
}
