package guide

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/test/harness"
)

// guidePostgres is a server with the guide's user and database.
type guidePostgres struct{ *brokertest.Postgres }

func startGuidePostgres(t *testing.T) guidePostgres {
	t.Helper()
	p := guidePostgres{brokertest.StartPostgres(t)}
	p.run(t, brokertest.Login, brokertest.Password, p.Database, "CREATE USER postgres SUPERUSER PASSWORD 'password'")
	p.run(t, brokertest.Login, brokertest.Password, p.Database, "CREATE DATABASE minio_events OWNER postgres")
	return p
}

func (p guidePostgres) port() string { return p.Address[strings.LastIndex(p.Address, ":")+1:] }

// sql runs a statement with psql, as the guide does.
func (p guidePostgres) sql(t *testing.T, statement string) string {
	t.Helper()
	return p.run(t, "postgres", "password", "minio_events", statement)
}

func (p guidePostgres) run(t *testing.T, user, password, database, statement string) string {
	t.Helper()
	cmd := exec.Command("psql", "-h", "127.0.0.1", "-p", p.port(), "-U", user, "-d", database, "-X", "-A", "-t", "-c", statement)
	cmd.Env = append(harness.PlainEnv(), "PGPASSWORD="+password)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("psql: %v\n%s\n%s", err, statement, out)
	}
	return string(out)
}

// wantRows waits until a query of a table, which may not be there yet, prints
// this.
func (p guidePostgres) wantRows(t *testing.T, table, query, want string) {
	t.Helper()
	harness.Poll(t, "rows "+want, func() error {
		if p.sql(t, "SELECT to_regclass('"+table+"') IS NOT NULL") != "t\n" {
			return errors.New("there is no table")
		}
		if got := strings.TrimSpace(p.sql(t, query)); got != want {
			return fmt.Errorf("they are %q", got)
		}
		return nil
	})
}

// wantMirror waits until the guide's table shows these keys and event names.
func (p guidePostgres) wantMirror(t *testing.T, want string) {
	t.Helper()
	p.wantRows(t, "bucketevents", "SELECT key, value->'Records'->0->>'eventName' FROM bucketevents ORDER BY key", want)
}

// TestPostgresChapter is the PostgreSQL chapter, as typed; only the port is
// another.
func TestPostgresChapter(t *testing.T) {
	t.Parallel()
	db := startGuidePostgres(t)
	server := harness.Start(t, harness.Options{})
	mc := harness.NewMC(t).Alias("myminio", server)
	got := typed(t, mc, "mc admin config get myminio notify_postgres")
	if want := "notify_postgres enable=off format=namespace connection_string= table= queue_dir= queue_limit=0 max_open_connections=2 "; !strings.HasPrefix(got, want) {
		t.Errorf("config get prints %q, want %q", got, want)
	}
	typed(t, mc, `mc admin config set myminio notify_postgres:1 connection_string="host=localhost port=`+db.port()+
		` dbname=minio_events user=postgres password=password sslmode=disable" table="bucketevents" format="namespace"`)
	if got := typed(t, mc, "mc admin config get myminio notify_postgres"); strings.Contains(got, "password") || !strings.Contains(got, "table=bucketevents") {
		t.Errorf("after set: %q", got)
	}
	server.Restarting(func() { typed(t, mc, "mc admin service restart myminio --json") })
	if want := "SQS ARNs: arn:minio:sqs::1:postgresql"; !strings.Contains(server.Stdout.String(), want) {
		t.Errorf("the banner lacks %q:\n%s", want, server.Stdout)
	}
	typed(t, mc, "mc mb myminio/images")
	typed(t, mc, "mc event add myminio/images arn:minio:sqs::1:postgresql --suffix .jpg")
	if got := typed(t, mc, "mc event list myminio/images"); !strings.Contains(got, "arn:minio:sqs::1:postgresql") || !strings.Contains(got, `suffix=".jpg"`) {
		t.Errorf("event list: %q", got)
	}
	typed(t, mc, "mc cp "+picture(t)+" myminio/images")
	db.wantMirror(t, "images/images.jpg|s3:ObjectCreated:Put")
	if got := db.sql(t, "select * from bucketevents;"); !strings.HasPrefix(got, `images/images.jpg|{"Records": [{"s3": {"bucket": {"arn": "arn:aws:s3:::images", "name": "images"`) {
		t.Errorf("the guide's query shows %s", got)
	}
	typed(t, mc, "mc stat myminio/images/images.jpg") // a read leaves the row as it is
	typed(t, mc, "mc rm myminio/images/images.jpg")
	db.wantMirror(t, "")
}

// TestPostgresOldKeys: the guide's line for those who move from the old keys,
// and the old keys themselves.
func TestPostgresOldKeys(t *testing.T) {
	t.Parallel()
	db := startGuidePostgres(t)
	server := harness.Start(t, harness.Options{Env: []string{
		"MINIO_NOTIFY_POSTGRES_ENABLE_old=on", "MINIO_NOTIFY_POSTGRES_HOST_old=localhost", "MINIO_NOTIFY_POSTGRES_PORT_old=" + db.port(),
		"MINIO_NOTIFY_POSTGRES_USERNAME_old=postgres", "MINIO_NOTIFY_POSTGRES_PASSWORD_old=password",
		"MINIO_NOTIFY_POSTGRES_DATABASE_old=minio_events", "MINIO_NOTIFY_POSTGRES_TABLE_old=access", "MINIO_NOTIFY_POSTGRES_FORMAT_old=access",
	}})
	mc := harness.NewMC(t).Alias("myminio", server)
	typed(t, mc, `mc admin config set myminio/ notify_postgres:name table=bucketevents connection_string="host=localhost port=`+db.port()+
		` username=postgres password=password database=minio_events"`)
	if want := "use connection_string instead"; !strings.Contains(server.Stderr.String(), want) {
		t.Errorf("the log lacks %q:\n%s", want, server.Stderr)
	}
	mc.OK("mb", "myminio/images")
	mc.OK("event", "add", "myminio/images", "arn:minio:sqs::name:postgresql")
	mc.OK("event", "add", "myminio/images", "arn:minio:sqs::old:postgresql", "--event", "put,delete")
	mc.OK("cp", picture(t), "myminio/images")
	mc.OK("rm", "myminio/images/images.jpg")
	db.wantRows(t, "access", "SELECT event_data->'Records'->0->>'eventName', event_time = (event_data->'Records'->0->>'eventTime')::timestamptz FROM access ORDER BY event_time",
		"s3:ObjectCreated:Put|t\ns3:ObjectRemoved:Delete|t")
	db.wantMirror(t, "")
}
