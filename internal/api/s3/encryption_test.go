package s3api_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	s3api "github.com/carillon-s3/carillon/internal/api/s3"
	blobmemory "github.com/carillon-s3/carillon/internal/blob/memory"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/kv/memory"
	"github.com/carillon-s3/carillon/internal/object"
	"github.com/carillon-s3/carillon/internal/sse"
)

// masterKeys are two; the first is the default.
func masterKeys(t testing.TB) *sse.Keys {
	t.Helper()
	keys, err := sse.ParseKeys("site-key:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=,old-key://///////////////////////////////////////w8=")
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// overTLS is the same server over TLS.
func (s *site) overTLS(t *testing.T) *site {
	t.Helper()
	server := httptest.NewTLSServer(s.Config.Handler)
	t.Cleanup(server.Close)
	transport := server.Client().Transport.(*http.Transport)
	transport.DisableCompression = true
	return &site{Server: server, service: s.service, transport: transport}
}

// customer are the headers of a customer's key, with another prefix for the source
// of a copy.
func customer(fill byte, prefix string) map[string]string {
	secret := bytes.Repeat([]byte{fill}, sse.KeyBytes)
	sum := md5.Sum(secret)
	return map[string]string{
		prefix + "Server-Side-Encryption-Customer-Algorithm": "AES256",
		prefix + "Server-Side-Encryption-Customer-Key":       base64.StdEncoding.EncodeToString(secret),
		prefix + "Server-Side-Encryption-Customer-Key-Md5":   base64.StdEncoding.EncodeToString(sum[:]),
	}
}

func join(all ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, m := range all {
		maps.Copy(out, m)
	}
	return out
}

const (
	ofObject = "X-Amz-"
	ofSource = "X-Amz-Copy-Source-"
	sseName  = "X-Amz-Server-Side-Encryption"
)

// shownEncryption is what an answer tells of encryption.
func shownEncryption(a answer) string {
	var out []string
	for _, name := range []string{"", "-Aws-Kms-Key-Id", "-Context", "-Bucket-Key-Enabled", "-Customer-Algorithm", "-Customer-Key-Md5", "-Customer-Key"} {
		if v := a.Header.Get(sseName + name); v != "" {
			out = append(out, name+"="+v)
		}
	}
	return strings.Join(out, " ")
}

// TestEncryptionHeaders: what requests ask for and answers tell, for each operation
// and method.
func TestEncryptionHeaders(t *testing.T) {
	t.Parallel()
	plain := newSite(t)
	s := plain.overTLS(t)
	s.bucket(t, "bkt")
	mine := customer(1, ofObject)
	context := base64.StdEncoding.EncodeToString([]byte(`{ "b":"2", "a":"1" }`))
	canonical := base64.StdEncoding.EncodeToString([]byte(`{"a":"1","b":"2"}`))
	ofMine := "-Customer-Algorithm=AES256 -Customer-Key-Md5=" + mine["X-Amz-Server-Side-Encryption-Customer-Key-Md5"]
	for name, test := range map[string]struct {
		ask, read      map[string]string
		written, shown string
	}{
		"none":     {nil, nil, "", ""},
		"S3":       {map[string]string{sseName: "AES256"}, nil, "=AES256", "=AES256"},
		"KMS":      {map[string]string{sseName: "aws:kms"}, nil, "=aws:kms -Aws-Kms-Key-Id=arn:aws:kms:site-key", "=aws:kms -Aws-Kms-Key-Id=arn:aws:kms:site-key"},
		"customer": {mine, mine, ofMine, ofMine},
		"KMS with all": {
			map[string]string{sseName: "aws:kms", sseName + "-Aws-Kms-Key-Id": "arn:aws:kms:old-key", sseName + "-Context": context, sseName + "-Bucket-Key-Enabled": "true"},
			nil,
			"=aws:kms -Aws-Kms-Key-Id=arn:aws:kms:old-key -Context=" + canonical + " -Bucket-Key-Enabled=true", "=aws:kms -Aws-Kms-Key-Id=arn:aws:kms:old-key -Bucket-Key-Enabled=true",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key := "/bkt/" + strings.ReplaceAll(name, " ", "-")
			check := func(what string, a answer, status int, want string) {
				t.Helper()
				if a.StatusCode != status || shownEncryption(a) != want {
					t.Errorf("%s: %d, %s; want %d, %s\n%s", what, a.StatusCode, shownEncryption(a), status, want, a.body)
				}
			}
			check("put", s.do(t, raw{method: "PUT", path: key, body: "hello, world", header: test.ask}), 200, test.written)
			check("head", s.do(t, raw{method: "HEAD", path: key, header: test.read}), 200, test.shown)
			a := s.do(t, raw{method: "GET", path: key, header: test.read})
			check("get", a, 200, test.shown)
			if a.body != "hello, world" || a.Header.Get("Content-Length") != "12" {
				t.Errorf("it is %q, %s bytes", a.body, a.Header.Get("Content-Length"))
			}
			a = s.do(t, raw{method: "GET", path: key, header: join(test.read, map[string]string{"Range": "bytes=7-"})})
			check("get a range", a, 206, test.shown)
			if a.body != "world" || a.Header.Get("Content-Range") != "bytes 7-11/12" {
				t.Errorf("its range is %q, %s", a.body, a.Header.Get("Content-Range"))
			}
			etag := a.Header.Get("Etag")
			check("get what is known", s.do(t, raw{method: "GET", path: key, header: join(test.read, map[string]string{"If-None-Match": etag})}), 304, test.shown)

			source := map[string]string{}
			if test.read != nil {
				source = customer(1, ofSource)
			}
			copying := join(map[string]string{"X-Amz-Copy-Source": key}, source, test.ask)
			check("copy", s.do(t, raw{method: "PUT", path: key + ".copy", header: copying}), 200, test.written)
			if a := s.do(t, raw{method: "GET", path: key + ".copy", header: test.read}); a.body != "hello, world" {
				t.Errorf("the copy is %q", a.body)
			}

			var created struct{ UploadId string }
			a = s.do(t, raw{method: "POST", path: key + ".parts?uploads", header: test.ask})
			check("create", a, 200, test.written)
			mustParse(t, a, &created)
			part := key + ".parts?uploadId=" + created.UploadId + "&partNumber="
			a = s.do(t, raw{method: "PUT", path: part + "1", body: strings.Repeat("5", 5<<20), header: test.read})
			check("part", a, 200, test.shown)
			first := a.Header.Get("Etag")
			a = s.do(t, raw{method: "PUT", path: part + "2", header: join(map[string]string{"X-Amz-Copy-Source": key}, source, test.read)})
			check("part copy", a, 200, test.shown)
			var copied struct{ ETag string }
			mustParse(t, a, &copied)
			list := fmt.Sprintf("<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>%s</ETag></Part><Part><PartNumber>2</PartNumber><ETag>%s</ETag></Part></CompleteMultipartUpload>", first, copied.ETag)
			check("complete", s.do(t, raw{method: "POST", path: key + ".parts?uploadId=" + created.UploadId, body: list, header: test.read}), 200, test.shown)
			a = s.do(t, raw{method: "GET", path: key + ".parts?partNumber=2", header: test.read})
			check("get a part", a, 206, test.shown)
			if a.body != "hello, world" {
				t.Errorf("part 2 is %q", a.body)
			}
		})
	}
}

// TestBadEncryption: requests that make no sense, or lack a key, get S3's errors
// and store nothing, and no answer has a key in it.
func TestBadEncryption(t *testing.T) {
	t.Parallel()
	clear := newSite(t)
	s := clear.overTLS(t)
	s.bucket(t, "bkt")
	mine, other := customer(1, ofObject), customer(2, ofObject)
	for key, header := range map[string]map[string]string{"mine": mine, "s3": {sseName: "AES256"}, "plain": nil} {
		if a := s.do(t, raw{method: "PUT", path: "/bkt/" + key, body: "hello", header: header}); a.StatusCode != 200 {
			t.Fatal(a.StatusCode, a.body)
		}
	}
	without := func(name string) map[string]string {
		m := customer(1, ofObject)
		delete(m, sseName+"-Customer-"+name)
		return m
	}
	with := func(name, value string) map[string]string {
		return join(customer(1, ofObject), map[string]string{sseName + "-Customer-" + name: value})
	}
	put := func(header map[string]string) raw {
		return raw{method: "PUT", path: "/bkt/new", body: "hello", header: header}
	}
	get := func(key string, header map[string]string) raw {
		return raw{method: "GET", path: "/bkt/" + key, header: header}
	}
	kms := map[string]string{sseName: "aws:kms"}
	for name, test := range map[string]struct {
		of     *site
		raw    raw
		status int
		code   string
	}{
		"method":                 {s, put(map[string]string{sseName: "rot13"}), 400, "InvalidArgument"},
		"both":                   {s, put(join(mine, kms)), 400, "InvalidArgument"},
		"key of no method":       {s, put(map[string]string{sseName + "-Aws-Kms-Key-Id": "site-key"}), 400, "InvalidArgument"},
		"key of S3":              {s, put(map[string]string{sseName: "AES256", sseName + "-Aws-Kms-Key-Id": "site-key"}), 400, "InvalidArgument"},
		"unknown key":            {s, put(join(kms, map[string]string{sseName + "-Aws-Kms-Key-Id": "nobody"})), 400, "KMS.NotFoundException"},
		"context no base64":      {s, put(join(kms, map[string]string{sseName + "-Context": "!"})), 400, "InvalidArgument"},
		"context no JSON":        {s, put(join(kms, map[string]string{sseName + "-Context": "aGVsbG8="})), 400, "InvalidArgument"},
		"context no strings":     {s, put(join(kms, map[string]string{sseName + "-Context": base64.StdEncoding.EncodeToString([]byte(`{"a":1}`))})), 400, "InvalidArgument"},
		"context null":           {s, put(join(kms, map[string]string{sseName + "-Context": base64.StdEncoding.EncodeToString([]byte(`null`))})), 400, "InvalidArgument"},
		"bucket key":             {s, put(join(kms, map[string]string{sseName + "-Bucket-Key-Enabled": "maybe"})), 400, "InvalidArgument"},
		"customer, no TLS":       {clear, put(mine), 400, "InvalidRequest"},
		"customer read, no TLS":  {clear, get("mine", mine), 400, "InvalidRequest"},
		"no algorithm":           {s, put(without("Algorithm")), 400, "InvalidArgument"},
		"no key":                 {s, put(without("Key")), 400, "InvalidArgument"},
		"no MD5":                 {s, put(without("Key-Md5")), 400, "InvalidArgument"},
		"another algorithm":      {s, put(with("Algorithm", "AES128")), 400, "InvalidEncryptionAlgorithmError"},
		"key no base64":          {s, put(with("Key", "!")), 400, "InvalidArgument"},
		"short key":              {s, put(with("Key", "AAEC")), 400, "InvalidArgument"},
		"another key's MD5":      {s, put(with("Key-Md5", other[sseName+"-Customer-Key-Md5"])), 400, "InvalidArgument"},
		"read without the key":   {s, get("mine", nil), 400, "InvalidRequest"},
		"read, another key":      {s, get("mine", other), 403, "AccessDenied"},
		"head without the key":   {s, raw{method: "HEAD", path: "/bkt/mine"}, 400, "InvalidRequest"},
		"head, another key":      {s, raw{method: "HEAD", path: "/bkt/mine", header: other}, 403, "AccessDenied"},
		"read plain with a key":  {s, get("plain", mine), 400, "InvalidRequest"},
		"read S3 with a key":     {s, get("s3", mine), 400, "InvalidRequest"},
		"read with a method":     {s, get("s3", map[string]string{sseName: "AES256"}), 400, "InvalidArgument"},
		"attributes without key": {s, raw{method: "GET", path: "/bkt/mine?attributes", header: map[string]string{"X-Amz-Object-Attributes": "ETag"}}, 400, "InvalidRequest"},
		"copy without the key":   {s, raw{method: "PUT", path: "/bkt/new", header: map[string]string{"X-Amz-Copy-Source": "/bkt/mine"}}, 400, "InvalidRequest"},
		"copy with another key":  {s, raw{method: "PUT", path: "/bkt/new", header: join(map[string]string{"X-Amz-Copy-Source": "/bkt/mine"}, customer(2, ofSource))}, 403, "AccessDenied"},
		"copy plain with a key":  {s, raw{method: "PUT", path: "/bkt/new", header: join(map[string]string{"X-Amz-Copy-Source": "/bkt/plain"}, customer(2, ofSource))}, 400, "InvalidRequest"},
		"copy to itself":         {s, raw{method: "PUT", path: "/bkt/s3", header: map[string]string{"X-Amz-Copy-Source": "/bkt/s3"}}, 400, "InvalidRequest"},
	} {
		a := test.of.do(t, test.raw)
		if a.StatusCode != test.status || a.code(t) != test.code {
			t.Errorf("%s: %d %s, want %d %s\n%s", name, a.StatusCode, a.code(t), test.status, test.code, a.body)
		}
		for _, key := range []string{mine[sseName+"-Customer-Key"], other[sseName+"-Customer-Key"]} {
			if strings.Contains(a.body, key) || strings.Contains(fmt.Sprint(a.Header), key) {
				t.Errorf("%s: the answer has the key in it", name)
			}
		}
	}
	if got := s.keys(t, "bkt"); len(got) != 3 {
		t.Errorf("stored are %v", got)
	}
}

// TestPartKeys: parts come with the upload's key.
func TestPartKeys(t *testing.T) {
	t.Parallel()
	s := newSite(t).overTLS(t)
	s.bucket(t, "bkt")
	for name, test := range map[string]struct {
		create, part map[string]string
		status       int
		message      string
	}{
		"missing":  {customer(1, ofObject), nil, 400, "must include the appropriate encryption parameters"},
		"wrong":    {customer(1, ofObject), customer(2, ofObject), 400, "did not match the ones used originally"},
		"needless": {nil, customer(1, ofObject), 400, "did not request encryption"},
		"right":    {customer(1, ofObject), customer(1, ofObject), 200, ""},
		// Clients send it with parts too.
		"method": {map[string]string{sseName: "AES256"}, map[string]string{sseName: "AES256"}, 200, ""},
	} {
		var created struct{ UploadId string }
		mustParse(t, s.do(t, raw{method: "POST", path: "/bkt/k?uploads", header: test.create}), &created)
		a := s.do(t, raw{method: "PUT", path: "/bkt/k?partNumber=1&uploadId=" + created.UploadId, body: "part", header: test.part})
		if a.StatusCode != test.status || !strings.Contains(a.body, test.message) {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
}

const (
	encryptionStart = `<ServerSideEncryptionConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`
	encryptionEnd   = `</ServerSideEncryptionConfiguration>`
)

func encryptionRule(inner string) string {
	return encryptionStart + "<Rule><ApplyServerSideEncryptionByDefault>" + inner + "</ApplyServerSideEncryptionByDefault></Rule>" + encryptionEnd
}

// TestBucketEncryption: the document comes back as it was sent, and holds.
func TestBucketEncryption(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	if a := s.do(t, raw{method: "GET", path: "/bkt?encryption"}); a.code(t) != "ServerSideEncryptionConfigurationNotFoundError" {
		t.Errorf("without: %d %s", a.StatusCode, a.body)
	}
	for name, test := range map[string]struct {
		document string
		code     string
	}{
		"empty":           {encryptionStart + encryptionEnd, "MalformedXML"},
		"another root":    {"<Encryption/>", "MalformedXML"},
		"no default":      {encryptionStart + "<Rule/>" + encryptionEnd, "MalformedXML"},
		"no algorithm":    {encryptionRule(""), "MalformedXML"},
		"bad algorithm":   {encryptionRule("<SSEAlgorithm>rot13</SSEAlgorithm>"), "MalformedXML"},
		"two rules":       {strings.Replace(encryptionRule("<SSEAlgorithm>AES256</SSEAlgorithm>"), "</Rule>", "</Rule><Rule/>", 1), "MalformedXML"},
		"key without KMS": {encryptionRule("<SSEAlgorithm>AES256</SSEAlgorithm><KMSMasterKeyID>site-key</KMSMasterKeyID>"), "InvalidArgument"},
		"unknown key":     {encryptionRule("<SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>nobody</KMSMasterKeyID>"), "KMS.NotFoundException"},
	} {
		if a := s.do(t, raw{method: "PUT", path: "/bkt?encryption", body: test.document}); a.code(t) != test.code {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
	document := encryptionRule(" <SSEAlgorithm>aws:kms</SSEAlgorithm>\n<KMSMasterKeyID>arn:aws:kms:old-key</KMSMasterKeyID>")
	if a := s.do(t, raw{method: "PUT", path: "/bkt?encryption", body: document}); a.StatusCode != 200 {
		t.Fatal(a.StatusCode, a.body)
	}
	if a := s.do(t, raw{method: "GET", path: "/bkt?encryption"}); a.body != document {
		t.Errorf("it comes back as %s", a.body)
	}
	const byOld = "=aws:kms -Aws-Kms-Key-Id=arn:aws:kms:old-key"
	for _, of := range []raw{
		{method: "PUT", path: "/bkt/k", body: "hello"},
		{method: "HEAD", path: "/bkt/k"},
		{method: "PUT", path: "/bkt/copy", header: map[string]string{"X-Amz-Copy-Source": "/bkt/k"}},
		{method: "POST", path: "/bkt/parts?uploads"},
	} {
		if a := s.do(t, of); a.StatusCode != 200 || shownEncryption(a) != byOld {
			t.Errorf("%s %s: %d, %s", of.method, of.path, a.StatusCode, shownEncryption(a))
		}
	}
	if a := s.do(t, raw{method: "PUT", path: "/bkt/asked", body: "hello", header: map[string]string{sseName: "AES256"}}); shownEncryption(a) != "=AES256" {
		t.Errorf("what asks itself is encrypted as %s", shownEncryption(a))
	}
	for range 2 {
		if a := s.do(t, raw{method: "DELETE", path: "/bkt?encryption"}); a.StatusCode != 204 {
			t.Errorf("delete: %d %s", a.StatusCode, a.body)
		}
	}
	if a := s.do(t, raw{method: "PUT", path: "/bkt/plain", body: "hello"}); shownEncryption(a) != "" {
		t.Errorf("without a default: %s", shownEncryption(a))
	}
}

// TestWithoutKMS: what needs a master key is refused, customers' keys are not.
func TestWithoutKMS(t *testing.T) {
	t.Parallel()
	store := memory.New()
	t.Cleanup(func() { _ = store.Close() })
	j, err := journal.Open(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	service, err := object.Open(t.Context(), object.Config{Store: store, Blobs: blobmemory.New(1), Journal: j})
	if err != nil {
		t.Fatal(err)
	}
	plain := newSite(t, func(c *s3api.Config) { c.Service = service })
	plain.service = service
	s := plain.overTLS(t)
	if err := service.CreateBucket(t.Context(), event.Request{}, "bkt", ""); err != nil {
		t.Fatal(err)
	}
	for _, of := range []raw{
		{method: "PUT", path: "/bkt/k", body: "hello", header: map[string]string{sseName: "AES256"}},
		{method: "PUT", path: "/bkt/k", body: "hello", header: map[string]string{sseName: "aws:kms"}},
		{method: "POST", path: "/bkt/k?uploads", header: map[string]string{sseName: "AES256"}},
		{method: "PUT", path: "/bkt?encryption", body: encryptionRule("<SSEAlgorithm>AES256</SSEAlgorithm>")},
	} {
		a := s.do(t, of)
		if a.StatusCode != 501 || a.code(t) != "NotImplemented" || !strings.Contains(a.body, "KMS is not configured") {
			t.Errorf("%s %s: %d %s", of.method, of.path, a.StatusCode, a.body)
		}
	}
	if a := s.do(t, raw{method: "PUT", path: "/bkt/k", body: "hello", header: customer(1, ofObject)}); a.StatusCode != 200 {
		t.Errorf("a customer's key: %d %s", a.StatusCode, a.body)
	}
	if got := s.keys(t, "bkt"); len(got) != 1 {
		t.Errorf("stored are %v", got)
	}
}

// TestEncryptionPolicies: conditions on the headers of encryption.
func TestEncryptionPolicies(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::bkt/*",` +
		`"Condition":{"StringEquals":{"s3:x-amz-server-side-encryption":"aws:kms","s3:x-amz-server-side-encryption-aws-kms-key-id":"old-key"}}}]}`
	if a := s.do(t, raw{method: "PUT", path: "/bkt?policy", body: document}); a.StatusCode != 204 {
		t.Fatal(a.StatusCode, a.body)
	}
	for name, test := range map[string]struct {
		header map[string]string
		status int
	}{
		"none":        {nil, 403},
		"S3":          {map[string]string{sseName: "AES256"}, 403},
		"another key": {map[string]string{sseName: "aws:kms", sseName + "-Aws-Kms-Key-Id": "site-key"}, 403},
		"as wanted":   {map[string]string{sseName: "aws:kms", sseName + "-Aws-Kms-Key-Id": "old-key"}, 200},
	} {
		if a := s.do(t, raw{method: "PUT", path: "/bkt/k", body: "hello", header: test.header, unsigned: true}); a.StatusCode != test.status {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
}

// TestEncryptedArchive: what an archive's request says of encryption holds for all
// of its files.
func TestEncryptedArchive(t *testing.T) {
	t.Parallel()
	s := newSite(t).overTLS(t)
	s.bucket(t, "bkt")
	mine := customer(1, ofObject)
	body := archive(t, "a/one", "two")
	if a := s.do(t, raw{method: "PUT", path: "/bkt/archive.tar", body: body, header: join(mine, map[string]string{autoExtract: "true"})}); a.StatusCode != 200 {
		t.Fatal(a.StatusCode, a.body)
	}
	for _, key := range []string{"a/one", "two"} {
		if a := s.do(t, raw{method: "GET", path: "/bkt/" + key}); a.StatusCode != 400 {
			t.Errorf("%s without its key: %d %s", key, a.StatusCode, a.body)
		}
		if a := s.do(t, raw{method: "GET", path: "/bkt/" + key, header: mine}); a.StatusCode != 200 || a.body != key {
			t.Errorf("%s: %d %s", key, a.StatusCode, a.body)
		}
	}
}

// TestEncryptedForm: the fields of a form say how its file is encrypted.
func TestEncryptedForm(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	form := s.formOf(t, func(p *minio.PostPolicy) error { return p.SetUserData("server-side-encryption", "AES256") })
	if a := s.post(t, form, "photo.txt", "hello"); a.StatusCode != 204 || shownEncryption(a) != "=AES256" {
		t.Errorf("%d, %s\n%s", a.StatusCode, shownEncryption(a), a.body)
	}
	if a := s.do(t, raw{method: "GET", path: "/bkt/photo.txt"}); a.body != "hello" || shownEncryption(a) != "=AES256" {
		t.Errorf("%q, %s", a.body, shownEncryption(a))
	}
	const key = "bXkgc2VjcmV0IGtleQ=="
	form = s.formOf(t, func(p *minio.PostPolicy) error { return p.SetUserData("server-side-encryption-customer-key", key) })
	form["x-amz-server-side-encryption-customer-key"] = "another"
	if a := s.post(t, form, "photo.txt", "hello"); a.StatusCode != 403 || strings.Contains(a.body, key) || !strings.Contains(a.body, "customer-key") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}
