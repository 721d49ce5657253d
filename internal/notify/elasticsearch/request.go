package elasticsearch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode"
)

const (
	// maxAnswer bounds what is read of an answer: a bulk request's has some 400
	// bytes for an item that failed.
	maxAnswer = 16 << 20
	// maxDetail is how much of a reason is kept to tell why.
	maxDetail = 300
	// errorPaths are the parts of an answer that say what went wrong.
	errorPaths = ",error.type,error.reason"
)

// Types of error that Elasticsearch names.
const (
	typeNoIndex      = "index_not_found_exception"
	typeIndexExists  = "resource_already_exists_exception"
	typeConflict     = "version_conflict_engine_exception"
	typeParse        = "mapper_parsing_exception"
	typeParseNew     = "document_parsing_exception" // since 8.9
	typeStrict       = "strict_dynamic_mapping_exception"
	typeBadArgument  = "illegal_argument_exception"
	contentTypeJSON  = "application/json"
	contentTypeLines = "application/x-ndjson"
)

// refusal is an answer that is an error, of a request or of an item in it.
type refusal struct {
	Status int
	Type   string
	Reason string
}

func (e *refusal) Error() string {
	text := fmt.Sprintf("elasticsearch answered %d %s", e.Status, http.StatusText(e.Status))
	for _, part := range []string{e.Type, e.Reason} {
		if part != "" {
			text += ": " + part
		}
	}
	if e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden {
		text += "; see username and password"
	}
	return text
}

// refusalOf returns the refusal within err, or an empty one.
func refusalOf(err error) refusal {
	var e *refusal
	if errors.As(err, &e) {
		return *e
	}
	return refusal{}
}

// pathOf is the path of a call on an index.
func pathOf(index, call string) string {
	path := "/" + url.PathEscape(index)
	if call != "" {
		path += "/" + call
	}
	return path
}

// ask sends body as JSON, if it is not nil, and decodes the answer into to, if
// that is not nil. paths are the parts of the answer that are wanted.
func (c *cluster) ask(ctx context.Context, method, path, paths string, body, to any) error {
	var data []byte
	if body != nil {
		var err error
		if data, err = json.Marshal(body); err != nil {
			return fmt.Errorf("encode the request: %w", err)
		}
	}
	return c.call(ctx, method, path+"?filter_path="+paths+errorPaths, contentTypeJSON, data, to)
}

// call makes one exchange. Its error is a *refusal if the server answered.
func (c *cluster) call(ctx context.Context, method, path, contentType string, body []byte, to any) error {
	req, err := http.NewRequestWithContext(ctx, method, path, bytes.NewReader(body))
	if err != nil {
		return c.secrets.clean(err)
	}
	if len(body) > 0 {
		req.Header.Set("Content-Type", contentType)
	}
	// Without a value it is not sent. It tells the HTTP client that the request
	// may go again on a new connection when a kept one turns out to be closed:
	// all that is sent here can be sent twice.
	req.Header["Idempotency-Key"] = []string{}
	res, err := c.client.Perform(req)
	if err != nil {
		return c.secrets.clean(err)
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	_ = res.Body.Close() // what it held was read
	if err != nil {
		return fmt.Errorf("read the answer: %w", c.secrets.clean(err))
	}
	if res.StatusCode/100 != 2 {
		return c.refused(res.StatusCode, text)
	}
	if to == nil {
		return nil
	}
	if err := json.Unmarshal(text, to); err != nil {
		return fmt.Errorf("the answer is not what Elasticsearch answers: %w", c.secrets.clean(err))
	}
	return nil
}

// refused reads an answer that is an error: Elasticsearch's JSON, or whatever a
// proxy says.
func (c *cluster) refused(status int, text []byte) *refusal {
	var answer struct {
		Error itemError `json:"error"`
	}
	if err := json.Unmarshal(text, &answer); err != nil || answer.Error == (itemError{}) {
		return &refusal{Status: status, Reason: c.secrets.detail(string(text))}
	}
	return &refusal{Status: status, Type: c.secrets.detail(answer.Error.Type), Reason: c.secrets.detail(answer.Error.Reason)}
}

// itemError is an error within an answer.
type itemError struct {
	Type   string `json:"type"`
	Reason string `json:"reason"`
}

// redactor takes secrets out of texts that others wrote.
type redactor struct{ words []string }

func newRedactor(u *url.URL) redactor {
	password, _ := u.User.Password()
	if password == "" {
		return redactor{}
	}
	return redactor{[]string{password, url.QueryEscape(password), url.PathEscape(password)}}
}

func (r redactor) redact(text string) string {
	for _, w := range r.words {
		text = strings.ReplaceAll(text, w, "***")
	}
	return text
}

// clean takes secrets out of an error.
func (r redactor) clean(err error) error {
	if text := err.Error(); r.redact(text) != text {
		return errors.New(r.redact(text))
	}
	return err
}

// detail makes one line of bounded length.
func (r redactor) detail(text string) string {
	text = strings.ToValidUTF8(r.redact(text), "")
	line := strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	if len(line) > maxDetail {
		line = strings.ToValidUTF8(line[:maxDetail], "") + "..."
	}
	return line
}
