// Package walkthrough does what users of the AWS SDK for Go v2 do, against the
// server that TestGo of test/sdk starts. It is a module of its own, so that the
// SDK is in no go.mod but this one.
package walkthrough

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
)

const (
	bucket = "walk"
	mib    = 1 << 20
	// partSize is the least that S3 takes of a part that is not the last.
	partSize = 5 * mib
)

// TestWalkthrough goes through the steps that STEPS names.
func TestWalkthrough(t *testing.T) {
	steps := map[string]func(*testing.T, *s3.Client){
		"buckets": buckets, "objects": objects, "listing": listing, "multipart": inParts, "transfers": transfers,
		"presigned": presigned, "form": form, "tags": tags, "versions": versions, "conditions": conditions,
		"checksums": checksums, "copies": copies, "policy": bucketPolicy, "cors": cors, "notification": notification,
		"lock": lock, "sse_s3": serverKeys, "sse_c": customerKeys, "sts": temporaryCredentials,
	}
	client := newClient(t)
	makeBucket(t, client, bucket)
	names := strings.Fields(os.Getenv("STEPS"))
	if len(names) == 0 {
		t.Fatal("STEPS is empty: this is run by TestGo of test/sdk")
	}
	for _, name := range names {
		step := steps[name]
		if step == nil {
			t.Fatalf("there is no step %s", name)
		}
		t.Run(name, func(t *testing.T) { step(t, client) })
	}
}

// newClient is what a program's start makes of the environment: credential,
// region and, for TLS, AWS_CA_BUNDLE.
func newClient(t *testing.T, options ...func(*config.LoadOptions) error) *s3.Client {
	t.Helper()
	cfg, err := config.LoadDefaultConfig(t.Context(), options...)
	must(t, err)
	return s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.BaseEndpoint = aws.String(os.Getenv("ENDPOINT"))
		o.UsePathStyle = true
		o.RetryMaxAttempts = 1 // so that an answer is the server's first
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s: %.300v, want %.300v", what, got, want)
	}
}

// refused wants a call's error to have this code.
func refused(t *testing.T, what, want string, err error) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != want {
		t.Fatalf("%s: %v, want %s", what, err, want)
	}
}

// noise is size bytes without repetition, the same in every run.
func noise(size int) []byte {
	seed := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(size)))
	data := make([]byte, size)
	_, _ = rand.NewChaCha8(seed).Read(data) // documented to return nil always
	return data
}

func makeBucket(t *testing.T, client *s3.Client, name string) {
	t.Helper()
	_, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name})
	must(t, err)
}

// put stores an object and returns its version, if it has one.
func put(t *testing.T, client *s3.Client, bucket, key string, body []byte) string {
	t.Helper()
	out, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(body)})
	must(t, err)
	return aws.ToString(out.VersionId)
}

// get reads an object; an empty version is the latest.
func get(t *testing.T, client *s3.Client, bucket, key, version string) []byte {
	t.Helper()
	in := &s3.GetObjectInput{Bucket: &bucket, Key: &key}
	if version != "" {
		in.VersionId = &version
	}
	out, err := client.GetObject(t.Context(), in)
	must(t, err)
	return read(t, out.Body)
}

func read(t *testing.T, body io.ReadCloser) []byte {
	t.Helper()
	data, err := io.ReadAll(body)
	must(t, err)
	must(t, body.Close())
	return data
}

// answer is what a plain HTTP request got.
type answer struct {
	status int
	header http.Header
	body   string
}

// fetch sends a request without a signature of its own.
func fetch(t *testing.T, method, url string, header http.Header, body []byte) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	must(t, err)
	for name, values := range header {
		if name != "Host" && name != "Content-Length" {
			request.Header[name] = values
		}
	}
	response, err := httpClient(t).Do(request)
	must(t, err)
	return answer{response.StatusCode, response.Header, string(read(t, response.Body))}
}
