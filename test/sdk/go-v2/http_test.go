package walkthrough

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// httpClient trusts what AWS_CA_BUNDLE names.
func httpClient(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	if name := os.Getenv("AWS_CA_BUNDLE"); name != "" {
		text, err := os.ReadFile(name)
		must(t, err)
		pool := x509.NewCertPool()
		equal(t, "authority", pool.AppendCertsFromPEM(text), true)
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	return &http.Client{Transport: transport}
}

// escape is a key as it stands in a URL or in a copy's source.
func escape(key string) string {
	return strings.ReplaceAll(url.QueryEscape(key), "+", "%20")
}

func base64Of(sum uint64) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, sum))
}

func presigned(t *testing.T, client *s3.Client) {
	ctx, name, key := t.Context(), aws.String(bucket), aws.String("pre signed+ü")
	presigner := s3.NewPresignClient(client, s3.WithPresignExpires(time.Minute))
	up, err := presigner.PresignPutObject(ctx, &s3.PutObjectInput{Bucket: name, Key: key, ContentType: aws.String("text/x")})
	must(t, err)
	equal(t, "put", fetch(t, up.Method, up.URL, up.SignedHeader, []byte("hello")).status, http.StatusOK)
	down, err := presigner.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: name, Key: key, ResponseContentDisposition: aws.String("attachment; filename=a b.txt")})
	must(t, err)
	got := fetch(t, down.Method, down.URL, down.SignedHeader, nil)
	equal(t, "get", []string{got.body, got.header.Get("Content-Type"), got.header.Get("Content-Disposition")}, []string{"hello", "text/x", "attachment; filename=a b.txt"})
	changed := strings.Replace(down.URL, "pre%20signed", "pre%20Signed", 1)
	got = fetch(t, down.Method, changed, down.SignedHeader, nil)
	equal(t, "another key", []any{got.status, strings.Contains(got.body, "SignatureDoesNotMatch")}, []any{http.StatusForbidden, true})
	head, err := presigner.PresignHeadObject(ctx, &s3.HeadObjectInput{Bucket: name, Key: key})
	must(t, err)
	equal(t, "head", fetch(t, head.Method, head.URL, head.SignedHeader, nil).status, http.StatusOK)
	remove, err := presigner.PresignDeleteObject(ctx, &s3.DeleteObjectInput{Bucket: name, Key: key})
	must(t, err)
	equal(t, "delete", fetch(t, remove.Method, remove.URL, remove.SignedHeader, nil).status, http.StatusNoContent)
}

// form uploads as a browser does, with a policy that the SDK signed.
func form(t *testing.T, client *s3.Client) {
	ctx := t.Context()
	signed, err := s3.NewPresignClient(client).PresignPostObject(ctx, &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("from a form")},
		func(o *s3.PresignPostOptions) {
			o.Expires = time.Minute
			o.Conditions = []any{[]any{"content-length-range", 1, 10}, []any{"starts-with", "$Content-Type", "text/"}}
		})
	must(t, err)
	send := func(contentType, content string) answer {
		var body bytes.Buffer
		w := multipart.NewWriter(&body)
		for field, value := range signed.Values {
			must(t, w.WriteField(field, value))
		}
		must(t, w.WriteField("Content-Type", contentType))
		file, err := w.CreateFormFile("file", "chosen.txt")
		must(t, err)
		_, err = file.Write([]byte(content))
		must(t, err)
		must(t, w.Close())
		return fetch(t, http.MethodPost, signed.URL, http.Header{"Content-Type": {w.FormDataContentType()}}, body.Bytes())
	}
	for _, c := range []struct {
		contentType, content, says string
		status                     int
	}{
		{"text/plain", "chosen", "", http.StatusNoContent},
		{"text/plain", "more than ten bytes", "EntityTooLarge", http.StatusBadRequest},
		{"image/png", "chosen", "AccessDenied", http.StatusForbidden},
	} {
		got := send(c.contentType, c.content)
		equal(t, c.contentType+" "+c.content, []any{got.status, strings.Contains(got.body, c.says)}, []any{c.status, true})
	}
	equal(t, "uploaded", string(get(t, client, bucket, "from a form", "")), "chosen")
}
