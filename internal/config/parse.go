package config

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/dustin/go-humanize"
)

// ParseBool reads a switch: on, true, yes, 1, enabled or off, false, no, 0,
// disabled, in any case. Empty is off.
func ParseBool(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "on", "true", "yes", "1", "enabled", "enable":
		return true, nil
	case "", "off", "false", "no", "0", "disabled", "disable":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither on nor off", text)
}

// ParseDuration reads a span of time in Go's notation, with d for days. A bare
// number is seconds. Empty is zero; negative spans are refused.
func ParseDuration(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	if _, err := strconv.ParseUint(text, 10, 32); err == nil {
		text += "s"
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		const maxDays = 36500 // a hundred years still fits a Duration
		n, err := strconv.ParseUint(days, 10, 32)
		if err != nil || n > maxDays {
			return 0, fmt.Errorf("%q is not a duration such as 30s or 5m", text)
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration such as 30s or 5m", text)
	}
	if d < 0 {
		return 0, fmt.Errorf("%q is negative", text)
	}
	return d, nil
}

// ParseSize reads a number of bytes: 512MiB, 10GB, or a bare number. Empty is
// zero.
func ParseSize(text string) (uint64, error) {
	if text == "" {
		return 0, nil
	}
	v, err := humanize.ParseBytes(text)
	if err != nil || v > 1<<62 { // it has to fit where it is counted with
		return 0, fmt.Errorf("%q is not a size such as 512MiB or 10GB", text)
	}
	return v, nil
}

func parseInt(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	v, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number", text)
	}
	return v, nil
}

func parseUint(text string) (uint64, error) {
	if text == "" {
		return 0, nil
	}
	v, err := strconv.ParseUint(text, 10, 63) // 63: it has to fit everywhere
	if err != nil {
		return 0, fmt.Errorf("%q is not a number of 0 or more", text)
	}
	return v, nil
}

// checkURL does not repeat the URL in its error: it may hold a password.
func checkURL(text string) error {
	if text == "" {
		return nil
	}
	if strings.ContainsFunc(text, unicode.IsSpace) {
		return errors.New("a URL has no white space in it")
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return errors.New("not a URL")
	case u.Scheme == "":
		return errors.New("the URL has no scheme such as http://")
	case u.Host == "":
		return errors.New("the URL names no host")
	}
	return nil
}

func schemeOf(names []string, text string) error {
	scheme, _, ok := strings.Cut(text, "://")
	if !ok {
		return fmt.Errorf("the URL must begin with %s", urlPrefixes(names))
	}
	for _, n := range names {
		if strings.EqualFold(scheme, n) {
			return nil
		}
	}
	return fmt.Errorf("unexpected scheme; the URL must begin with %s", urlPrefixes(names))
}

func urlPrefixes(schemes []string) string {
	list := make([]string, len(schemes))
	for i, s := range schemes {
		list[i] = s + "://"
	}
	return strings.Join(list, " or ")
}

func checkPath(text string) error {
	if strings.IndexByte(text, 0) >= 0 {
		return errors.New("a path has no NUL byte in it")
	}
	return nil
}

func absolutePath(text string) error {
	if !filepath.IsAbs(text) {
		return errors.New("the path should be absolute")
	}
	return nil
}

func oneOf(values []string, text string) (string, error) {
	for _, v := range values {
		if strings.EqualFold(v, text) {
			return v, nil
		}
	}
	return "", fmt.Errorf("%q is not one of %s", text, strings.Join(values, ", "))
}

func inRange(low, high int64, text string) error {
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fmt.Errorf("%q is not a number", text)
	}
	if v < low || v > high {
		return fmt.Errorf("%d is not between %d and %d", v, low, high)
	}
	return nil
}

func splitList(text string) []string {
	var list []string
	for member := range strings.SplitSeq(text, ",") {
		if m := strings.TrimSpace(member); m != "" {
			list = append(list, m)
		}
	}
	return list
}
