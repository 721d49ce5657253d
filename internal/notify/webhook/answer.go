package webhook

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/carillon-s3/carillon/internal/notify/target"
)

const (
	// maxAnswer is how much of the body of a refusal is read, maxDetail how much
	// of it is kept to tell why. Secrets are taken out between the two, so that
	// none is cut in half and missed.
	maxAnswer = 4 << 10
	maxDetail = 256
)

// judge says what an answer means for the event.
func (h *hook) judge(resp *http.Response, text []byte) error {
	if resp.StatusCode/100 == 2 {
		return nil
	}
	err := fmt.Errorf("endpoint answered %d %s%s", resp.StatusCode, http.StatusText(resp.StatusCode), h.detail(resp, text))
	switch resp.StatusCode {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return target.Permanent(err)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		if d, ok := retryAfter(resp.Header.Get("Retry-After"), h.env.Time()); ok {
			return target.RetryAfter(d, err)
		}
	}
	return err
}

// detail is what helps an operator beside the status.
func (h *hook) detail(resp *http.Response, text []byte) string {
	switch {
	case resp.StatusCode/100 == 3:
		return "; redirects are not followed, give the final address as endpoint"
	case resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden:
		return "; see auth_token"
	}
	line := printable(h.secrets.redact(string(text)))
	switch {
	case line == "":
		return ""
	case len(line) > maxDetail:
		line = strings.ToValidUTF8(line[:maxDetail], "") + "..."
	}
	return ": " + line
}

// printable makes one line of text.
func printable(text string) string {
	text = strings.ToValidUTF8(text, "")
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
}

// retryAfter reads a Retry-After header (RFC 9110, 10.2.3): seconds, or a date.
func retryAfter(value string, now time.Time) (time.Duration, bool) {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second, true
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	return max(at.Sub(now), 0), true
}

// clean takes the URL, which may hold a secret, out of an error.
func (h *hook) clean(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if text := err.Error(); h.secrets.redact(text) != text {
		return errors.New(h.secrets.redact(text))
	}
	return err
}

// redactor takes secrets out of texts that others wrote: a receiver may answer
// with what it was sent.
type redactor struct{ words []string }

func newRedactor(s *Settings) redactor {
	var r redactor
	secrets := strings.Fields(s.AuthToken.Reveal())
	if len(secrets) == 2 {
		secrets = secrets[1:] // the first is the scheme
	}
	secrets = append(secrets, strings.Fields(s.SigningSecret.Reveal())...)
	if u, err := url.Parse(s.Endpoint); err == nil {
		if p, ok := u.User.Password(); ok {
			secrets = append(secrets, p)
		}
		for _, values := range u.Query() {
			secrets = append(secrets, values...)
		}
	}
	for _, s := range secrets {
		if s != "" {
			r.words = append(r.words, s)
		}
	}
	return r
}

func (r redactor) redact(text string) string {
	for _, w := range r.words {
		text = strings.ReplaceAll(text, w, "***")
	}
	return text
}
