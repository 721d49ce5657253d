package brokertest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// MySQL is a MySQL or MariaDB server with a database and a user of its own.
type MySQL struct {
	*Process
	Address  string
	Database string
	// Certs are those of a server with TLS.
	Certs *Certs
}

// StartMySQL starts MySQL 8. Options, such as "--innodb-buffer-pool-size=1G", go
// before its own.
func StartMySQL(t T, options ...string) *MySQL {
	t.Helper()
	m := newMySQL(t, "mysql")
	server := cached(t, "mysql/*/bin/mysqld")
	base := filepath.Dir(filepath.Dir(server))
	data := filepath.Join(m.Dir, "data")
	if _, err := os.Stat(data); err != nil {
		m.run(exec.Command(server, "--no-defaults", "--basedir="+base, "--datadir="+data, "--initialize-insecure",
			"--innodb-buffer-pool-size=16M", "--innodb-redo-log-capacity=8M"))
	}
	m.serve(t, options, server, "--basedir="+base, "--datadir="+data, "--mysqlx=OFF", "--innodb-redo-log-capacity=8M", "--table-open-cache=200")
	return m
}

// StartMariaDB starts MariaDB, with options as StartMySQL has them.
func StartMariaDB(t T, options ...string) *MySQL {
	t.Helper()
	m := newMySQL(t, "mariadb")
	data := filepath.Join(m.Dir, "data")
	m.run(exec.Command(program(t, "mariadb-install-db"), "--no-defaults", "--datadir="+data,
		"--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"))
	m.serve(t, options, program(t, "mariadbd"), "--datadir="+data, "--skip-name-resolve", "--innodb-log-file-size=8M")
	return m
}

func newMySQL(t T, name string) *MySQL {
	t.Helper()
	m := &MySQL{Process: newProcess(t, name), Database: "events", Certs: NewCerts(t)}
	m.runAs("mysql")
	return m
}

// serve starts a server over data that was made.
func (m *MySQL) serve(t T, options []string, server string, args ...string) {
	t.Helper()
	port := FreePort(t)
	m.Address = address(port)
	// One statement a line, or the server does not read it.
	start := m.write("init.sql", fmt.Sprintf("CREATE DATABASE IF NOT EXISTS `%s` CHARACTER SET utf8mb4;\n"+
		"CREATE USER IF NOT EXISTS '%s'@'%%' IDENTIFIED BY '%s';\nGRANT ALL ON *.* TO '%s'@'%%' WITH GRANT OPTION;\n",
		m.Database, Login, Password, Login))
	key := m.write("server.key", mustRead(t, m.Certs.ServerKey)) // it must be the server's own
	args = append([]string{"--no-defaults"}, args...)
	args = append(args, "--bind-address=127.0.0.1", "--port="+strconv.Itoa(port), "--socket="+filepath.Join(m.Dir, "s"),
		"--tmpdir="+m.mkdir("tmp"), // a server that starts removes what it takes for its own in a folder of all
		"--pid-file="+filepath.Join(m.Dir, "pid"), "--skip-log-bin", "--init-file="+start, "--innodb-buffer-pool-size=64M",
		"--performance-schema=OFF", "--max-connections=100",
		"--ssl-ca="+m.Certs.CA, "--ssl-cert="+m.Certs.ServerCert, "--ssl-key="+key)
	args = append(args, options...) // the last of a kind holds
	m.command = func() *exec.Cmd { return exec.Command(server, args...) }
	// The handshake packet comes only once the server takes connections.
	m.ready = func(ctx context.Context) error { return answers(ctx, m.Address, "", 5) }
	m.Start()
}

func mustRead(t T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return string(text)
}
