package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// profileEnv tells a server that was built with profileSource where to answer.
const profileEnv = "BENCH_PPROF"

// profileSource is added to the server's program for a build that can be
// profiled, so that the product needs no such door.
const profileSource = `package main

import (
	"net/http"
	_ "net/http/pprof"
	"os"
)

func init() { go func() { _ = http.ListenAndServe(os.Getenv("` + profileEnv + `"), nil) }() }
`

// overlay writes what "go build -overlay" needs to add profileSource to
// cmd/carillon of the module that is the working directory.
func overlay(dir string) (name string, err error) {
	root, err := os.Getwd()
	if err != nil {
		return "", err
	}
	source, name := filepath.Join(dir, "profile.go"), filepath.Join(dir, "overlay.json")
	replace := map[string]map[string]string{"Replace": {filepath.Join(root, "cmd", "carillon", "bench_profile.go"): source}}
	text, err := json.Marshal(replace)
	if err != nil {
		return "", err
	}
	return name, errors.Join(os.WriteFile(source, []byte(profileSource), 0o600), os.WriteFile(name, text, 0o600))
}

// profile takes a CPU profile of the server, as long as a cell counts, and
// writes it to the file that the cell names. The returned function waits for it.
func (t *turn) profile(ctx context.Context, cell string) (wait func() error) {
	if t.server.profiled == "" || t.options.length < time.Second {
		return func() error { return nil }
	}
	done := make(chan error, 1)
	go func() { done <- t.takeProfile(ctx, cell) }()
	return func() error { return <-done }
}

func (t *turn) takeProfile(ctx context.Context, cell string) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(t.options.warm):
	}
	url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", t.server.profiled, int(t.options.length.Seconds()))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("profile: %s: %s", resp.Status, data)
	}
	if err != nil {
		return err
	}
	name := strings.ReplaceAll(cell, " ", "-") + ".pprof"
	return os.WriteFile(filepath.Join(t.options.profiles, name), data, 0o600)
}
