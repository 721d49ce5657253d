package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/carillon-s3/carillon/internal/server"
)

// readyTimeout bounds the question: container platforms ask every few seconds.
const readyTimeout = 5 * time.Second

// localAddress is where a server answers that was told nothing else.
const localAddress = "127.0.0.1:9000"

type readyCommand struct {
	URL string `arg:"" optional:"" help:"Where the server answers (127.0.0.1:9000, with or without TLS)."`
}

// Run fails unless the server says that it is ready.
func (c *readyCommand) Run(ctx context.Context, p *process) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	url := c.URL
	if url == "" {
		url = "http://" + localAddress
	}
	status, err := askReady(ctx, url)
	if c.URL == "" && status == http.StatusBadRequest {
		// So a server answers that wants TLS.
		status, err = askReady(ctx, "https://"+localAddress)
	}
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("not ready: %d %s", status, http.StatusText(status))
	}
	_, err = fmt.Fprintln(p.stdout, "ready")
	return err
}

// askReady asks the server at a URL and returns the status of its answer.
func askReady(ctx context.Context, url string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(url, "/")+"/minio/health/ready", http.NoBody)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", server.ErrUsage, err)
	}
	// The question holds no secret, and the answer is believed by its status
	// alone: a certificate for another name is no reason to restart a server.
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // see above
	}}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	_ = resp.Body.Close()
	return resp.StatusCode, nil
}
