package s3api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	s3api "github.com/carillon-s3/carillon/internal/api/s3"
	"github.com/carillon-s3/carillon/internal/cors"
)

// corsRule is a rule's element.
func corsRule(elements string) string { return "<CORSRule>" + elements + "</CORSRule>" }

// corsDocument is the document of some rules.
func corsDocument(rules ...string) string {
	return `<CORSConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` + strings.Join(rules, "") + `</CORSConfiguration>`
}

const getFromAll = "<AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin>"

func TestBucketCORS(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	document := corsDocument(
		corsRule("<ID>one &amp; only</ID><AllowedHeader>x-*</AllowedHeader><AllowedMethod>PUT</AllowedMethod><AllowedMethod>GET</AllowedMethod>"+
			"<AllowedOrigin>https://*.example</AllowedOrigin><ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>0</MaxAgeSeconds>"),
		corsRule(getFromAll))
	rule := func(elements string) string { return corsDocument(corsRule(elements)) }
	for i, step := range []struct {
		method, path, body string
		status             int
		code, want         string
	}{
		{"GET", "/bkt?cors", "", 404, "NoSuchCORSConfiguration", ""},
		{"DELETE", "/bkt?cors", "", 204, "", ""},
		{"PUT", "/bkt?cors", "", 400, "MalformedXML", ""},
		{"PUT", "/bkt?cors", "<CORSConfiguration>", 400, "MalformedXML", ""},
		{"PUT", "/bkt?cors", "<Other/>", 400, "MalformedXML", ""},
		{"PUT", "/bkt?cors", "<!DOCTYPE x>" + document, 400, "MalformedXML", ""},
		{"PUT", "/bkt?cors", document + document, 400, "MalformedXML", ""},
		{"PUT", "/bkt?cors", corsDocument(), 400, "MalformedXML", ""},
		{"PUT", "/bkt?cors", rule("<AllowedMethod>GET</AllowedMethod>"), 400, "MalformedXML", ""},
		{"PUT", "/bkt?cors", rule(getFromAll + "<MaxAgeSeconds>-1</MaxAgeSeconds>"), 400, "MalformedXML", ""},
		{"PUT", "/bkt?cors", rule(getFromAll + "<MaxAgeSeconds>long</MaxAgeSeconds>"), 400, "MalformedXML", ""},
		{"PUT", "/bkt?cors", rule("<AllowedMethod>PATCH</AllowedMethod><AllowedOrigin>*</AllowedOrigin>"), 400, "InvalidRequest", "Found unsupported HTTP method in CORS config. Unsupported method is PATCH"},
		{"PUT", "/bkt?cors", rule("<AllowedMethod>GET</AllowedMethod><AllowedOrigin>**</AllowedOrigin>"), 400, "InvalidRequest", `AllowedOrigin "**" can not have more than one wildcard.`},
		{"PUT", "/bkt?cors", corsDocument(strings.Repeat(corsRule(getFromAll), 101)), 400, "InvalidRequest", "100 rules"},
		{"PUT", "/bkt?cors", document + strings.Repeat(" ", 64<<10), 400, "MaxMessageLengthExceeded", ""},
		{"GET", "/bkt?cors", "", 404, "NoSuchCORSConfiguration", ""},
		{"PUT", "/bkt?cors", document, 200, "", ""},
		{"GET", "/bkt?cors", "", 200, "", document},
		{"PUT", "/bkt?cors", corsDocument(), 400, "MalformedXML", ""},
		{"GET", "/bkt?cors", "", 200, "", document},
		{"PUT", "/bkt?cors", corsDocument(strings.Repeat(corsRule(getFromAll), 100)), 200, "", ""},
		{"DELETE", "/bkt?cors", "", 204, "", ""},
		{"GET", "/bkt?cors", "", 404, "NoSuchCORSConfiguration", ""},
		{"GET", "/nosuch?cors", "", 404, "NoSuchBucket", ""},
		{"PUT", "/nosuch?cors", document, 404, "NoSuchBucket", ""},
		{"DELETE", "/nosuch?cors", "", 404, "NoSuchBucket", ""},
	} {
		got := s.do(t, raw{method: step.method, path: step.path, body: step.body})
		if got.StatusCode != step.status || got.code(t) != step.code || !strings.Contains(got.body, step.want) {
			t.Errorf("%d: %s %s: %d %s", i, step.method, step.path, got.StatusCode, got.body)
		}
	}
}

// sharing is what an answer says of other origins: the origin, the methods, the
// headers, the exposed ones, the age and the credentials.
func sharing(a answer) string {
	var values []string
	for _, name := range []string{"Origin", "Methods", "Headers", "", "", "Credentials"} {
		values = append(values, a.Header.Get("Access-Control-Allow-"+name))
	}
	values[3], values[4] = a.Header.Get("Access-Control-Expose-Headers"), a.Header.Get("Access-Control-Max-Age")
	return strings.Join(values, "|")
}

// sharedSite has a bucket bkt with rules and an object k, and a bucket plain.
func sharedSite(t *testing.T) *site {
	s := newSite(t)
	s.bucket(t, "bkt")
	s.bucket(t, "plain")
	s.store(t, "bkt", "k", "body", nil)
	got := s.do(t, raw{method: "PUT", path: "/bkt?cors", body: corsDocument(
		corsRule("<AllowedOrigin>https://*.example</AllowedOrigin><AllowedMethod>PUT</AllowedMethod><AllowedMethod>DELETE</AllowedMethod>"+
			"<AllowedHeader>X-Own-*</AllowedHeader><ExposeHeader>ETag</ExposeHeader><ExposeHeader>x-amz-request-id</ExposeHeader><MaxAgeSeconds>60</MaxAgeSeconds>"),
		corsRule(getFromAll))})
	if got.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	return s
}

const writers = "https://a.example|PUT, DELETE||ETag, x-amz-request-id|60|true"

func TestPreflight(t *testing.T) {
	t.Parallel()
	s := sharedSite(t)
	const refused, disabled = "This CORS request is not allowed. This is usually because", "CORSResponse: CORS is not enabled for this bucket."
	for name, c := range map[string]struct {
		path, origin, method, headers string
		status                        int
		code, want                    string // the message, or what is shared
	}{
		"by a *":             {"/bkt/k", "https://a.example", "PUT", "", 200, "", writers},
		"of a bucket":        {"/bkt/", "https://a.example", "DELETE", "", 200, "", writers},
		"of a missing key":   {"/bkt/missing", "https://a.example", "PUT", "", 200, "", writers},
		"with headers":       {"/bkt/k", "https://a.example", "PUT", "X-Own-A, x-own-b,,", 200, "", "https://a.example|PUT, DELETE|x-own-a, x-own-b|ETag, x-amz-request-id|60|true"},
		"of any origin":      {"/bkt/k?versionId=x", "null", "GET", "", 200, "", "*|GET||||"},
		"another header":     {"/bkt/k", "https://a.example", "PUT", "x-own-a,x-other", 403, "AccessForbidden", refused},
		"no headers allowed": {"/bkt/k", "https://a.example", "GET", "x-own-a", 403, "AccessForbidden", refused},
		"another method":     {"/bkt/k", "https://a.example", "POST", "", 403, "AccessForbidden", refused},
		"another origin":     {"/bkt/k", "http://a.example", "PUT", "", 403, "AccessForbidden", refused},
		"without rules":      {"/plain/k", "https://a.example", "PUT", "", 403, "AccessForbidden", disabled},
		"no such bucket":     {"/nosuch/k", "https://a.example", "PUT", "", 403, "AccessForbidden", disabled},
		"no origin":          {"/bkt/k", "", "PUT", "", 400, "BadRequest", "Insufficient information. Origin request header needed."},
		"no method":          {"/bkt/k", "https://a.example", "", "", 400, "BadRequest", "Invalid Access-Control-Request-Method: null"},
		"unknown method":     {"/bkt/k", "https://a.example", "PATCH", "", 400, "BadRequest", "Invalid Access-Control-Request-Method: PATCH"},
		"of the service":     {"/", "https://a.example", "GET", "", 405, "MethodNotAllowed", ""},
	} {
		header := map[string]string{}
		for k, v := range map[string]string{"Origin": c.origin, "Access-Control-Request-Method": c.method, "Access-Control-Request-Headers": c.headers} {
			if v != "" {
				header[k] = v
			}
		}
		got := s.do(t, raw{method: "OPTIONS", path: c.path, header: header, unsigned: true})
		told := got.body
		if c.status == http.StatusOK {
			told = sharing(got)
			if vary := got.Header.Get("Vary"); vary != "Origin, Access-Control-Request-Headers, Access-Control-Request-Method" {
				t.Errorf("%s: Vary: %s", name, vary)
			}
		} else if got := sharing(got); got != "|||||" {
			t.Errorf("%s: refused and shared: %s", name, got)
		}
		if got.StatusCode != c.status || got.code(t) != c.code || !strings.Contains(told, c.want) {
			t.Errorf("%s: %d %s %s", name, got.StatusCode, got.body, sharing(got))
		}
	}
}

// TestShareAnswer: what of an answer a program of another origin may read; it is
// answered all the same.
func TestShareAnswer(t *testing.T) {
	t.Parallel()
	s := sharedSite(t)
	for name, c := range map[string]struct {
		method, path, origin, asks string
		unsigned                   bool
		status                     int
		want                       string
	}{
		"read":                 {"GET", "/bkt/k", "https://a.example", "", false, 200, "*|GET||||"},
		"write":                {"PUT", "/bkt/new", "https://a.example", "", false, 200, writers},
		"head is not get":      {"HEAD", "/bkt/k", "https://a.example", "", false, 200, "|||||"},
		"by the asked method":  {"GET", "/bkt/k", "https://a.example", "PUT", false, 200, writers},
		"asked and not shared": {"GET", "/bkt/k", "https://a.example", "POST", false, 200, "|||||"},
		"another origin":       {"PUT", "/bkt/new", "http://other.example", "", false, 200, "|||||"},
		"no origin":            {"GET", "/bkt/k", "", "", false, 200, "|||||"},
		"a missing key":        {"GET", "/bkt/missing", "https://a.example", "", false, 404, "*|GET||||"},
		"no right":             {"PUT", "/bkt/new", "https://a.example", "", true, 403, writers},
		"without rules":        {"GET", "/plain?list-type=2", "https://a.example", "", false, 200, "|||||"},
		"no such bucket":       {"GET", "/nosuch/k", "https://a.example", "", false, 404, "|||||"},
		"the service":          {"GET", "/", "https://a.example", "", false, 200, "|||||"},
	} {
		header := map[string]string{}
		if c.origin != "" {
			header["Origin"] = c.origin
		}
		if c.asks != "" {
			header["Access-Control-Request-Method"] = c.asks
		}
		got := s.do(t, raw{method: c.method, path: c.path, header: header, unsigned: c.unsigned})
		if got.StatusCode != c.status || sharing(got) != c.want || !strings.HasPrefix(got.Header.Get("Vary"), "Origin") {
			t.Errorf("%s: %d %s, Vary: %s", name, got.StatusCode, sharing(got), got.Header.Get("Vary"))
		}
	}
	if got := s.keys(t, "bkt"); fmt.Sprint(got) != "[k new]" {
		t.Errorf("stored: %s", got)
	}
}

// TestOriginsOfBucketsWithoutRules: the server's setting holds where a bucket has no
// rules, and nowhere else.
func TestOriginsOfBucketsWithoutRules(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *s3api.Config) { c.AllowOrigins = cors.Origins{"https://*.example"} })
	s.bucket(t, "plain")
	s.bucket(t, "ruled")
	rules := corsDocument(corsRule("<AllowedHeader>*</AllowedHeader><AllowedMethod>GET</AllowedMethod><AllowedOrigin>https://other.test</AllowedOrigin>"))
	if got := s.do(t, raw{method: "PUT", path: "/ruled?cors", body: rules}); got.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	const good, bad, other = "https://app.example", "https://app.test", "https://other.test"
	for i, c := range []struct {
		method, path, origin string
		status               int
		allowed              string
	}{
		{"OPTIONS", "/", good, 204, good},
		{"OPTIONS", "/plain/k", good, 204, good},
		{"OPTIONS", "/nosuch/k", good, 204, good},
		{"OPTIONS", "/plain/k", bad, 403, ""},
		{"OPTIONS", "/ruled/k", good, 403, ""},
		{"OPTIONS", "/ruled/k", other, 200, other},
		{"GET", "/", good, 200, good},
		{"GET", "/plain", good, 200, good},
		{"GET", "/plain/missing", good, 404, good},
		{"GET", "/plain", bad, 200, ""},
		{"GET", "/ruled", good, 200, ""},
		{"GET", "/ruled", other, 200, other},
	} {
		header := map[string]string{"Origin": c.origin}
		if c.method == http.MethodOptions {
			header["Access-Control-Request-Method"] = "GET"
			header["Access-Control-Request-Headers"] = "authorization, X-Amz-Date"
		}
		got := s.do(t, raw{method: c.method, path: c.path, header: header, unsigned: c.method == http.MethodOptions})
		if got.StatusCode != c.status || got.Header.Get("Access-Control-Allow-Origin") != c.allowed {
			t.Errorf("%d: %s %s of %s: %d %v", i, c.method, c.path, c.origin, got.StatusCode, got.Header)
		}
		if c.status == 204 && got.Header.Get("Access-Control-Allow-Headers") != "authorization, x-amz-date" {
			t.Errorf("%d: %v", i, got.Header)
		}
	}
}
