package crash

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/test/harness"
)

// mysqlTable is where the events go.
const mysqlTable = "bucketevents"

func mariadbAccess(t *testing.T) broker    { return mysqlAccess(t, brokertest.StartMariaDB(t)) }
func mariadbNamespace(t *testing.T) broker { return mysqlNamespace(t, brokertest.StartMariaDB(t)) }
func mysql8Access(t *testing.T) broker     { return mysqlAccess(t, brokertest.StartMySQL(t)) }
func mysql8Namespace(t *testing.T) broker  { return mysqlNamespace(t, brokertest.StartMySQL(t)) }

// mysqlAccess is a table like the one that the server would make, and with a
// column that counts the rows: nothing of a key is sent before what was sent
// last is acknowledged, so the numbers of a key rise in the order of arrival.
// An event that comes again is no second row, so no duplicates are seen.
func mysqlAccess(t *testing.T, server *brokertest.MySQL) broker {
	t.Helper()
	if _, err := mysqlClient(t, server, "CREATE TABLE "+mysqlTable+" (event_time DATETIME(3) NOT NULL, event_data JSON, "+
		"event_id VARCHAR(64) NOT NULL PRIMARY KEY, arrival BIGINT NOT NULL AUTO_INCREMENT UNIQUE) "+
		"CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"); err != nil {
		t.Fatal(err)
	}
	b := mysqlBroker(server, "access")
	b.arrived = func(t testing.TB) ([]seen, error) {
		rows, err := mysqlRows(t, server, "event_id", "event_data", "ORDER BY arrival")
		if err != nil {
			return nil, err
		}
		return seenInRows(rows)
	}
	return b
}

// mysqlNamespace is a table that mirrors the buckets.
func mysqlNamespace(t *testing.T, server *brokertest.MySQL) broker {
	t.Helper()
	b := mysqlBroker(server, "namespace")
	b.mirrored = func(t testing.TB) (map[string][]byte, error) {
		rows, err := mysqlRows(t, server, "key_name", "value", "")
		return mirrorOf(rows), err
	}
	return b
}

func mysqlBroker(server *brokertest.MySQL, format string) broker {
	dsn := fmt.Sprintf("%s:%s@tcp(%s)/%s", brokertest.Login, brokertest.Password, server.Address, server.Database)
	return broker{
		name: "mysql, " + format, process: server.Process, arn: "arn:minio:sqs::1:mysql",
		env: []string{
			"MINIO_NOTIFY_MYSQL_ENABLE_1=on", "MINIO_NOTIFY_MYSQL_DSN_STRING_1=" + dsn,
			"MINIO_NOTIFY_MYSQL_TABLE_1=" + mysqlTable, "MINIO_NOTIFY_MYSQL_FORMAT_1=" + format,
		},
	}
}

// mysqlRows are those of the table, by two of its columns, which come in hex so
// that nothing is lost on the way.
func mysqlRows(t testing.TB, server *brokertest.MySQL, name, body, order string) ([]tableRow, error) {
	t.Helper()
	out, err := mysqlClient(t, server, fmt.Sprintf("SELECT HEX(CONVERT(%s USING utf8mb4)), HEX(CONVERT(%s USING utf8mb4)) FROM %s %s",
		name, body, mysqlTable, order))
	if err != nil {
		return nil, err
	}
	var rows []tableRow
	for line := range strings.Lines(string(out)) {
		first, second, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		name, err := hex.DecodeString(first)
		if err != nil {
			return nil, fmt.Errorf("mariadb: %q: %w", line, err)
		}
		body, err := hex.DecodeString(second)
		if err != nil {
			return nil, fmt.Errorf("mariadb: %q: %w", line, err)
		}
		rows = append(rows, tableRow{name: string(name), body: body})
	}
	return rows, nil
}

// mysqlClient has the client program run a statement.
func mysqlClient(t testing.TB, server *brokertest.MySQL, statement string) ([]byte, error) {
	t.Helper()
	ctx, cancel := harness.Bounded(t)
	defer cancel()
	host, port, err := net.SplitHostPort(server.Address)
	if err != nil {
		return nil, err
	}
	// TLS, as MySQL's plugin wants a password sent so or not at all.
	cmd := exec.CommandContext(ctx, "mariadb", "--no-defaults", "-h", host, "-P", port, "-u", brokertest.Login, "-p"+brokertest.Password,
		"--ssl", "--default-character-set=utf8mb4", "-D", server.Database, "-N", "-B", "-e", statement)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("mariadb: %w\n%s", err, &errs)
	}
	return out, nil
}
