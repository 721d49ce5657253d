package cors_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/cors"
)

// site is a rule for one origin.
func site(edit func(*cors.Rule)) cors.Rule {
	r := cors.Rule{Origins: []string{"https://a.example"}, Methods: []string{"GET"}}
	edit(&r)
	return r
}

func TestValidate(t *testing.T) {
	t.Parallel()
	const schema = "cors: the document does not fit the schema"
	for name, c := range map[string]struct {
		rules []cors.Rule
		want  string // of the error; empty for none
	}{
		"good":             {[]cors.Rule{site(func(r *cors.Rule) { r.Headers, r.Expose = []string{"x-*"}, []string{"ETag"} })}, ""},
		"100 rules":        {slices.Repeat([]cors.Rule{site(func(*cors.Rule) {})}, 100), ""},
		"101 rules":        {slices.Repeat([]cors.Rule{site(func(*cors.Rule) {})}, 101), "The number of CORS rules should not exceed allowed limit of 100 rules."},
		"no rules":         {nil, schema},
		"no origin":        {[]cors.Rule{site(func(r *cors.Rule) { r.Origins = nil })}, schema},
		"empty origin":     {[]cors.Rule{site(func(r *cors.Rule) { r.Origins = []string{""} })}, schema},
		"no method":        {[]cors.Rule{site(func(r *cors.Rule) { r.Methods = nil })}, schema},
		"empty header":     {[]cors.Rule{site(func(r *cors.Rule) { r.Headers = []string{""} })}, schema},
		"empty exposed":    {[]cors.Rule{site(func(r *cors.Rule) { r.Expose = []string{""} })}, schema},
		"method":           {[]cors.Rule{site(func(r *cors.Rule) { r.Methods = []string{"PATCH"} })}, "Found unsupported HTTP method in CORS config. Unsupported method is PATCH"},
		"method's case":    {[]cors.Rule{site(func(r *cors.Rule) { r.Methods = []string{"get"} })}, "Found unsupported HTTP method in CORS config. Unsupported method is get"},
		"stars in origin":  {[]cors.Rule{site(func(r *cors.Rule) { r.Origins = []string{"*.a.*"} })}, `AllowedOrigin "*.a.*" can not have more than one wildcard.`},
		"stars in header":  {[]cors.Rule{site(func(r *cors.Rule) { r.Headers = []string{"**"} })}, `AllowedHeader "**" can not have more than one wildcard.`},
		"star exposed":     {[]cors.Rule{site(func(r *cors.Rule) { r.Expose = []string{"*"} })}, `ExposeHeader "*" contains wildcard. We currently do not support wildcard for ExposeHeader.`},
		"newline exposed":  {[]cors.Rule{site(func(r *cors.Rule) { r.Expose = []string{"a\r\nb"} })}, `ExposeHeader "a\r\nb" contains invalid character.`},
		"ID of 256":        {[]cors.Rule{site(func(r *cors.Rule) { r.ID = strings.Repeat("é", 256) })}, "The ID of a CORS rule should not exceed allowed limit of 255 characters."},
		"ID of 255":        {[]cors.Rule{site(func(r *cors.Rule) { r.ID = strings.Repeat("é", 255) })}, ""},
		"bad after a good": {[]cors.Rule{site(func(*cors.Rule) {}), {}}, schema},
	} {
		err := (&cors.Config{Rules: c.rules}).Validate()
		var bad *cors.Error
		if c.want == "" && err != nil || c.want != "" && (!errors.As(err, &bad) || bad.Error() != c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	config := &cors.Config{Rules: []cors.Rule{
		{ID: "exact", Origins: []string{"http://a.example"}, Methods: []string{"PUT"}, Headers: []string{"X-Own"}},
		{ID: "suffix", Origins: []string{"https://*.b.example", "http://b.example"}, Methods: []string{"PUT", "DELETE"}, Headers: []string{"x-abc-*", "*-end"}},
		{ID: "all", Origins: []string{"*"}, Methods: []string{"GET"}, Headers: []string{"*"}},
		{ID: "never", Origins: []string{"http://a.example"}, Methods: []string{"GET"}},
	}}
	for name, c := range map[string]struct {
		origin, method, headers string
		rule, pattern           string
	}{
		"exact":                {"http://a.example", "PUT", "", "exact", "http://a.example"},
		"its header":           {"http://a.example", "PUT", "x-own", "exact", "http://a.example"},
		"another header":       {"http://a.example", "PUT", "x-own x-other", "", ""},
		"origin's case":        {"http://A.example", "PUT", "", "", ""},
		"method's case":        {"http://a.example", "put", "", "", ""},
		"another method":       {"http://a.example", "POST", "", "", ""},
		"a part of the origin": {"http://a.example.org", "PUT", "", "", ""},
		"wild":                 {"https://x.y.b.example", "DELETE", "X-Abc-1 x-abc- the-end", "suffix", "https://*.b.example"},
		"nothing for the star": {"https://.b.example", "DELETE", "", "suffix", "https://*.b.example"},
		"overlap":              {"https://b.example", "DELETE", "", "", ""},
		"second origin":        {"http://b.example", "PUT", "", "suffix", "http://b.example"},
		"first that fits":      {"http://a.example", "GET", "anything", "all", "*"},
		"100 headers":          {"null", "GET", strings.Repeat("h ", 100), "all", "*"},
		"101 headers":          {"null", "GET", strings.Repeat("h ", 101), "", ""},
	} {
		rule, pattern := config.Match(c.origin, c.method, strings.Fields(c.headers))
		got := ""
		if rule != nil {
			got = rule.ID
		}
		if got != c.rule || pattern != c.pattern {
			t.Errorf("%s: rule %q by %q", name, got, pattern)
		}
	}
	var none *cors.Config
	if rule, _ := none.Match("http://a.example", "GET", nil); rule != nil {
		t.Error("no configuration allows something")
	}
}
