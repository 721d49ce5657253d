package sts

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	formType    = "application/x-www-form-urlencoded"
	version     = "2011-06-15"
	paramAction = "Action"

	// maxTokenBytes bounds a web identity token ("AssumeRoleWithWebIdentity").
	maxTokenBytes = 20_000
	// maxFormBytes bounds a form: a token and a session's policy, wholly escaped at
	// worst, and some short parameters.
	maxFormBytes = 80 << 10
	// maxPairs bounds its parameters; the longest request of an SDK has nine, and
	// tags, which are ignored, two for each of fifty.
	maxPairs = 150
	// bodyTime bounds how long a form may take to arrive.
	bodyTime = 30 * time.Second
)

// form is what a request asks for. Parameters that change nothing here, such as
// the role's name, are not kept.
type form struct {
	action, version, token, policy, duration string
}

// read reads the form: the body, or the query where there is none.
func (c *call) read(w http.ResponseWriter, now time.Time) error {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(now.Add(bodyTime)) // test servers have none to set
	body, err := io.ReadAll(http.MaxBytesReader(w, c.r.Body, maxFormBytes))
	_ = control.SetReadDeadline(time.Time{})
	c.body = body
	if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) {
		return errTooLarge
	}
	if err != nil {
		return errIncomplete
	}
	text := string(body)
	if text == "" {
		text = c.r.URL.RawQuery
	}
	c.form, err = parseForm(text)
	return err
}

// parseForm reads a form. A parameter that is given twice is refused: which one is
// meant is anybody's guess.
func parseForm(text string) (form, error) {
	var f form
	known := map[string]*string{
		paramAction: &f.action, "Version": &f.version, "WebIdentityToken": &f.token, "Policy": &f.policy, "DurationSeconds": &f.duration,
	}
	for n := 0; text != ""; n++ {
		if n == maxPairs {
			return form{}, errInvalidParameter.says("The request has too many parameters.")
		}
		var pair string
		pair, text, _ = strings.Cut(text, "&")
		name, value, _ := strings.Cut(pair, "=")
		to := known[name]
		if to == nil {
			continue
		}
		if *to != "" {
			return form{}, errInvalidParameter.says("The parameter " + name + " is given more than once.")
		}
		decoded, err := url.QueryUnescape(value)
		if err != nil {
			return form{}, errInvalidParameter.says("The parameter " + name + " is not percent-encoded correctly.")
		}
		*to = decoded
	}
	if len(f.token) > maxTokenBytes {
		return form{}, errInvalidParameter.says("The WebIdentityToken is longer than " + strconv.Itoa(maxTokenBytes) + " bytes.")
	}
	return f, nil
}

// seconds is DurationSeconds, 0 if it is not given.
func (f *form) seconds() (time.Duration, error) {
	if f.duration == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(f.duration, 10, 32)
	if err != nil || n <= 0 {
		return 0, errInvalidParameter.says("DurationSeconds is not a number of seconds above 0.")
	}
	return time.Duration(n) * time.Second, nil
}
