package harness

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/notification"
)

// Client returns an S3 client that tries once, so that its answer is the
// server's.
func (s *Server) Client(t testing.TB) *minio.Client {
	t.Helper()
	return s.ClientOf(t, ClientOptions{})
}

// ClientOptions say what differs from Client.
type ClientOptions struct {
	// Tries is how often a request is sent at most; 0 is once. Users' programs
	// have the library's default, LibraryTries.
	Tries int
	// Wrap, if not nil, is put around the transport.
	Wrap func(http.RoundTripper) http.RoundTripper
}

// LibraryTries is how often the S3 library sends a request unless told otherwise.
const LibraryTries = 10

// ClientOf returns an S3 client.
func (s *Server) ClientOf(t testing.TB, o ClientOptions) *minio.Client {
	t.Helper()
	transport := &http.Transport{
		MaxIdleConnsPerHost:   64,
		ResponseHeaderTimeout: Patience,
		DisableCompression:    true,
		TLSClientConfig:       s.options.Authority.ClientTLS(),
		ForceAttemptHTTP2:     s.options.Authority != nil,
	}
	t.Cleanup(transport.CloseIdleConnections)
	options := &minio.Options{
		Creds:      credentials.NewStaticV4(RootUser, RootPassword, ""),
		Region:     "us-east-1",
		Secure:     s.options.Authority != nil,
		Transport:  transport,
		MaxRetries: max(o.Tries, 1),
	}
	if o.Wrap != nil {
		options.Transport = o.Wrap(transport)
	}
	c, err := minio.New(s.Address, options)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// WebhookEnv configures a webhook target by the guide's variables.
func WebhookEnv(id, endpoint string, more ...string) []string {
	env := []string{
		"MINIO_NOTIFY_WEBHOOK_ENABLE_" + id + "=on",
		"MINIO_NOTIFY_WEBHOOK_ENDPOINT_" + id + "=" + endpoint,
	}
	for i := 0; i+1 < len(more); i += 2 {
		env = append(env, "MINIO_NOTIFY_WEBHOOK_"+more[i]+"_"+id+"="+more[i+1])
	}
	return env
}

// WebhookARN is the ARN of a webhook target.
func WebhookARN(id string) string { return "arn:minio:sqs::" + id + ":webhook" }

// Rule sends the events of a bucket to a target.
type Rule struct {
	ARN            string
	Events         []notification.EventType
	Prefix, Suffix string
}

// AllChanges are the events of creations and removals.
func AllChanges() []notification.EventType {
	return []notification.EventType{notification.ObjectCreatedAll, notification.ObjectRemovedAll}
}

// MakeBucket makes a bucket with these rules.
func MakeBucket(t testing.TB, c *minio.Client, bucket string, rules ...Rule) {
	t.Helper()
	ctx, cancel := Bounded(t)
	defer cancel()
	if err := c.MakeBucket(ctx, bucket, minio.MakeBucketOptions{}); err != nil {
		t.Fatalf("make bucket %s: %v", bucket, err)
	}
	SetRules(t, c, bucket, rules...)
}

// SetRules replaces the rules of a bucket.
func SetRules(t testing.TB, c *minio.Client, bucket string, rules ...Rule) {
	t.Helper()
	ctx, cancel := Bounded(t)
	defer cancel()
	var config notification.Configuration
	for _, r := range rules {
		arn, err := notification.NewArnFromString(r.ARN)
		if err != nil {
			t.Fatal(err)
		}
		queue := notification.NewConfig(arn)
		queue.AddEvents(r.Events...)
		if r.Prefix != "" {
			queue.AddFilterPrefix(r.Prefix)
		}
		if r.Suffix != "" {
			queue.AddFilterSuffix(r.Suffix)
		}
		config.AddQueue(queue)
	}
	if err := c.SetBucketNotification(ctx, bucket, config); err != nil {
		t.Fatalf("set the rules of %s: %v", bucket, err)
	}
}

// Put stores an object.
func Put(t testing.TB, c *minio.Client, bucket, key string, body []byte) minio.UploadInfo {
	t.Helper()
	ctx, cancel := Bounded(t)
	defer cancel()
	info, err := c.PutObject(ctx, bucket, key, bytes.NewReader(body), int64(len(body)), minio.PutObjectOptions{})
	if err != nil {
		t.Fatalf("put %s/%s: %v", bucket, key, err)
	}
	return info
}

// PutMany stores n small objects PREFIX-0000 … and returns them as bucket/key.
func PutMany(t testing.TB, c *minio.Client, bucket, prefix string, n int) []string {
	t.Helper()
	keys := make([]string, n)
	for i := range keys {
		key := fmt.Sprintf("%s-%04d", prefix, i)
		Put(t, c, bucket, key, []byte(key))
		keys[i] = bucket + "/" + key
	}
	return keys
}

// Bounded is a context that ends when Patience is over.
func Bounded(t testing.TB) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), Patience)
}

// Since is a duration in milliseconds, for reports.
func Since(from, to time.Time) float64 {
	return float64(to.Sub(from).Microseconds()) / 1000
}
