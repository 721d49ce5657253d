package sdk

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/carillon-s3/carillon/test/harness"
)

// envPython names a Python with the packages of requirements.txt.
const envPython = "CARILLON_PYTHON"

// walkthroughLimit bounds a script, which takes less than a minute on two cores.
const walkthroughLimit = 15 * time.Minute

// TestBoto3 uploads and reads with boto3 in every form that it has.
func TestBoto3(t *testing.T) {
	t.Parallel()
	walkThrough(t, "boto3_walkthrough.py")
}

// TestAWSCLI types what users of awscli type.
func TestAWSCLI(t *testing.T) {
	t.Parallel()
	walkThrough(t, "awscli_walkthrough.py")
}

// walkThrough runs a script of this folder against a new server.
func walkThrough(t *testing.T, script string) {
	t.Helper()
	python := harness.Tool(t, envPython, "pysdk/*/bin/python3")
	server := harness.Start(t, harness.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), walkthroughLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, python, harness.ModulePath(t, "test", "sdk", script))
	home := t.TempDir()
	cmd.Dir = home
	cmd.Env = append(harness.PlainEnv(), "HOME="+home, "PYTHONDONTWRITEBYTECODE=1", "ENDPOINT="+server.URL(),
		"AWS_ACCESS_KEY_ID="+harness.RootUser, "AWS_SECRET_ACCESS_KEY="+harness.RootPassword, "AWS_EC2_METADATA_DISABLED=true")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
}
