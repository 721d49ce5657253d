package crash

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"testing"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/test/harness"
)

// postgresTable is where the events go.
const postgresTable = "bucketevents"

// postgresAccess is a table like the one that the server would make, and with a
// column that counts the rows: nothing of a key is sent before what was sent
// last is acknowledged, so the numbers of a key rise in the order of arrival.
// An event that comes again is no second row, so no duplicates are seen.
func postgresAccess(t *testing.T) broker {
	t.Helper()
	b, server := startPostgres(t, "access")
	if _, err := psql(t, server, "CREATE TABLE "+postgresTable+" (event_time TIMESTAMPTZ NOT NULL, event_data JSONB, "+
		"event_id VARCHAR PRIMARY KEY, arrival BIGINT GENERATED ALWAYS AS IDENTITY)"); err != nil {
		t.Fatal(err)
	}
	b.arrived = func(t testing.TB) ([]seen, error) {
		rows, err := postgresRows(t, server, "event_id", "event_data", "ORDER BY arrival")
		if err != nil {
			return nil, err
		}
		return seenInRows(rows)
	}
	return b
}

// postgresNamespace is a table that mirrors the buckets.
func postgresNamespace(t *testing.T) broker {
	t.Helper()
	b, server := startPostgres(t, "namespace")
	b.mirrored = func(t testing.TB) (map[string][]byte, error) {
		rows, err := postgresRows(t, server, "key", "value", "")
		return mirrorOf(rows), err
	}
	return b
}

func startPostgres(t *testing.T, format string) (broker, *brokertest.Postgres) {
	t.Helper()
	server := brokertest.StartPostgres(t)
	return broker{
		name: "postgres, " + format, process: server.Process, arn: "arn:minio:sqs::1:postgresql",
		env: []string{
			"MINIO_NOTIFY_POSTGRES_ENABLE_1=on", "MINIO_NOTIFY_POSTGRES_CONNECTION_STRING_1=" + server.URL(),
			"MINIO_NOTIFY_POSTGRES_TABLE_1=" + postgresTable, "MINIO_NOTIFY_POSTGRES_FORMAT_1=" + format,
		},
	}, server
}

// postgresRows are those of the table, by two of its columns.
func postgresRows(t testing.TB, server *brokertest.Postgres, name, body, order string) ([]tableRow, error) {
	t.Helper()
	out, err := psql(t, server, fmt.Sprintf("SELECT coalesce(json_agg(json_build_object('name', %s, 'body', %s) %s), '[]') FROM %s",
		name, body, order, postgresTable))
	if err != nil {
		return nil, err
	}
	var found []struct {
		Name string
		Body json.RawMessage
	}
	if err := json.Unmarshal(out, &found); err != nil {
		return nil, fmt.Errorf("psql: %w", err)
	}
	rows := make([]tableRow, len(found))
	for i, f := range found {
		rows[i] = tableRow{name: f.Name, body: f.Body}
	}
	return rows, nil
}

// psql has the database's own client program run a statement.
func psql(t testing.TB, server *brokertest.Postgres, statement string) ([]byte, error) {
	t.Helper()
	ctx, cancel := harness.Bounded(t)
	defer cancel()
	cmd := exec.CommandContext(ctx, "psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", server.URL(), "-c", statement)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("psql: %w\n%s", err, &errs)
	}
	return out, nil
}
