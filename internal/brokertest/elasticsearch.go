package brokertest

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Versions of Elasticsearch that the tests run against.
const (
	Elasticsearch7 = "7.17.29"
	Elasticsearch8 = "8.5.0"
)

// Elasticsearch is a single node.
type Elasticsearch struct {
	*Process
	URL string
	// Certs are those of a node with security, which asks for Login and
	// Password over https.
	Certs *Certs

	client *http.Client
}

// StartElasticsearch starts a node, with security (https, Login and Password) or
// without.
func StartElasticsearch(t T, version string, secure bool) *Elasticsearch {
	t.Helper()
	e := &Elasticsearch{Process: newProcess(t, "elasticsearch-"+version), client: &http.Client{Timeout: 10 * time.Second}}
	e.runAs("elasticsearch")
	home := cached(t, "elasticsearch/"+version+"/elasticsearch-"+version)
	port, transport := freePort(t), freePort(t)
	scheme := "http"
	if secure {
		scheme = "https"
		e.secure()
	}
	e.URL = scheme + "://" + address(port)
	conf := e.configure(home, version, secure, port, transport)
	tmp := e.mkdir("tmp")
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + e.Dir, "ES_PATH_CONF=" + conf, "ES_TMPDIR=" + tmp, "ES_JAVA_HOME=" + javaHome(t),
		"CLI_JAVA_OPTS=-Xmx64m -XX:+UseSerialGC -XX:TieredStopAtLevel=1",
	}
	if secure {
		add := exec.Command(filepath.Join(home, "bin/elasticsearch-users"), "useradd", Login, "-p", Password, "-r", "superuser")
		add.Dir, add.Env = home, env
		e.run(add)
	}
	e.command = func() *exec.Cmd {
		cmd := exec.Command(filepath.Join(home, "bin/elasticsearch"))
		cmd.Dir, cmd.Env = home, env
		return cmd
	}
	e.ready = e.healthy
	e.Start()
	return e
}

func (e *Elasticsearch) secure() {
	e.t.Helper()
	e.Certs = NewCerts(e.t)
	pool, err := e.Certs.Pool()
	if err != nil {
		e.t.Fatalf("%v", err)
	}
	e.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
}

// configure writes the node's configuration and returns its folder.
func (e *Elasticsearch) configure(home, version string, secure bool, port, transport int) string {
	e.t.Helper()
	conf := e.mkdir("config")
	e.mkdir("config/jvm.options.d")
	for _, name := range []string{"roles.yml", "users", "users_roles", "role_mapping.yml"} {
		e.write("config/"+name, mustRead(e.t, filepath.Join(home, "config", name)))
	}
	e.write("config/log4j2.properties", `status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%c{1.}] %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
`)
	e.write("config/jvm.options", fmt.Sprintf("-Xms512m\n-Xmx512m\n-XX:+UseSerialGC\n-XX:TieredStopAtLevel=1\n-XX:-AlwaysPreTouch\n"+
		"-Djava.io.tmpdir=%s\n-Djava.security.manager=allow\n", filepath.Join(e.Dir, "tmp")))
	text := fmt.Sprintf(`cluster.name: test
node.name: test
path.data: %s
path.logs: %s
network.host: 127.0.0.1
http.port: %d
transport.port: %d
discovery.type: single-node
cluster.routing.allocation.disk.threshold_enabled: false
action.auto_create_index: true
xpack.security.enabled: %t
xpack.security.http.ssl.enabled: %t
`, e.mkdir("data"), e.mkdir("logs"), port, transport, secure, secure)
	if strings.HasPrefix(version, "8.") {
		text += "xpack.security.enrollment.enabled: false\nxpack.security.autoconfiguration.enabled: false\n"
	}
	if secure {
		// The node reads certificates from its own folder only.
		e.write("config/server.key", mustRead(e.t, e.Certs.ServerKey))
		e.write("config/server.crt", mustRead(e.t, e.Certs.ServerCert))
		text += "xpack.security.http.ssl.key: server.key\nxpack.security.http.ssl.certificate: server.crt\n"
	}
	e.write("config/elasticsearch.yml", text)
	return conf
}

func javaHome(t T) string {
	t.Helper()
	real, err := filepath.EvalSymlinks(program(t, "java"))
	if err != nil {
		t.Fatalf("%v", err)
	}
	return filepath.Dir(filepath.Dir(real))
}

func (e *Elasticsearch) healthy(ctx context.Context) error {
	var health struct{ Status string }
	if err := e.Request(ctx, http.MethodGet, "/_cluster/health?wait_for_status=yellow&timeout=1s", "", &health); err != nil {
		return err
	}
	if health.Status != "green" && health.Status != "yellow" {
		return errors.New("its state is " + health.Status)
	}
	return nil
}

// Request asks the node and decodes its answer into to, if that is not nil.
func (e *Elasticsearch) Request(ctx context.Context, method, path, body string, to any) error {
	req, err := http.NewRequestWithContext(ctx, method, e.URL+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Close = true // no connection outlives a test
	if e.Certs != nil {
		req.SetBasicAuth(Login, Password)
	}
	res, err := e.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s", method, path, res.Status)
	}
	if to == nil {
		return nil
	}
	return json.NewDecoder(res.Body).Decode(to)
}
