package server

import (
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

func TestReady(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Options{})
	if r := harness.Command(t, nil, "ready", s.URL()); r.Code != 0 {
		t.Errorf("a server that runs: exit code %d\n%s", r.Code, r.Output())
	}
	if r := harness.Command(t, nil, "ready", s.URL()+"/"); r.Code != 0 {
		t.Errorf("with a slash: exit code %d\n%s", r.Code, r.Output())
	}
	s.Freeze()
	if r := harness.Command(t, nil, "ready", s.URL()); r.Code != 1 {
		t.Errorf("a frozen server: exit code %d\n%s", r.Code, r.Output())
	}
	s.Thaw()
	if r := harness.Command(t, nil, "ready", s.URL()); r.Code != 0 {
		t.Errorf("a thawed server: exit code %d\n%s", r.Code, r.Output())
	}
	s.Terminate()
	if r := harness.Command(t, nil, "ready", s.URL()); r.Code != 1 {
		t.Errorf("a stopped server: exit code %d\n%s", r.Code, r.Output())
	}
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args []string
		code int
		want string
	}{
		"version":         {[]string{"version"}, 0, "carillon"},
		"help":            {[]string{"help"}, 0, "server"},
		"--help":          {[]string{"--help"}, 0, "ready"},
		"help of server":  {[]string{"help", "server"}, 0, "--shutdown-timeout"},
		"nothing":         {nil, 2, "server"},
		"unknown command": {[]string{"serve"}, 2, "serve"},
		"unknown flag":    {[]string{"server", "--adress", ":1", "x"}, 2, "--adress"},
		"bad duration":    {[]string{"server", "--shutdown-timeout", "soon", "x"}, 2, "shutdown-timeout"},
		"ready of no URL": {[]string{"ready", "http://[::1"}, 2, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := harness.Command(t, nil, tt.args...)
			if r.Code != tt.code || !strings.Contains(r.Output(), tt.want) {
				t.Errorf("exit code %d, want %d; output, want %q in it:\n%s", r.Code, tt.code, tt.want, r.Output())
			}
		})
	}
}
