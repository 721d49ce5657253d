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

// guideMySQL is a server with the guide's database.
type guideMySQL struct{ *brokertest.MySQL }

func (m guideMySQL) port() string { return m.Address[strings.LastIndex(m.Address, ":")+1:] }

// dsn is the guide's, with another address and user.
func (m guideMySQL) dsn() string {
	return fmt.Sprintf("%s:%s@tcp(%s)/miniodb", brokertest.Login, brokertest.Password, m.Address)
}

func (m guideMySQL) sql(t *testing.T, statement string) string {
	t.Helper()
	cmd := exec.Command("mariadb", "--no-defaults", "-h", "127.0.0.1", "-P", m.port(), "-u", brokertest.Login, "-p"+brokertest.Password, "--ssl", "-N", "-B", "-e", statement)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("mariadb: %v\n%s\n%s", err, statement, out)
	}
	return strings.TrimSpace(string(out))
}

// wantRows waits until a query of a table, which may not be there yet, prints
// this.
func (m guideMySQL) wantRows(t *testing.T, table, query, want string) {
	t.Helper()
	harness.Poll(t, "rows "+want, func() error {
		if m.sql(t, "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'miniodb' AND table_name = '"+table+"'") == "0" {
			return errors.New("there is no table")
		}
		if got := m.sql(t, query); got != want {
			return fmt.Errorf("they are %q", got)
		}
		return nil
	})
}

func (m guideMySQL) wantMirror(t *testing.T, want string) {
	t.Helper()
	m.wantRows(t, "minio_images", "SELECT key_name, JSON_UNQUOTE(JSON_EXTRACT(value, '$.Records[0].eventName')) FROM miniodb.minio_images ORDER BY key_name", want)
}

// TestMySQLChapter is the MySQL chapter, as typed but for address and user,
// against both servers.
func TestMySQLChapter(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(brokertest.T, ...string) *brokertest.MySQL{"MySQL": brokertest.StartMySQL, "MariaDB": brokertest.StartMariaDB} {
		t.Run(name, func(t *testing.T) {
			db := guideMySQL{start(t)}
			db.sql(t, "CREATE DATABASE miniodb")
			testMySQLChapter(t, db)
		})
	}
}

func testMySQLChapter(t *testing.T, db guideMySQL) {
	// The old keys, which the guide tells its readers to leave.
	server := harness.Start(t, harness.Options{Env: []string{
		"MINIO_NOTIFY_MYSQL_ENABLE_old=on", "MINIO_NOTIFY_MYSQL_HOST_old=127.0.0.1", "MINIO_NOTIFY_MYSQL_PORT_old=" + db.port(),
		"MINIO_NOTIFY_MYSQL_USERNAME_old=" + brokertest.Login, "MINIO_NOTIFY_MYSQL_PASSWORD_old=" + brokertest.Password,
		"MINIO_NOTIFY_MYSQL_DATABASE_old=miniodb", "MINIO_NOTIFY_MYSQL_TABLE_old=access", "MINIO_NOTIFY_MYSQL_FORMAT_old=access",
	}})
	if want := "use dsn_string instead"; !strings.Contains(server.Stderr.String(), want) {
		t.Errorf("the log lacks %q:\n%s", want, server.Stderr)
	}
	mc := harness.NewMC(t).Alias("myminio", server)
	got := typed(t, mc, "mc admin config get myminio/ notify_mysql")
	if want := "notify_mysql enable=off format=namespace dsn_string= table= queue_dir= queue_limit=0 max_open_connections=2 "; !strings.Contains(got, want) {
		t.Errorf("config get prints %q, want %q", got, want)
	}
	typed(t, mc, `mc admin config set myminio notify_mysql:myinstance table="minio_images" dsn_string="`+db.dsn()+`"`)
	if got := typed(t, mc, "mc admin config get myminio/ notify_mysql"); strings.Contains(got, brokertest.Password) || !strings.Contains(got, "table=minio_images") {
		t.Errorf("after set: %q", got)
	}
	server.Restarting(func() { typed(t, mc, "mc admin service restart myminio --json") })
	if want := "arn:minio:sqs::myinstance:mysql"; !strings.Contains(server.Stdout.String(), want) {
		t.Errorf("the banner lacks %q:\n%s", want, server.Stdout)
	}
	typed(t, mc, "mc mb myminio/images")
	typed(t, mc, "mc event add myminio/images arn:minio:sqs::myinstance:mysql --suffix .jpg")
	mc.OK("event", "add", "myminio/images", "arn:minio:sqs::old:mysql", "--event", "put,delete")
	if got := typed(t, mc, "mc event list myminio/images"); !strings.Contains(got, "arn:minio:sqs::myinstance:mysql") || !strings.Contains(got, `suffix=".jpg"`) {
		t.Errorf("event list: %q", got)
	}
	typed(t, mc, "mc cp "+picture(t)+" myminio/images")
	db.wantMirror(t, "images/images.jpg\ts3:ObjectCreated:Put")
	typed(t, mc, "mc stat myminio/images/images.jpg") // a read leaves the row as it is
	typed(t, mc, "mc rm myminio/images/images.jpg")
	db.wantMirror(t, "")
	db.wantRows(t, "access", "SELECT JSON_UNQUOTE(JSON_EXTRACT(event_data, '$.Records[0].eventName')), event_time = "+
		"STR_TO_DATE(JSON_UNQUOTE(JSON_EXTRACT(event_data, '$.Records[0].eventTime')), '%Y-%m-%dT%H:%i:%s.%fZ') FROM miniodb.access ORDER BY event_time",
		"s3:ObjectCreated:Put\t1\ns3:ObjectRemoved:Delete\t1")
}
