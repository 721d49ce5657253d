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

// MaxElasticsearchRequest is the largest request that a node takes, in bytes.
const MaxElasticsearchRequest = 6 << 20

// Users of a node with security, besides Login, with the same Password. They may
// use the indexes whose names begin with LimitedIndexes, and nothing else.
const (
	ElasticsearchWriter = "writer"
	ElasticsearchViewer = "viewer"
	LimitedIndexes      = "limited-"
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

// StartElasticsearch starts a node, with security (https, Login and Password; it
// verifies a client's certificate if one is shown) or without. Options of its
// virtual machine, such as "-Xmx1g", go before its own, which have it start fast.
func StartElasticsearch(t T, version string, secure bool, options ...string) *Elasticsearch {
	t.Helper()
	e := newElasticsearch(t, "elasticsearch-"+version)
	home := cached(t, "elasticsearch/"+version+"/elasticsearch-"+version)
	port := FreePort(t)
	scheme := "http"
	if secure {
		scheme = "https"
		e.secure()
	}
	e.URL = scheme + "://" + address(port)
	conf := e.configure(home, version, secure, port, FreePort(t))
	if len(options) > 0 {
		e.write("config/jvm.options.d/more.options", strings.Join(options, "\n")+"\n") // read after jvm.options
	}
	tmp := e.mkdir("tmp")
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + e.Dir, "ES_PATH_CONF=" + conf, "ES_TMPDIR=" + tmp, "ES_JAVA_HOME=" + javaHome(t),
		"CLI_JAVA_OPTS=-Xmx64m -XX:+UseSerialGC -XX:TieredStopAtLevel=1",
	}
	if secure {
		add := exec.Command(filepath.Join(home, "bin/elasticsearch-users"), "useradd", Login, "-p", Password, "-r", "superuser")
		add.Dir, add.Env = home, env
		e.run(add)
		e.addLimitedUsers()
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

func newElasticsearch(t T, name string) *Elasticsearch {
	t.Helper()
	e := &Elasticsearch{Process: newProcess(t, name), client: &http.Client{Timeout: 10 * time.Second}}
	e.runAs("elasticsearch")
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

// addLimitedUsers writes files, since roles cannot be made by requests here: that
// takes a module which these nodes do not have.
func (e *Elasticsearch) addLimitedUsers() {
	e.t.Helper()
	const role = "%s:\n  indices:\n    - names: ['" + LimitedIndexes + "*']\n      privileges: [%s]\n"
	e.write("config/roles.yml", fmt.Sprintf(role, ElasticsearchWriter, "create_index, read, write, view_index_metadata")+
		fmt.Sprintf(role, ElasticsearchViewer, "view_index_metadata"))
	for _, name := range []string{"users", "users_roles"} {
		text := mustRead(e.t, filepath.Join(e.Dir, "config", name))
		first, _, _ := strings.Cut(text, "\n")
		for _, user := range []string{ElasticsearchWriter, ElasticsearchViewer} {
			line := user + ":" + user // the role and who has it
			if name == "users" {
				line = strings.Replace(first, Login, user, 1) // the hash of the same password
			}
			text += line + "\n"
		}
		e.write("config/"+name, text)
	}
}

// configure writes the node's configuration and returns its folder.
func (e *Elasticsearch) configure(home, version string, secure bool, port, transport int) string {
	e.t.Helper()
	conf := e.mkdir("config")
	e.mkdir("config/jvm.options.d")
	for _, name := range []string{"roles.yml", "users", "users_roles", "role_mapping.yml"} {
		e.write("config/"+name, mustRead(e.t, filepath.Join(home, "config", name)))
	}
	text := e.common(port, transport)
	text += fmt.Sprintf("xpack.security.enabled: %t\nxpack.security.http.ssl.enabled: %t\n", secure, secure)
	if strings.HasPrefix(version, "8.") {
		text += "xpack.security.enrollment.enabled: false\nxpack.security.autoconfiguration.enabled: false\n"
	}
	if secure {
		// The node reads certificates from its own folder only.
		e.write("config/server.key", mustRead(e.t, e.Certs.ServerKey))
		e.write("config/server.crt", mustRead(e.t, e.Certs.ServerCert))
		text += "xpack.security.http.ssl.key: server.key\nxpack.security.http.ssl.certificate: server.crt\n"
		// A client's certificate is not asked for, but if one is shown it is verified.
		e.write("config/ca.crt", mustRead(e.t, e.Certs.CA))
		text += "xpack.security.http.ssl.client_authentication: optional\nxpack.security.http.ssl.certificate_authorities: ca.crt\n"
	}
	e.write("config/elasticsearch.yml", text)
	return conf
}

// common writes what a node of either program needs beside its settings, and
// returns those that they share.
func (e *Elasticsearch) common(port, transport int) string {
	e.t.Helper()
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
	return fmt.Sprintf(`cluster.name: test
node.name: test
path.data: %s
path.logs: %s
network.host: 127.0.0.1
http.port: %d
http.max_content_length: %db
transport.port: %d
discovery.type: single-node
cluster.routing.allocation.disk.threshold_enabled: false
action.auto_create_index: true
`, e.mkdir("data"), e.mkdir("logs"), port, MaxElasticsearchRequest, transport)
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
