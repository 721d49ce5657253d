package s3api_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/object"
)

// formOf is a form for bkt/photo.txt with a policy made by minio-go; edit changes
// the policy before it is signed.
func (s *site) formOf(t *testing.T, edit func(*minio.PostPolicy) error) map[string]string {
	t.Helper()
	p := minio.NewPostPolicy()
	err := p.SetExpires(time.Now().Add(time.Hour))
	for _, set := range []func() error{
		func() error { return p.SetBucket("bkt") },
		func() error { return p.SetKey("photo.txt") },
		func() error { return edit(p) },
	} {
		if err == nil {
			err = set()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	_, fields, err := s.client.PresignedPostPolicy(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return fields
}

func nothing(*minio.PostPolicy) error { return nil }

// post sends a form with a file of that name and content.
func (s *site) post(t *testing.T, fields map[string]string, name, content string) answer {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for field, value := range fields {
		if err := w.WriteField(field, value); err != nil {
			t.Fatal(err)
		}
	}
	file, err := w.CreateFormFile("file", name)
	if err == nil {
		_, err = io.WriteString(file, content)
	}
	if err == nil {
		err = w.WriteField("after", "what follows the file is ignored")
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return s.do(t, raw{
		method: "POST", path: "/bkt", body: body.String(), unsigned: true,
		header: map[string]string{"Content-Type": w.FormDataContentType(), "User-Agent": "a browser"},
	})
}

func TestPostObject(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edit    func(*minio.PostPolicy) error
		fields  map[string]string
		content string
		status  int
		code    string
		want    string
	}{
		"plain":            {content: "hello", status: 204},
		"empty":            {content: "", status: 204},
		"status 200":       {edit: func(p *minio.PostPolicy) error { return p.SetSuccessStatusAction("200") }, content: "x", status: 200},
		"status 201":       {edit: func(p *minio.PostPolicy) error { return p.SetSuccessStatusAction("201") }, content: "x", status: 201, want: "<Bucket>bkt</Bucket><Key>photo.txt</Key><ETag>&#34;9dd4e461268c8034f5c8564e155c67a6&#34;</ETag>"},
		"large":            {content: strings.Repeat("0123456789abcdef", 20<<10), status: 204},
		"within the range": {edit: func(p *minio.PostPolicy) error { return p.SetContentLengthRange(1, 5) }, content: "hello", status: 204},
		"too large":        {edit: func(p *minio.PostPolicy) error { return p.SetContentLengthRange(1, 5) }, content: "hello!", status: 400, code: "EntityTooLarge"},
		"far too large":    {edit: func(p *minio.PostPolicy) error { return p.SetContentLengthRange(1, 5) }, content: strings.Repeat("hello!", 1<<18), status: 400, code: "EntityTooLarge"},
		"too small":        {edit: func(p *minio.PostPolicy) error { return p.SetContentLengthRange(3, 5) }, content: "he", status: 400, code: "EntityTooSmall"},
		"content type":     {edit: func(p *minio.PostPolicy) error { return p.SetContentType("image/png") }, content: "x", status: 204},
		"another type": {
			edit: func(p *minio.PostPolicy) error { return p.SetContentTypeStartsWith("image/") }, fields: map[string]string{"Content-Type": "text/html"},
			content: "x", status: 403, code: "AccessDenied", want: "Policy Condition failed: [\"starts-with\", \"$content-type\", \"image/\"]",
		},
		"another key":       {fields: map[string]string{"key": "other.txt"}, content: "x", status: 403, code: "AccessDenied", want: "$key"},
		"a field too many":  {fields: map[string]string{"x-amz-meta-extra": "1"}, content: "x", status: 403, code: "AccessDenied", want: "Extra input fields: x-amz-meta-extra"},
		"an ignored field":  {fields: map[string]string{"x-ignore-me": "1"}, content: "x", status: 204},
		"wrong signature":   {fields: map[string]string{"x-amz-signature": strings.Repeat("0", 64)}, content: "x", status: 403, code: "SignatureDoesNotMatch"},
		"no signature":      {fields: map[string]string{"x-amz-signature": "", "x-amz-algorithm": ""}, content: "x", status: 403, code: "AccessDenied"},
		"unknown key":       {fields: map[string]string{"x-amz-credential": "nobody/20260101/us-east-1/s3/aws4_request", "x-amz-date": "20260101T000000Z"}, content: "x", status: 403, code: "InvalidAccessKeyId"},
		"another policy":    {fields: map[string]string{"policy": base64.StdEncoding.EncodeToString([]byte(`{}`))}, content: "x", status: 403, code: "SignatureDoesNotMatch"},
		"no key":            {fields: map[string]string{"key": ""}, content: "x", status: 400, code: "InvalidArgument", want: "'key'"},
		"key too long":      {fields: map[string]string{"key": strings.Repeat("k", 1025)}, content: "x", status: 400, code: "KeyTooLongError"},
		"fields too large":  {fields: map[string]string{"x-ignore-me": strings.Repeat("x", 21<<10)}, content: "x", status: 400, code: "MaxPostPreDataLengthExceeded"},
		"success, redirect": {edit: func(p *minio.PostPolicy) error { return p.SetSuccessActionRedirect("https://example.org/done?a=b") }, content: "x", status: 303},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.bucket(t, "bkt")
			edit := c.edit
			if edit == nil {
				edit = nothing
			}
			fields := s.formOf(t, edit)
			for field, value := range c.fields {
				fields[field] = value
				if value == "" {
					delete(fields, field)
				}
			}
			got := s.post(t, fields, "mine.txt", c.content)
			if got.StatusCode != c.status || c.code != "" && got.code(t) != c.code || !strings.Contains(got.body, c.want) {
				t.Errorf("%d %s", got.StatusCode, got.body)
			}
			keys := s.keys(t, "bkt")
			if c.code != "" {
				if len(keys) != 0 {
					t.Errorf("refused, and stored: %q", keys)
				}
				return
			}
			const want = "photo.txt"
			if len(keys) != 1 || keys[0] != want {
				t.Fatalf("stored %q, want %q", keys, want)
			}
			read := s.do(t, raw{method: "GET", path: "/bkt/" + want})
			if read.body != c.content || read.Header.Get("Etag") != got.Header.Get("Etag") {
				t.Errorf("GET: %d bytes, %v", len(read.body), read.Header)
			}
			if c.status == http.StatusSeeOther {
				to, err := url.Parse(got.Header.Get("Location"))
				if err != nil || to.Host != "example.org" || to.Query().Get("a") != "b" || to.Query().Get("key") != want || to.Query().Get("etag") != got.Header.Get("Etag") {
					t.Errorf("Location: %v, %v", to, err)
				}
			} else if got.Header.Get("Location") != s.URL+"/bkt/"+want {
				t.Errorf("Location: %s", got.Header.Get("Location"))
			}
		})
	}
}

func TestPostedMetadata(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	fields := s.formOf(t, func(p *minio.PostPolicy) error {
		if err := p.SetUserMetadata("Color", "red"); err != nil {
			return err
		}
		return p.SetContentType("image/png")
	})
	if got := s.post(t, fields, "f", "x"); got.StatusCode != http.StatusNoContent {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	got := s.do(t, raw{method: "HEAD", path: "/bkt/photo.txt"})
	if got.Header.Get("X-Amz-Meta-Color") != "red" || got.Header.Get("Content-Type") != "image/png" || got.Header.Get("X-Amz-Meta-Extra") != "" {
		t.Errorf("%v", got.Header)
	}
}

// version2 signs a policy as older programs do, and adds fields.
func version2(policy string, fields map[string]string) map[string]string {
	policy = base64.StdEncoding.EncodeToString([]byte(policy))
	mac := hmac.New(sha1.New, []byte(secretKey))
	mac.Write([]byte(policy))
	all := map[string]string{"AWSAccessKeyId": accessKey, "policy": policy, "signature": base64.StdEncoding.EncodeToString(mac.Sum(nil))}
	maps.Copy(all, fields)
	return all
}

// later is an expiration that is far away.
const later = `"2099-01-01T00:00:00.000Z"`

func TestPostVersion2(t *testing.T) {
	t.Parallel()
	const policy = `{"expiration":` + later + `,"conditions":[{"bucket":"bkt"},["starts-with","$key","up/"],["content-length-range",0,"10"],
		["starts-with","$x-amz-checksum-crc32",""],["starts-with","$tagging",""]]}`
	for name, c := range map[string]struct {
		fields     map[string]string
		status     int
		code, keys string
	}{
		"plain":            {map[string]string{"key": "up/f"}, 204, "", "up/f"},
		"wrong signature":  {map[string]string{"key": "up/f", "signature": base64.StdEncoding.EncodeToString(make([]byte, sha1.Size))}, 403, "SignatureDoesNotMatch", ""},
		"unknown key":      {map[string]string{"key": "up/f", "AWSAccessKeyId": "nobody"}, 403, "InvalidAccessKeyId", ""},
		"user's file name": {map[string]string{"key": "up/${filename}"}, 204, "", "up/mine.txt"},
		"another prefix":   {map[string]string{"key": "down/${filename}"}, 403, "AccessDenied", ""},
		"checksum":         {map[string]string{"key": "up/f", "x-amz-checksum-crc32": "NhCmhg=="}, 204, "", "up/f"},
		"another checksum": {map[string]string{"key": "up/f", "x-amz-checksum-crc32": "AAAAAA=="}, 400, "BadDigest", ""},
		"no checksum":      {map[string]string{"key": "up/f", "x-amz-checksum-crc32": "?"}, 400, "InvalidRequest", ""},
		"tagging":          {map[string]string{"key": "up/f", "tagging": "<Tagging><TagSet><Tag><Key>a</Key><Value/></Tag></TagSet></Tagging>"}, 204, "", "up/f"},
		"no tag set":       {map[string]string{"key": "up/f", "tagging": "<Tagging/>"}, 400, "MalformedXML", ""},
		"bad tag":          {map[string]string{"key": "up/f", "tagging": "<Tagging><TagSet><Tag><Key>a&amp;</Key><Value/></Tag></TagSet></Tagging>"}, 400, "InvalidTag", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.bucket(t, "bkt")
			got := s.post(t, version2(policy, c.fields), "mine.txt", "hello")
			if got.StatusCode != c.status || got.code(t) != c.code {
				t.Errorf("%d %s", got.StatusCode, got.body)
			}
			if keys := strings.Join(s.keys(t, "bkt"), " "); keys != c.keys {
				t.Errorf("stored %q, want %q", keys, c.keys)
			}
		})
	}
}

// TestPostPolicies: what is signed and makes no sense, or no longer holds.
func TestPostPolicies(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	for name, c := range map[string]struct{ policy, code, want string }{
		"expired":         {`{"expiration":"2020-01-01T00:00:00.000Z","conditions":[["starts-with","$key",""]]}`, "AccessDenied", "Policy expired."},
		"no expiration":   {`{"conditions":[]}`, "InvalidPolicyDocument", "expiration"},
		"no conditions":   {`{"expiration":` + later + `}`, "InvalidPolicyDocument", "missing conditions"},
		"no JSON":         {`{`, "InvalidPolicyDocument", "Invalid JSON"},
		"operator":        {`{"expiration":` + later + `,"conditions":[["like","$key","x"]]}`, "InvalidPolicyDocument", "like"},
		"no field":        {`{"expiration":` + later + `,"conditions":[["eq","key","x"]]}`, "InvalidPolicyDocument", "eq"},
		"two elements":    {`{"expiration":` + later + `,"conditions":[["eq","$key"]]}`, "InvalidPolicyDocument", "eq"},
		"range":           {`{"expiration":` + later + `,"conditions":[["content-length-range",5,1]]}`, "InvalidPolicyDocument", "content-length-range"},
		"another bucket":  {`{"expiration":` + later + `,"conditions":[["starts-with","$key",""],{"bucket":"other"}]}`, "AccessDenied", "$bucket"},
		"an absent field": {`{"expiration":` + later + `,"conditions":[["starts-with","$key",""],["eq","$content-type","a/b"]]}`, "AccessDenied", "$content-type"},
		"no condition":    {`{"expiration":` + later + `,"conditions":[]}`, "AccessDenied", "Extra input fields: key"},
	} {
		t.Run(name, func(t *testing.T) {
			got := s.post(t, version2(c.policy, map[string]string{"key": "f"}), "f", "x")
			if got.code(t) != c.code || !strings.Contains(got.body, c.want) {
				t.Errorf("%d %s", got.StatusCode, got.body)
			}
		})
	}
	if keys := s.keys(t, "bkt"); len(keys) != 0 {
		t.Errorf("stored: %q", keys)
	}
}

func TestPostAnonymous(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	if got := s.post(t, map[string]string{"key": "f"}, "f", "x"); got.code(t) != "AccessDenied" {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
	s.setPolicy(t, grant(`"Action":"s3:PutObject"`))
	if got := s.post(t, map[string]string{"key": "f"}, "f", "x"); got.StatusCode != http.StatusNoContent {
		t.Errorf("granted: %d %s", got.StatusCode, got.body)
	}
}

func TestMalformedForms(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	const kind = "multipart/form-data; boundary=B"
	field := "--B\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nk\r\n"
	file := "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n"
	s.setPolicy(t, grant(`"Action":"s3:PutObject"`))
	for name, c := range map[string]struct {
		kind, body string
		status     int
		code       string
	}{
		"no form":        {"text/plain", "x", 412, "PreconditionFailed"},
		"no boundary":    {"multipart/form-data", "x", 412, "PreconditionFailed"},
		"nothing":        {kind, "", 400, "IncorrectNumberOfFilesInPostRequest"},
		"no parts":       {kind, "x", 400, "IncorrectNumberOfFilesInPostRequest"},
		"no file":        {kind, field + "--B--\r\n", 400, "IncorrectNumberOfFilesInPostRequest"},
		"cut in a field": {kind, field[:len(field)-4], 400, "MalformedPOSTRequest"},
		"cut in a file":  {kind, field + file + "content", 400, "IncompleteBody"},
		"no header":      {kind, field + "--B\r\nno header\r\n\r\nx\r\n--B--\r\n", 400, "MalformedPOSTRequest"},
		"no name":        {kind, field + "--B\r\nContent-Disposition: form-data; name=\"\"; filename=\"f\"\r\n\r\nx\r\n--B--\r\n", 400, "MalformedPOSTRequest"},
		"key after file": {kind, file + "x\r\n" + field + "--B--\r\n", 400, "InvalidArgument"},
	} {
		t.Run(name, func(t *testing.T) {
			got := s.do(t, raw{method: "POST", path: "/bkt", body: c.body, unsigned: true, header: map[string]string{"Content-Type": c.kind}})
			if got.StatusCode != c.status || got.code(t) != c.code {
				t.Errorf("%d %s", got.StatusCode, got.body)
			}
		})
	}
	if keys := s.keys(t, "bkt"); len(keys) != 0 {
		t.Errorf("stored: %q", keys)
	}
}

// TestPostEvent: an upload by a form has an event of its own name.
func TestPostEvent(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	filter, err := event.ParseListen("bkt", url.Values{"events": {"s3:ObjectCreated:Post"}})
	if err != nil {
		t.Fatal(err)
	}
	ready, heard := make(chan struct{}), make(chan *event.Record, 1)
	go func() {
		_ = s.service.Listen(t.Context(), object.ListenInput{Filter: filter}, func() { close(ready) }, func(h object.Heard) error {
			heard <- h.Record
			return nil
		})
	}()
	<-ready
	if got := s.post(t, s.formOf(t, nothing), "f", "hello"); got.StatusCode != http.StatusNoContent {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	select {
	case r := <-heard:
		if r.Key != "photo.txt" || r.Size != 5 || r.Request.Principal != accessKey || r.Request.UserAgent != "a browser" {
			t.Errorf("%+v", r)
		}
	case <-time.After(waitLimit):
		t.Error("no event")
	}
}
