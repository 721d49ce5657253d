package sdk

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

// TestGo does what users of the AWS SDK for Go v2 do.
func TestGo(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "walkthrough")
	build(t, harness.ModulePath(t, "test", "sdk", "go-v2"), "go", "test", "-c", "-o", binary, ".")
	program{command: []string{binary}}.walkThrough(t)
}

// envJavaScript names the folder of the packages of test/sdk/js-v3.
const envJavaScript = "CARILLON_JS_SDK"

// TestJavaScript does what users of the AWS SDK for JavaScript v3 do.
func TestJavaScript(t *testing.T) {
	t.Parallel()
	program{
		command: []string{"node", harness.ModulePath(t, "test", "sdk", "js-v3", "walkthrough.js")},
		// Packages are looked for beside the program, and then in NODE_PATH.
		env: []string{"NODE_PATH=" + harness.Tool(t, envJavaScript, "jssdk/*/node_modules")},
		prepare: func(_ *testing.T, e endpoint) []string {
			return []string{"NODE_EXTRA_CA_CERTS=" + e.authority}
		},
	}.walkThrough(t)
}

// envJava names the folder of the libraries of test/sdk/java-v2.
const envJava = "CARILLON_JAVA_SDK"

// TestJava does what users of the AWS SDK for Java v2 do.
func TestJava(t *testing.T) {
	t.Parallel()
	classes := t.TempDir()
	libraries := filepath.Join(harness.Tool(t, envJava, "javasdk/*/libs"), "*")
	sources, err := filepath.Glob(harness.ModulePath(t, "test", "sdk", "java-v2", "*.java"))
	if err != nil {
		t.Fatal(err)
	}
	build(t, classes, "javac", append([]string{"-encoding", "UTF-8", "-cp", libraries, "-d", classes}, sources...)...)
	program{
		command: []string{"java", "-cp", classes + string(filepath.ListSeparator) + libraries, "-Dfile.encoding=UTF-8", "Walkthrough"},
		prepare: trustStore,
		lacks:   []string{"form"},
	}.walkThrough(t)
}

// trustStore has the JVM trust the server's authority: it reads stores of its
// own form.
func trustStore(t *testing.T, e endpoint) []string {
	t.Helper()
	if e.authority == "" {
		return nil
	}
	store := filepath.Join(t.TempDir(), "trust.p12")
	build(t, filepath.Dir(store), "keytool", "-importcert", "-noprompt", "-storetype", "PKCS12", "-storepass", "secret",
		"-alias", "authority", "-file", e.authority, "-keystore", store)
	return []string{"JAVA_TOOL_OPTIONS=-Djavax.net.ssl.trustStore=" + store + " -Djavax.net.ssl.trustStorePassword=secret"}
}

// envPython names a Python with the packages of requirements.txt.
const envPython = "CARILLON_PYTHON"

// python is a walkthrough in Python.
func python(t *testing.T, script string) program {
	t.Helper()
	return program{
		command: []string{harness.Tool(t, envPython, "pysdk/*/bin/python3"), harness.ModulePath(t, "test", "sdk", "python", script)},
		env:     []string{"PYTHONDONTWRITEBYTECODE=1"},
	}
}

// TestBoto3 does what users of boto3 do.
func TestBoto3(t *testing.T) {
	t.Parallel()
	python(t, "boto3_walkthrough.py").walkThrough(t)
}

// TestBoto3Checksums uploads and reads with every checksum there is, in every
// form that boto3 has.
func TestBoto3Checksums(t *testing.T) {
	t.Parallel()
	python(t, "boto3_checksums.py").run(t, startEndpoint(t, false), nil)
}

// TestAWSCLI types what users of awscli type.
func TestAWSCLI(t *testing.T) {
	t.Parallel()
	p := python(t, "awscli_walkthrough.py")
	p.lacks = []string{"form"}
	p.plainOnly = []string{"multipart", "transfers"} // each line starts Python anew
	p.walkThrough(t)
}

// build runs a compiler in dir.
func build(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = dir, harness.PlainEnv()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}
