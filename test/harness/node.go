package harness

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// EnvNodeModules names the folder of the packages of test/thumbnailer.
const EnvNodeModules = "CARILLON_NODE_MODULES"

// StartThumbnailer starts the Node program that makes thumbnails, for a server,
// and returns the URL of its webhook, at localhost as the guide writes it.
func StartThumbnailer(t testing.TB, serverURL string) string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatalf("the thumbnailer needs Node.js: %v", err)
	}
	modules := Tool(t, EnvNodeModules, "thumbnailer/*/node_modules")
	listen := FreeAddress(t)
	output := newLog()
	// Packages are looked for beside the real path of the program, and then in
	// NODE_PATH.
	cmd := exec.Command(node, ModulePath(t, "test", "thumbnailer", "thumbnailer.js"))
	cmd.Env = append(PlainEnv(), "NODE_PATH="+modules, "THUMBNAILER_LISTEN="+listen, "THUMBNAILER_ENDPOINT="+serverURL,
		"THUMBNAILER_ACCESS_KEY="+RootUser, "THUMBNAILER_SECRET_KEY="+RootPassword)
	cmd.Dir = filepath.Dir(modules)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = childAttributes()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Error(err)
		}
		_ = cmd.Wait() // killed
		if t.Failed() {
			t.Logf("the thumbnailer's output:\n%s", output)
		}
	})
	output.WaitFor(t, "Thumbnailer listens")
	return "http://localhost:" + portOf(t, listen) + "/"
}
