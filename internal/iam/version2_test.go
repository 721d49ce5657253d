package iam

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/signer"
)

// TestPublishedVectors2 are the signed requests that the Amazon S3 API reference
// prints ("Authentication examples"), with the clock at their date.
func TestPublishedVectors2(t *testing.T) {
	t.Parallel()
	const auth = "Authorization: AWS AKIAIOSFODNN7EXAMPLE:"
	tests := map[string]struct{ bucket, text string }{
		"object get": {"awsexamplebucket1", "GET /photos/puppy.jpg HTTP/1.1\nHost: awsexamplebucket1.us-west-1.s3.amazonaws.com\n" +
			"Date: Tue, 27 Mar 2007 19:36:42 +0000\n" + auth + "qgk2+6Sv9/oM7G3qLEjTH1a1l1g=\n\n"},
		"object put": {"awsexamplebucket1", "PUT /photos/puppy.jpg HTTP/1.1\nHost: awsexamplebucket1.s3.us-west-1.amazonaws.com\n" +
			"Content-Type: image/jpeg\nContent-Length: 94328\nDate: Tue, 27 Mar 2007 21:15:45 +0000\n" + auth + "iqRzw+ileNPu1fhspnRs8nOjjIA=\n\n"},
		"list": {"awsexamplebucket1", "GET /?prefix=photos&max-keys=50&marker=puppy HTTP/1.1\nHost: awsexamplebucket1.s3.us-west-1.amazonaws.com\n" +
			"User-Agent: Mozilla/5.0\nDate: Tue, 27 Mar 2007 19:42:41 +0000\n" + auth + "m0WP8eCtspQl5Ahe6L1SozdX9YA=\n\n"},
		"fetch": {"awsexamplebucket1", "GET /?acl HTTP/1.1\nHost: awsexamplebucket1.s3.us-west-1.amazonaws.com\n" +
			"Date: Tue, 27 Mar 2007 19:44:46 +0000\n" + auth + "82ZHiFIjc+WbcwFKGUVEQspPn+0=\n\n"},
		"list all my buckets": {"", "GET / HTTP/1.1\nHost: s3.us-west-1.amazonaws.com\n" +
			"Date: Wed, 28 Mar 2007 01:29:59 +0000\n" + auth + "qGdzdERIC03wnaRNKh6OqZehG9s=\n\n"},
		"unicode keys": {"", "GET /dictionary/fran%C3%A7ais/pr%c3%a9f%c3%a8re HTTP/1.1\nHost: s3.us-west-1.amazonaws.com\n" +
			"Date: Wed, 28 Mar 2007 01:49:49 +0000\n" + auth + "DNEZGsoieTZ92F3bUfSPQcbGmlM=\n\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rawRequest(t, tt.text)
			at, err := time.Parse(time.RFC1123Z, r.Header.Get("Date"))
			if err != nil {
				t.Fatal(err)
			}
			v := exampleVerifier("", at)
			got, err := v.Verify(r, Options{HostBucket: tt.bucket})
			if err != nil || got.Credential.AccessKey != exampleRoot.AccessKey {
				t.Errorf("verify: %v", err)
			}
			r.Header.Set("X-Amz-Meta-Added", "by somebody on the way")
			if _, err := v.Verify(r, Options{HostBucket: tt.bucket}); !errors.Is(err, ErrSignature) {
				t.Errorf("with another header: %v, want ErrSignature", err)
			}
		})
	}
}

// presigned2 is a URL as boto3 and older SDKs make it.
func presigned2(t *testing.T, target string, expires time.Duration) *http.Request {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, "http://h"+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	// The signer knows only the present: seconds from now to the wished end.
	end := exampleTime.Add(expires)
	r = signer.PreSignV2(*r, exampleRoot.AccessKey, exampleRoot.SecretKey, end.Unix()-time.Now().Unix(), false)
	got := rawRequest(t, "GET "+r.URL.RequestURI()+" HTTP/1.1\nHost: h\n\n")
	return got
}

func TestPresigned2(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		target  string
		expires time.Duration
		edit    func(*http.Request)
		want    error
	}{
		"plain":           {target: "/b/k", expires: time.Hour},
		"an odd key":      {target: "/b/a%20%2B%C3%A4%26", expires: time.Hour},
		"an override":     {target: "/b/k?response-content-type=text%2Fplain%3B+charset%3Dx", expires: time.Hour},
		"a part":          {target: "/b/k?partNumber=2&uploadId=abc%3D", expires: time.Hour},
		"an unsigned one": {target: "/b/k?x-id=GetObject", expires: time.Hour},
		"too late":        {target: "/b/k", expires: -time.Second, want: ErrExpired},
		"another key": {target: "/b/k", expires: time.Hour, want: ErrSignature, edit: func(r *http.Request) {
			r.URL.Path, r.RequestURI = "/b/other", strings.Replace(r.RequestURI, "/b/k", "/b/other", 1)
		}},
		"another end": {target: "/b/k", expires: time.Hour, want: ErrSignature, edit: func(r *http.Request) {
			q := r.URL.Query()
			q.Set("Expires", strconv.FormatInt(exampleTime.Add(24*time.Hour).Unix(), 10))
			r.URL.RawQuery = q.Encode()
		}},
		"no end": {target: "/b/k", expires: time.Hour, want: ErrAccessDenied, edit: func(r *http.Request) {
			r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "Expires=", "Other=", 1)
		}},
		"an end that is no number": {target: "/b/k", expires: time.Hour, want: ErrAccessDenied, edit: func(r *http.Request) {
			r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "Expires=", "Expires=x", 1)
		}},
		"another access key": {target: "/b/k", expires: time.Hour, want: ErrInvalidAccessKey, edit: func(r *http.Request) {
			r.URL.RawQuery = strings.Replace(r.URL.RawQuery, exampleRoot.AccessKey, "SOMEBODY", 1)
		}},
		"two mechanisms": {target: "/b/k", expires: time.Hour, want: ErrMultipleAuth, edit: func(r *http.Request) {
			r.Header.Set("Authorization", "AWS a:b")
		}},
		"a session token": {target: "/b/k", expires: time.Hour, want: ErrInvalidToken, edit: func(r *http.Request) {
			r.URL.RawQuery += "&x-amz-security-token=" + url.QueryEscape("t")
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := presigned2(t, tt.target, tt.expires)
			if tt.edit != nil {
				tt.edit(r)
			}
			if _, err := exampleVerifier("eu-west-1", exampleTime).Verify(r, Options{}); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestHeader2IsRefused(t *testing.T) {
	t.Parallel()
	const date = "Fri, 24 May 2013 00:00:00 GMT"
	tests := map[string]struct {
		header, date string
		want         error
	}{
		"no colon":       {"AWS AKIAIOSFODNN7EXAMPLE", date, ErrHeaderMalformed},
		"no key":         {"AWS :qgk2+6Sv9/oM7G3qLEjTH1a1l1g=", date, ErrHeaderMalformed},
		"a short one":    {"AWS AKIAIOSFODNN7EXAMPLE:abc", date, ErrHeaderMalformed},
		"a wrong one":    {"AWS AKIAIOSFODNN7EXAMPLE:qgk2+6Sv9/oM7G3qLEjTH1a1l1g=", date, ErrSignature},
		"no date":        {"AWS AKIAIOSFODNN7EXAMPLE:qgk2+6Sv9/oM7G3qLEjTH1a1l1g=", "", ErrMissingDate},
		"an old date":    {"AWS AKIAIOSFODNN7EXAMPLE:qgk2+6Sv9/oM7G3qLEjTH1a1l1g=", "Thu, 23 May 2013 23:44:00 GMT", ErrSkew},
		"an unknown key": {"AWS SOMEBODY:qgk2+6Sv9/oM7G3qLEjTH1a1l1g=", date, ErrInvalidAccessKey},
		"another scheme": {"AWS3 AKIAIOSFODNN7EXAMPLE:qgk2+6Sv9/oM7G3qLEjTH1a1l1g=", date, ErrSignatureVersion},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rawRequest(t, "GET /b/k HTTP/1.1\nHost: h\n\n")
			r.Header.Set("Authorization", tt.header)
			if tt.date != "" {
				r.Header.Set("Date", tt.date)
			}
			if _, err := exampleVerifier("", exampleTime).Verify(r, Options{}); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}
