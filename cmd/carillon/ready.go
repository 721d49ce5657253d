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

type readyCommand struct {
	URL string `arg:"" optional:"" default:"http://127.0.0.1:9000" help:"Where the server answers (${default})."`
}

// Run fails unless the server says that it is ready.
func (c *readyCommand) Run(ctx context.Context, p *process) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	url := strings.TrimSuffix(c.URL, "/") + "/minio/health/ready"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return fmt.Errorf("%w: %w", server.ErrUsage, err)
	}
	// The question holds no secret, and the answer is believed by its status
	// alone: a certificate for another name is no reason to restart a server.
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // see above
	}}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s", resp.Status)
	}
	_, err = fmt.Fprintln(p.stdout, "ready")
	return err
}
