package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/carillon-s3/carillon/internal/api/admin/adminapi"
)

const (
	// listenPing is how often, in seconds, the server gives a sign of life, and
	// listenSilence after what silence the connection is taken for dead.
	listenPing    = "10"
	listenSilence = 35 * time.Second
	// listenAgain is the wait before a stream that broke is begun again.
	listenAgain = time.Second
)

type eventsListen struct {
	serverFlags
	Bucket string   `arg:"" optional:"" help:"A bucket; without one, all."`
	Event  []string `default:"s3:ObjectCreated:*,s3:ObjectRemoved:*" help:"Events to hear of (${default})."`
	Prefix string   `help:"Only keys that begin so."`
	Suffix string   `help:"Only keys that end so."`
	Since  string   `type:"path" placeholder:"FILE" help:"Begin where the run before ended that had this file, and keep it up to date."`
	From   when     `help:"Begin at a time (RFC 3339), or so long ago (90m); a file that is there goes before."`
}

// Run prints events until it is told to stop. If the stream breaks it goes on
// where it was.
func (c *eventsListen) Run(ctx context.Context, p *process) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	token, err := c.begin()
	if err != nil {
		return err
	}
	heard := false
	for {
		err := c.stream(ctx, p, client, &token, &heard)
		var refused *adminapi.Error
		switch {
		case ctx.Err() != nil:
			return nil // told to stop
		case errors.As(err, &refused), !heard, errors.Is(err, errOutput):
			return err
		}
		p.say("The stream broke (%v): going on where it was.", err)
		if pause(ctx, listenAgain) != nil {
			return nil
		}
	}
}

// errOutput says that events could not be printed, or their token be kept.
var errOutput = errors.New("output failed")

// begin is the position to begin at.
func (c *eventsListen) begin() (string, error) {
	if c.Since != "" {
		token, err := os.ReadFile(c.Since)
		if err == nil {
			return strings.TrimSpace(string(token)), nil
		}
		if !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
	}
	return c.From.query(), nil
}

// stream prints events until the connection ends. token follows the position,
// heard says that there was one.
func (c *eventsListen) stream(ctx context.Context, p *process, client *adminapi.Client, token *string, heard *bool) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(listenSilence, func() { cancel(errors.New("the server is silent")) })
	defer watch.Stop()
	query := url.Values{"events": c.Event, "ping": {listenPing}, "since": {*token}}
	if c.Prefix != "" {
		query.Set("prefix", c.Prefix)
	}
	if c.Suffix != "" {
		query.Set("suffix", c.Suffix)
	}
	path := "/"
	if c.Bucket != "" {
		path += url.PathEscape(c.Bucket) + "/"
	}
	resp, err := client.Send(ctx, http.MethodGet, path+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return refusal(resp)
	}
	*heard = true
	lines := bufio.NewReader(resp.Body)
	for {
		line, err := lines.ReadBytes('\n')
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		if err != nil {
			return err
		}
		watch.Reset(listenSilence)
		if err := c.line(p, line, token); err != nil {
			return err
		}
	}
}

// heardLine is a line of the stream.
type heardLine struct {
	Records []struct {
		EventName string `json:"eventName"`
		EventTime string `json:"eventTime"`
		S3        struct {
			Bucket struct{ Name string }
			Object struct {
				Key  string
				Size int64
			}
		}
	}
	Gap    bool
	Missed uint64
	Token  string
}

// line prints what a line of the stream tells, or keeps its token: only then,
// since what stands before it is printed.
func (c *eventsListen) line(p *process, line []byte, token *string) error {
	var heard heardLine
	if err := json.Unmarshal(line, &heard); err != nil {
		return fmt.Errorf("the stream holds something else: %w", err)
	}
	switch {
	case heard.Token != "":
		*token = heard.Token
		return c.keep(heard.Token)
	case heard.Gap && !c.JSON:
		count := "some"
		if heard.Missed > 0 {
			count = fmt.Sprint(heard.Missed)
		}
		p.say("GAP: %s events are not kept any more.", count)
		return nil
	case len(heard.Records) == 0 && !heard.Gap:
		return nil // a sign of life
	case c.JSON:
		return output(p.stdout.Write(append(bytes.TrimSpace(line), '\n')))
	}
	for _, r := range heard.Records {
		o := r.S3.Object
		if err := output(fmt.Fprintf(p.stdout, "%s  %-32s  %10d  %s\n", r.EventTime, r.EventName, o.Size, printable(r.S3.Bucket.Name+"/"+o.Key))); err != nil {
			return err
		}
	}
	return nil
}

func output(_ int, err error) error {
	if err != nil {
		return fmt.Errorf("%w: %w", errOutput, err)
	}
	return nil
}

// keep writes the token in place of the one before, whole or not at all.
func (c *eventsListen) keep(token string) error {
	if c.Since == "" {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(c.Since), filepath.Base(c.Since)+".*")
	if err != nil {
		return fmt.Errorf("%w: %w", errOutput, err)
	}
	_, err = f.WriteString(token + "\n")
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), c.Since)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errOutput, errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

// refusal is why there is no stream. S3 answers in XML.
func refusal(resp *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return err
	}
	between := func(start, end string) string {
		_, rest, _ := strings.Cut(string(body), start)
		text, _, _ := strings.Cut(rest, end)
		return text
	}
	code := between("<Code>", "</Code>")
	if code == "" {
		code = resp.Status
	}
	return &adminapi.Error{Status: resp.StatusCode, Code: code, Message: between("<Message>", "</Message>")}
}
