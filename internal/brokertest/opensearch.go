package brokertest

import (
	"os"
	"os/exec"
	"path/filepath"
)

// StartOpenSearch starts a node of OpenSearch, which is asked as Elasticsearch
// is, without security.
func StartOpenSearch(t T) *Elasticsearch {
	t.Helper()
	e := newElasticsearch(t, "opensearch")
	home := cached(t, "opensearch/*/opensearch-*")
	port := FreePort(t)
	e.URL = "http://" + address(port)
	conf := e.mkdir("config")
	e.mkdir("config/jvm.options.d")
	e.write("config/opensearch.yml", e.common(port, FreePort(t)))
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + e.Dir, "OPENSEARCH_PATH_CONF=" + conf, "OPENSEARCH_TMPDIR=" + e.mkdir("tmp"),
		"OPENSEARCH_JAVA_HOME=" + javaHome(t),
	}
	e.command = func() *exec.Cmd {
		cmd := exec.Command(filepath.Join(home, "bin/opensearch"))
		cmd.Dir, cmd.Env = home, env
		return cmd
	}
	e.ready = e.healthy
	e.Start()
	return e
}
