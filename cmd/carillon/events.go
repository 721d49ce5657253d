package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/carillon-s3/carillon/internal/api/admin/adminapi"
	"github.com/carillon-s3/carillon/internal/server"
)

// eventsCommand is what an operator does about events of a running server.
type eventsCommand struct {
	Ls       eventsLs       `cmd:"" help:"List the targets, or the events that wait for one."`
	Parked   eventsParked   `cmd:"" help:"List the events that a target refused for good."`
	Gaps     eventsGaps     `cmd:"" help:"List the events that were dropped at a target's limit, or lost."`
	Blocked  eventsBlocked  `cmd:"" help:"List the keys whose events wait on their own."`
	Retry    eventsRetry    `cmd:"" help:"Send parked events again."`
	Fill     eventsFill     `cmd:"" help:"Send events of gaps after all, as far as their records are kept."`
	Drop     eventsDrop     `cmd:"" help:"Forget parked events, gaps, or what waits for a target."`
	Unblock  eventsUnblock  `cmd:"" help:"Try blocked keys again at once."`
	Replay   eventsReplay   `cmd:"" help:"Send recorded events of a range again."`
	Backfill eventsBackfill `cmd:"" help:"Send events of objects that are there already."`
	Listen   eventsListen   `cmd:"" help:"Follow events, and resume where the last run ended."`
	Check    eventsCheck    `cmd:"" help:"Test the connection to a target."`
}

// serverFlags say which server to ask, and as whom.
type serverFlags struct {
	URL       string `default:"http://127.0.0.1:9000" env:"CARILLON_URL" help:"The server (${default})."`
	AccessKey string `default:"minioadmin" env:"CARILLON_ROOT_USER,MINIO_ROOT_USER" help:"Its root user."`
	SecretKey string `default:"minioadmin" env:"CARILLON_ROOT_PASSWORD,MINIO_ROOT_PASSWORD" help:"Its root password; better given by the variable, which others cannot see."`
	Insecure  bool   `help:"Do not verify the server's certificate."`
	JSON      bool   `name:"json" help:"Print JSON, an object a line."`
}

func (f *serverFlags) client() (*adminapi.Client, error) {
	if !strings.HasPrefix(f.URL, "http://") && !strings.HasPrefix(f.URL, "https://") {
		return nil, fmt.Errorf("%w: --url must begin with http:// or https://", server.ErrUsage)
	}
	transport := &http.Transport{
		Proxy:           http.ProxyFromEnvironment,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: f.Insecure}, //nolint:gosec // as the operator says
	}
	return &adminapi.Client{
		URL: f.URL, AccessKey: f.AccessKey, SecretKey: f.SecretKey, HTTP: &http.Client{Transport: transport},
	}, nil
}

// selectFlags select among parked events or gaps.
type selectFlags struct {
	Reason string `help:"Those whose reason contains this."`
	From   when   `help:"Those that were set aside since then: a time (RFC 3339), or how long ago (90m)."`
	To     when   `help:"Those that were set aside before."`
}

// when is a time as people give it: RFC 3339, or how long ago.
type when struct{ time *time.Time }

// UnmarshalText implements encoding.TextUnmarshaler.
func (w *when) UnmarshalText(text []byte) error {
	t, err := time.Parse(time.RFC3339, string(text))
	if err != nil {
		ago, agoErr := time.ParseDuration(string(text))
		if agoErr != nil {
			return errors.New("neither a time such as 2026-11-24T08:00:00Z nor how long ago, such as 90m")
		}
		t = time.Now().Add(-ago)
	}
	t = t.UTC()
	w.time = &t
	return nil
}

// errPartly says that something could not be done; what, was said.
var errPartly = errors.New("done in part")

// wholeFlags are those of operations that take many calls.
type wholeFlags struct {
	Continue string `help:"Go on where an earlier run ended; it said with what."`
	NoWait   bool   `help:"Do not wait while the target's backlog is half full; exit with code 4 instead."`
}

// The wait for room in a target's backlog before asking again: as the target
// takes events it is short, and it grows while the target takes none.
const (
	crowdedWait    = 100 * time.Millisecond
	maxCrowdedWait = 2 * time.Second
)

// whole makes a call again and again until all is done, and adds up. If it has
// to end before, it says how to go on.
func (f *wholeFlags) whole(ctx context.Context, p *process, flags *serverFlags, call string, r adminapi.Request) (sum adminapi.Answer, err error) {
	client, err := flags.client()
	if err != nil {
		return sum, err
	}
	r.Continue = f.Continue
	said, wait := false, crowdedWait
	for {
		a, err := client.Do(ctx, call, r)
		if err != nil {
			f.sayContinue(p, &r)
			return sum, err
		}
		sum.Count, sum.Waiting, sum.Gone = sum.Count+a.Count, sum.Waiting+a.Waiting, sum.Gone+a.Gone
		if a.Missing != nil {
			sum.Missing = a.Missing
		}
		if a.To != nil {
			r.To = a.To
		}
		r.Continue = a.Continue
		if a.Continue == "" {
			return sum, nil
		}
		if !a.Crowded {
			continue
		}
		if f.NoWait {
			f.sayContinue(p, &r)
			return sum, fmt.Errorf("%w: the backlog of %s is half full", errPartly, r.Target)
		}
		if !said {
			said = true
			p.say("The backlog of %s is half full: waiting until it has taken more.", r.Target)
		}
		if wait = min(2*wait, maxCrowdedWait); a.Count > 0 {
			wait = crowdedWait
		}
		if err := pause(ctx, wait); err != nil {
			f.sayContinue(p, &r)
			return sum, err
		}
	}
}

func (f *wholeFlags) sayContinue(p *process, r *adminapi.Request) {
	if r.Continue == "" {
		return
	}
	to := ""
	if r.To != nil {
		to = " --to " + r.To.Format(time.RFC3339Nano)
	}
	p.say("To go on, add:%s --continue %s", to, r.Continue)
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// say tells the person at the terminal something that is no result.
func (p *process) say(format string, args ...any) {
	_, _ = fmt.Fprintf(p.stderr, format+"\n", args...)
}

// confirm asks before something is gone for good.
func (p *process) confirm(yes bool, question string) error {
	if yes {
		return nil
	}
	if !isTerminal(p.stdin) || !isTerminal(p.stderr) {
		return fmt.Errorf("%w: this is for good, so it needs --yes where there is no terminal to ask", server.ErrUsage)
	}
	_, _ = fmt.Fprint(p.stderr, question, " [y/N] ")
	answer, err := bufio.NewReader(p.stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
		return errors.New("nothing was done")
	}
	return nil
}

// table prints rows for people.
func table(w io.Writer, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			row[i] = printable(cell)
		}
		_, _ = fmt.Fprintln(t, strings.Join(row, "\t")) // Flush tells of errors
	}
	return t.Flush()
}

// printable is text in which nothing can move the cursor or end a line: keys and
// reasons are made by others.
func printable(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd || 0x80 <= r && r < 0xa0 }) < 0 {
		return s
	}
	return fmt.Sprintf("%q", s)
}

// jsonLines prints values for programs.
func jsonLines[T any](w io.Writer, values []T) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for _, v := range values {
		if err := e.Encode(v); err != nil {
			return err
		}
	}
	return nil
}
