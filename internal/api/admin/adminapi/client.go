package adminapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7/pkg/signer"
)

// maxAnswerBytes bounds what is read of an answer: a page of events with their
// records is a few MiB at most.
const maxAnswerBytes = 64 << 20

// Client calls a server. It is safe for concurrent use.
type Client struct {
	// URL is the server's, without a path.
	URL                  string
	AccessKey, SecretKey string
	// HTTP sends the requests; nil means http.DefaultClient.
	HTTP *http.Client
}

// List asks for a page of a list: targets, backlog, parked, gaps or blocked.
func (c *Client) List(ctx context.Context, list string, query url.Values) (Page, error) {
	var page Page
	err := c.call(ctx, http.MethodGet, Prefix+"events/"+list+"?"+query.Encode(), nil, &page)
	return page, err
}

// Do makes a call that changes something: retry, fill, drop, unblock, replay,
// backfill or check.
func (c *Client) Do(ctx context.Context, call string, r Request) (Answer, error) {
	var answer Answer
	body, err := json.Marshal(r)
	if err != nil {
		return answer, err
	}
	err = c.call(ctx, http.MethodPost, Prefix+"events/"+call, body, &answer)
	return answer, err
}

func (c *Client) call(ctx context.Context, method, path string, body []byte, out any) error {
	resp, err := c.Send(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes))
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", c.URL, err)
	}
	if resp.StatusCode != http.StatusOK {
		return newError(resp, answer)
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("the answer of %s is not Carillon's: %w", c.URL, err)
	}
	return nil
}

// newError reads an answer that is not 200.
func newError(resp *http.Response, body []byte) error {
	e := &Error{Status: resp.StatusCode}
	if err := json.Unmarshal(body, e); err != nil || e.Code == "" {
		return fmt.Errorf("the server answers %s: is it Carillon, and does it have this call?", resp.Status)
	}
	return e
}

// Send signs and sends a request, to a path with its query; the caller closes
// the answer's body.
func (c *Client) Send(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.URL, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	req.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	// The server takes the region of the signature as it comes.
	req = signer.SignV4(*req, c.AccessKey, c.SecretKey, "", "us-east-1")
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	return client.Do(req)
}
