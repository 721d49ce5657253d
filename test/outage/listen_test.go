package outage

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/notification"
	"github.com/minio/minio-go/v7/pkg/signer"

	"github.com/carillon-s3/carillon/test/harness"
)

// listener hears events through the S3 library.
type listener struct {
	t     *testing.T
	infos <-chan notification.Info
}

// next waits for an event of a name and key, and passes over others.
func (l listener) next(name, bucket, key string) notification.Event {
	l.t.Helper()
	ctx, cancel := harness.Bounded(l.t)
	defer cancel()
	for {
		select {
		case info, ok := <-l.infos:
			if !ok || info.Err != nil {
				l.t.Fatalf("the stream ended while %s of %s/%s was awaited: %v", name, bucket, key, info.Err)
			}
			for _, e := range info.Records {
				if e.EventName == name && e.S3.Bucket.Name == bucket && e.S3.Object.Key == key {
					return e
				}
			}
		case <-ctx.Done():
			l.t.Fatalf("no %s of %s/%s within %s", name, bucket, key, harness.Patience)
		}
	}
}

// settle waits until the stream is there: a stream tells only what happens
// after it began, and the library does not say when that is.
func (l listener) settle(client *minio.Client, bucket string) {
	l.t.Helper()
	var mu sync.Mutex
	n := 0
	harness.Poll(l.t, "the first event of the stream", func() error {
		mu.Lock()
		defer mu.Unlock()
		n++
		harness.Put(l.t, client, bucket, fmt.Sprintf("probe-%d", n), []byte("x"))
		select {
		case info, ok := <-l.infos:
			if !ok || info.Err != nil {
				l.t.Fatalf("the stream ended at once: %v", info.Err)
			}
			return nil
		default:
			return fmt.Errorf("%d probes were not heard", n)
		}
	})
}

func TestListenToABucket(t *testing.T) {
	t.Parallel()
	server := harness.Start(t, harness.Options{})
	client := server.Client(t)
	harness.MakeBucket(t, client, bucket)
	harness.MakeBucket(t, client, "other")
	ctx, cancel := harness.Bounded(t)
	defer cancel()
	events := []string{"s3:ObjectCreated:*", "s3:ObjectRemoved:*"}
	l := listener{t, client.ListenBucketNotification(ctx, bucket, "", "", events)}
	l.settle(client, bucket)
	pictures := listener{t, client.ListenBucketNotification(ctx, bucket, "in/", ".jpg", events)}

	harness.Put(t, client, "other", "in/elsewhere.jpg", []byte("x"))
	harness.Put(t, client, bucket, "in/a b+ü.jpg", []byte("picture"))
	e := l.next("s3:ObjectCreated:Put", bucket, "in/a b+ü.jpg")
	if e.S3.Object.Size != int64(len("picture")) || e.S3.Object.Sequencer == "" {
		t.Errorf("event of the object: %+v", e.S3.Object)
	}
	if err := client.RemoveObject(ctx, bucket, "in/a b+ü.jpg", minio.RemoveObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	l.next("s3:ObjectRemoved:Delete", bucket, "in/a b+ü.jpg")
	harness.Poll(t, "the filtered stream", func() error {
		harness.Put(t, client, bucket, "out/no.jpg", []byte("x"))
		harness.Put(t, client, bucket, "in/no.png", []byte("x"))
		harness.Put(t, client, bucket, "in/yes.jpg", []byte("x"))
		select {
		case info := <-pictures.infos:
			for _, r := range info.Records {
				if k := r.S3.Object.Key; !strings.HasPrefix(k, "in/") || !strings.HasSuffix(k, ".jpg") {
					t.Errorf("the filtered stream told of %q", k)
				}
			}
			return nil
		default:
			return fmt.Errorf("nothing heard")
		}
	})
}

func TestListenToTheServer(t *testing.T) {
	t.Parallel()
	for _, spelling := range [][]string{
		{"s3:BucketCreated", "s3:BucketRemoved"},
		{"s3:BucketCreated:*", "s3:BucketRemoved:*"},
	} {
		t.Run(spelling[0], func(t *testing.T) {
			t.Parallel()
			server := harness.Start(t, harness.Options{})
			client := server.Client(t)
			harness.MakeBucket(t, client, bucket)
			ctx, cancel := harness.Bounded(t)
			defer cancel()
			l := listener{t, client.ListenNotification(ctx, "", "", append([]string{"s3:ObjectCreated:*"}, spelling...))}
			l.settle(client, bucket)
			harness.MakeBucket(t, client, "fresh")
			harness.Put(t, client, "fresh", "k", []byte("x"))
			if err := client.RemoveObject(ctx, "fresh", "k", minio.RemoveObjectOptions{}); err != nil {
				t.Fatal(err)
			}
			if err := client.RemoveBucket(ctx, "fresh"); err != nil {
				t.Fatal(err)
			}
			l.next("s3:BucketCreated:*", "fresh", "")
			l.next("s3:ObjectCreated:Put", "fresh", "k")
			l.next("s3:BucketRemoved:*", "fresh", "")
		})
	}
}

// rawListen opens a stream on a connection of its own and returns when its
// header is there. The connection's receive buffer is small until it is widened.
func rawListen(t *testing.T, server *harness.Server, path string, query url.Values) (resp *http.Response, widen func()) {
	t.Helper()
	const small, wide = 4 << 10, 4 << 20
	var conn *net.TCPConn
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if tcp, ok := c.(*net.TCPConn); ok {
			conn = tcp
			err = conn.SetReadBuffer(small)
		}
		return c, err
	}}
	t.Cleanup(transport.CloseIdleConnections)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL()+path+"?"+query.Encode(), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	req = signer.SignV4(*req, harness.RootUser, harness.RootPassword, "", "us-east-1")
	resp, err = (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp, func() {
		if err := conn.SetReadBuffer(wide); err != nil {
			t.Fatal(err)
		}
	}
}

// TestListenPings: an idle stream sends a line at every interval that clients
// can tell from events.
func TestListenPings(t *testing.T) {
	t.Parallel()
	server := harness.Start(t, harness.Options{})
	harness.MakeBucket(t, server.Client(t), bucket)
	for _, path := range []string{"/", "/" + bucket + "/"} {
		resp, _ := rawListen(t, server, path, url.Values{"events": {"s3:ObjectCreated:*"}, "ping": {"1"}})
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
			t.Fatalf("%s: %s %v", path, resp.Status, resp.Header)
		}
		lines := bufio.NewScanner(resp.Body)
		for range 2 {
			if !lines.Scan() || lines.Text() != `{"Records":null}` {
				t.Errorf("%s: line %q, %v", path, lines.Text(), lines.Err())
			}
		}
	}
}

func TestListenRefusals(t *testing.T) {
	t.Parallel()
	server := harness.Start(t, harness.Options{})
	harness.MakeBucket(t, server.Client(t), bucket)
	tests := map[string]struct {
		path  string
		query url.Values
		want  int
	}{
		"unknown event":  {"/" + bucket, url.Values{"events": {"s3:NoSuch:*"}}, http.StatusBadRequest},
		"missing bucket": {"/missing", url.Values{"events": {"s3:ObjectCreated:*"}}, http.StatusNotFound},
		"ping is 0":      {"/" + bucket, url.Values{"events": {"s3:ObjectCreated:*"}, "ping": {"0"}}, http.StatusBadRequest},
		"ping is a word": {"/" + bucket, url.Values{"events": {"s3:ObjectCreated:*"}, "ping": {"x"}}, http.StatusBadRequest},
		"two prefixes":   {"/" + bucket, url.Values{"events": {"s3:ObjectCreated:*"}, "prefix": {"a", "b"}}, http.StatusBadRequest},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if resp, _ := rawListen(t, server, tt.path, tt.query); resp.StatusCode != tt.want {
				t.Errorf("%s, want %d", resp.Status, tt.want)
			}
		})
	}
}

// TestSlowListenerMissesNothing: a client that does not read for a while gets
// every event afterwards, or a line that says that some are missing; no PUT
// waits for it.
func TestSlowListenerMissesNothing(t *testing.T) {
	t.Parallel()
	const (
		puts = 2000
		// padding makes the events larger than what the sockets hold.
		padding = 1900
	)
	server := harness.Start(t, harness.Options{})
	client := server.Client(t)
	harness.MakeBucket(t, client, bucket)
	resp, widen := rawListen(t, server, "/"+bucket, url.Values{"events": {"s3:ObjectCreated:*"}, "ping": {"1"}})
	putPadded(t, client, puts, strings.Repeat("x", padding))
	widen()

	heard, gaps := make(map[string]bool), 0
	lines := bufio.NewReaderSize(resp.Body, 64<<10)
	for len(heard) < puts && gaps == 0 {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			t.Fatalf("the stream ended after %d of %d events without a word: %v", len(heard), puts, err)
		}
		var info struct {
			Records []harness.Record
			Gap     bool
		}
		if err := json.Unmarshal(bytes.TrimSpace(line), &info); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		if info.Gap {
			gaps++
		}
		for _, r := range info.Records {
			heard[r.S3.Object.Key] = true
		}
	}
	harness.Report(t, "listen: a client that read nothing during %d PUTs: %d heard, %d gaps told", puts, len(heard), gaps)
}

func putPadded(t *testing.T, client *minio.Client, puts int, pad string) {
	t.Helper()
	const workers = 8
	var group sync.WaitGroup
	errs := make([]error, workers)
	for w := range workers {
		group.Go(func() {
			for i := w; i < puts && errs[w] == nil; i += workers {
				_, errs[w] = client.PutObject(t.Context(), bucket, fmt.Sprintf("k%05d", i), strings.NewReader("x"), 1,
					minio.PutObjectOptions{UserMetadata: map[string]string{"Pad": pad}})
			}
		})
	}
	group.Wait()
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		t.Fatal(errs[i])
	}
}
