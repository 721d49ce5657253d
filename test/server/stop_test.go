package server

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/signer"

	"github.com/carillon-s3/carillon/test/harness"
)

// upload is a PUT whose body waits half-way.
type upload struct {
	body *io.PipeWriter
	done chan error
}

// startUpload begins a PUT and returns when the server has read half of it.
func startUpload(t *testing.T, s *harness.Server, bucket, key string) *upload {
	t.Helper()
	const half = 1 << 20 // more than the sockets hold, so that written means read
	r, w := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.URL()+"/"+bucket+"/"+url.PathEscape(key), r)
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = 2 * half
	req.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	req = signer.SignV4(*req, harness.RootUser, harness.RootPassword, "", "us-east-1")
	u := &upload{body: w, done: make(chan error, 1)}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	go func() {
		resp, err := (&http.Client{Transport: transport}).Do(req)
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				err = errors.New(resp.Status)
			}
		}
		_ = r.CloseWithError(errors.New("the request ended"))
		u.done <- err
	}()
	t.Cleanup(func() { _ = w.CloseWithError(io.ErrUnexpectedEOF) })
	if _, err := w.Write(bytes.Repeat([]byte("x"), half)); err != nil {
		t.Fatalf("the first half: %v", err)
	}
	return u
}

// finish sends the other half and returns the answer.
func (u *upload) finish() error {
	if _, err := u.body.Write(bytes.Repeat([]byte("y"), 1<<20)); err != nil {
		return errors.Join(err, <-u.done)
	}
	_ = u.body.Close()
	return <-u.done
}

// TestStopFinishesRequests: SIGTERM lets an upload end, and its event is kept.
func TestStopFinishesRequests(t *testing.T) {
	t.Parallel()
	receiver := harness.NewReceiver(t)
	receiver.Down()
	s := harness.Start(t, harness.Options{Env: harness.WebhookEnv("1", receiver.URL())})
	harness.MakeBucket(t, s.Client(t), "bucket", harness.Rule{ARN: harness.WebhookARN("1"), Events: harness.AllChanges()})
	u := startUpload(t, s, "bucket", "k")
	s.Signal(harness.Term)
	s.Output.WaitFor(t, "stopping")
	if err := u.finish(); err != nil {
		t.Errorf("the upload under way was answered: %v", err)
	}
	if code := s.WaitExit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	receiver.Up(t)
	s.Restart()
	receiver.WaitKey(t, "bucket/k")
}

// TestStopIsBounded: neither an upload that never ends, nor a listener, nor a
// receiver that never answers holds the process beyond its bound.
func TestStopIsBounded(t *testing.T) {
	t.Parallel()
	receiver := harness.NewReceiver(t)
	receiver.Behave(harness.Hang)
	s := harness.Start(t, harness.Options{
		Env: harness.WebhookEnv("1", receiver.URL()), Args: []string{"--shutdown-timeout", "2s"},
	})
	client := s.Client(t)
	harness.MakeBucket(t, client, "bucket", harness.Rule{ARN: harness.WebhookARN("1"), Events: harness.AllChanges()})
	ctx, cancel := harness.Bounded(t)
	defer cancel()
	infos := client.ListenBucketNotification(ctx, "bucket", "", "", []string{"s3:ObjectCreated:*"})
	harness.Put(t, client, "bucket", "k", []byte("x"))
	receiver.Wait(t, "a delivery under way", func(all []harness.Delivery) bool { return len(all) > 0 })
	u := startUpload(t, s, "bucket", "endless")
	begun := time.Now()
	s.Signal(harness.Term)
	s.WaitExit()
	harness.Report(t, "stop: with an upload, a delivery and a listener that never end, bound 2 s: %.1f s", time.Since(begun).Seconds())
	if err := u.finish(); err == nil {
		t.Error("an upload that was cut off was answered 200")
	}
	cancel()
	for range infos { // ends with its context
	}
	receiver.Behave(harness.Accept)
	s.Restart()
	receiver.WaitKey(t, "bucket/k")
	if _, err := s.Client(t).StatObject(t.Context(), "bucket", "endless", minio.StatObjectOptions{}); err == nil {
		t.Error("an upload that was cut off is there")
	}
}

// TestStopWithIdleServer: SIGTERM and SIGINT end an idle server with code 0.
func TestStopWithIdleServer(t *testing.T) {
	t.Parallel()
	for name, signal := range map[string]harness.StopSignal{"SIGTERM": harness.Term, "SIGINT": harness.Interrupt} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := harness.Start(t, harness.Options{})
			s.Signal(signal)
			if code := s.WaitExit(); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}
