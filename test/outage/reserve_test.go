package outage

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/signer"

	"github.com/carillon-s3/carillon/test/harness"
)

// Lines of log that say when writes stop and return.
const (
	writesStop   = "free space is below the reserve: writes are refused"
	writesReturn = "there is free space again: writes are accepted"
)

// fullMessage is in what users are told.
const fullMessage = "too little free space"

// reserved is a server on a disk that can be brought to its reserve.
type reserved struct {
	t        *testing.T
	server   *harness.Server
	client   *minio.Client
	receiver *harness.Receiver
	// taking is how many bytes bring the disk as far below the reserve as it was
	// above. Others write to the disk too: that far is far enough.
	taking int64
}

func startReserved(t *testing.T) *reserved {
	t.Helper()
	const (
		// part of the free space is taken, and no more than most.
		part = 3
		most = 16 << 30
	)
	s := &reserved{t: t, receiver: harness.NewReceiver(t)}
	dir := t.TempDir()
	free := harness.FreeSpace(t, dir)
	taking := min(free/part, most)
	s.taking = int64(taking)
	env := append(harness.WebhookEnv("1", s.receiver.URL()), fmt.Sprintf("CARILLON_RESERVE_BYTES=%d", free-taking/2))
	s.server = harness.Start(t, harness.Options{Dir: dir, Env: env})
	s.client = s.server.Client(t)
	harness.MakeBucket(t, s.client, bucket, all("1"))
	return s
}

// fill brings the disk below the reserve, until give.
func (s *reserved) fill() (give func()) {
	s.t.Helper()
	give = harness.Occupy(s.t, s.server.Dir, s.taking)
	s.server.Output.WaitFor(s.t, writesStop)
	return give
}

// health asks for the status of a health check.
func (s *reserved) health(path string) int {
	s.t.Helper()
	client := &http.Client{Timeout: harness.Patience, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(s.server.URL() + "/minio/health/" + path)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func (s *reserved) wantHealth(cluster int) {
	s.t.Helper()
	for path, want := range map[string]int{"live": http.StatusOK, "ready": http.StatusOK, "cluster/read": http.StatusOK, "cluster": cluster} {
		if got := s.health(path); got != want {
			s.t.Errorf("/minio/health/%s: %d, want %d", path, got, want)
		}
	}
}

// TestDiskAtItsReserve: writes are refused with a clear error, deletes and
// delivery go on, and writes return when space does. Not parallel: another test
// that takes space would move the reserve of this one.
func TestDiskAtItsReserve(t *testing.T) {
	s := startReserved(t)
	core := minio.Core{Client: s.client}
	ctx, cancel := harness.Bounded(t)
	defer cancel()
	s.receiver.Down() // what is delivered later was written now
	keys := harness.PutMany(t, s.client, bucket, "k", 30)
	upload, err := core.NewMultipartUpload(ctx, bucket, "upload", minio.PutObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	part, err := core.PutObjectPart(ctx, bucket, "upload", upload, 1, strings.NewReader("part"), 4, minio.PutObjectPartOptions{})
	if err != nil {
		t.Fatal(err)
	}
	parts := []minio.CompletePart{{PartNumber: 1, ETag: part.ETag}}
	s.wantHealth(http.StatusOK)

	give := s.fill()
	s.refusesWrites(ctx, upload, parts)
	s.refusesUnread()
	s.wantHealth(http.StatusServiceUnavailable)
	s.mcIsToldClearly()
	s.reads(ctx, upload)
	s.deletes(ctx)

	s.receiver.Up(t)
	s.receiver.WaitKeys(t, keys)
	s.waitRemoved("k-0000", "k-0001", "k-0002", "k-0003")
	s.acknowledgementsLast(ctx)

	give()
	s.server.Output.WaitFor(t, writesReturn)
	s.wantHealth(http.StatusOK)
	harness.Put(t, s.client, bucket, "after", []byte("x"))
	if _, err := core.CompleteMultipartUpload(ctx, bucket, "upload", upload, parts, minio.PutObjectOptions{}); err != nil {
		t.Errorf("complete the upload that was begun before: %v", err)
	}
	s.receiver.WaitKeys(t, []string{bucket + "/after", bucket + "/upload"})
}

// refusesWrites tries everything that needs space.
func (s *reserved) refusesWrites(ctx context.Context, upload string, parts []minio.CompletePart) {
	s.t.Helper()
	core := minio.Core{Client: s.client}
	from := minio.CopySrcOptions{Bucket: bucket, Object: "k-0005"}
	for name, write := range map[string]func() error{
		"PutObject": func() error {
			_, err := s.client.PutObject(ctx, bucket, "new", strings.NewReader("x"), 1, minio.PutObjectOptions{})
			return err
		},
		"CopyObject": func() error {
			_, err := s.client.CopyObject(ctx, minio.CopyDestOptions{Bucket: bucket, Object: "new"}, from)
			return err
		},
		"CreateMultipartUpload": func() error {
			_, err := core.NewMultipartUpload(ctx, bucket, "new", minio.PutObjectOptions{})
			return err
		},
		"UploadPart": func() error {
			_, err := core.PutObjectPart(ctx, bucket, "upload", upload, 2, strings.NewReader("x"), 1, minio.PutObjectPartOptions{})
			return err
		},
		"UploadPartCopy": func() error {
			_, err := core.CopyObjectPart(ctx, bucket, "k-0005", bucket, "upload", upload, 2, 0, -1, nil)
			return err
		},
		"CompleteMultipartUpload": func() error {
			_, err := core.CompleteMultipartUpload(ctx, bucket, "upload", upload, parts, minio.PutObjectOptions{})
			return err
		},
		"CreateBucket": func() error { return s.client.MakeBucket(ctx, "another", minio.MakeBucketOptions{}) },
	} {
		if err := write(); !refusedForSpace(err) {
			s.t.Errorf("%s was answered %v", name, err)
		}
	}
}

// refusesUnread sends the header of a PUT and no byte of its body: the answer
// must not wait for that.
func (s *reserved) refusesUnread() {
	s.t.Helper()
	body, never := io.Pipe()
	defer func() { _ = never.Close() }()
	if err := s.putRaw(body); !refusedForSpace(err) {
		s.t.Errorf("a PUT whose body does not come was answered %v", err)
	}
}

// putBytes is what putRaw announces.
const putBytes = 1 << 30

// putRaw sends a PUT whose body may be slow, and returns the answer, which may
// come before its end: nil, or what was refused.
func (s *reserved) putRaw(body io.Reader) error {
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPut, s.server.URL()+"/"+bucket+"/large", body)
	if err != nil {
		return err
	}
	req.ContentLength = putBytes
	req.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	req = signer.SignV4(*req, harness.RootUser, harness.RootPassword, "", "us-east-1")
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	refused := minio.ErrorResponse{StatusCode: resp.StatusCode}
	if err := xml.NewDecoder(resp.Body).Decode(&refused); err != nil {
		return fmt.Errorf("%s without a document: %w", resp.Status, err)
	}
	return refused
}

// refusedForSpace says whether an error is the documented one.
func refusedForSpace(err error) bool {
	refused := minio.ToErrorResponse(err)
	return refused.StatusCode == http.StatusInsufficientStorage && refused.Code == "XMinioStorageFull" && strings.Contains(refused.Message, fullMessage)
}

// mcIsToldClearly copies files of every size that `mc` treats in its own way.
func (s *reserved) mcIsToldClearly() {
	s.t.Helper()
	mc := harness.NewMC(s.t).Alias("site", s.server)
	for _, size := range []int{10, 1 << 20, 80 << 20} {
		name := filepath.Join(s.t.TempDir(), "file")
		if err := os.WriteFile(name, make([]byte, size), 0o600); err != nil {
			s.t.Fatal(err)
		}
		if out := mc.Refused("cp", name, "site/"+bucket+"/file"); !strings.Contains(out, fullMessage) {
			s.t.Errorf("mc cp of %d bytes printed %q", size, out)
		}
	}
	if out := mc.Refused("mb", "site/another"); !strings.Contains(out, fullMessage) {
		s.t.Errorf("mc mb printed %q", out)
	}
	mc.OK("rm", "site/"+bucket+"/k-0000")
}

// reads asks for everything that changes nothing.
func (s *reserved) reads(ctx context.Context, upload string) {
	s.t.Helper()
	object, _, _, err := minio.Core{Client: s.client}.GetObject(ctx, bucket, "k-0005", minio.GetObjectOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = object.Close() }()
	if b, err := io.ReadAll(object); err != nil || !bytes.Equal(b, []byte("k-0005")) {
		s.t.Errorf("GET: %q, %v", b, err)
	}
	n := 0
	for o := range s.client.ListObjects(ctx, bucket, minio.ListObjectsOptions{Recursive: true}) {
		if o.Err != nil {
			s.t.Fatal(o.Err)
		}
		n++
	}
	const left = 29
	if n != left {
		s.t.Errorf("LIST shows %d objects, want %d", n, left)
	}
	if p, err := (minio.Core{Client: s.client}).ListObjectParts(ctx, bucket, "upload", upload, 0, 10); err != nil || len(p.ObjectParts) != 1 {
		s.t.Errorf("ListParts: %v, %v", p.ObjectParts, err)
	}
}

// deletes removes objects one by one and several at once.
func (s *reserved) deletes(ctx context.Context) {
	s.t.Helper()
	if err := s.client.RemoveObject(ctx, bucket, "k-0001", minio.RemoveObjectOptions{}); err != nil {
		s.t.Errorf("DELETE: %v", err)
	}
	objects := make(chan minio.ObjectInfo, 2)
	objects <- minio.ObjectInfo{Key: "k-0002"}
	objects <- minio.ObjectInfo{Key: "k-0003"}
	close(objects)
	for result := range s.client.RemoveObjectsWithResult(ctx, bucket, objects, minio.RemoveObjectsOptions{}) {
		if result.Err != nil {
			s.t.Errorf("DeleteObjects: %s: %v", result.ObjectName, result.Err)
		}
	}
	for _, key := range []string{"k-0000", "k-0001", "k-0002", "k-0003"} {
		if _, err := s.client.StatObject(ctx, bucket, key, minio.StatObjectOptions{}); minio.ToErrorResponse(err).Code != minio.NoSuchKey {
			s.t.Errorf("%s was deleted; HEAD gives %v", key, err)
		}
	}
}

// waitRemoved waits for the events of deletes.
func (s *reserved) waitRemoved(keys ...string) {
	s.t.Helper()
	s.receiver.Wait(s.t, "the events of deletes", func(all []harness.Delivery) bool {
		return !slices.ContainsFunc(keys, func(key string) bool {
			return !slices.ContainsFunc(all, func(d harness.Delivery) bool {
				return d.Accepted() && d.Key == bucket+"/"+key && d.EventName == "s3:ObjectRemoved:Delete"
			})
		})
	})
}

// acknowledgementsLast restarts the server below its reserve. It must start, go
// on to deliver, and not repeat what was acknowledged.
func (s *reserved) acknowledgementsLast(ctx context.Context) {
	s.t.Helper()
	if code := s.server.Terminate(); code != 0 {
		s.t.Errorf("exit code %d after SIGTERM", code)
	}
	s.server.Relaunch()
	harness.Poll(s.t, "the server to be ready", func() error {
		resp, err := (&http.Client{Timeout: time.Second}).Get(s.server.URL() + "/minio/health/ready")
		if err == nil {
			err = resp.Body.Close()
		}
		return err
	})
	if err := s.client.RemoveObject(ctx, bucket, "k-0004", minio.RemoveObjectOptions{}); err != nil {
		s.t.Errorf("DELETE after a restart: %v", err)
	}
	s.waitRemoved("k-0004")
	times := make(map[string]int)
	for _, d := range s.receiver.Accepted() {
		if times[d.ID]++; times[d.ID] > 1 {
			s.t.Errorf("%s of %s was acknowledged and came again", d.EventName, d.Key)
		}
	}
	s.wantHealth(http.StatusServiceUnavailable)
}

// TestDiskReachesItsReserveDuringAPut: bodies that were admitted before must not
// use up the reserve. A client that is sending is told so, and nothing stays. Not
// parallel, as TestDiskAtItsReserve.
func TestDiskReachesItsReserveDuringAPut(t *testing.T) {
	s := startReserved(t)
	body, send := io.Pipe()
	answer := make(chan error, 1)
	go func() {
		err := s.putRaw(body)
		_ = body.CloseWithError(io.ErrClosedPipe) // ends the sending
		answer <- err
	}()
	const first = 1 << 20
	if _, err := io.CopyN(send, zeros{}, first); err != nil {
		t.Fatal(err)
	}
	give := s.fill()
	defer give()
	more, _ := io.CopyN(send, zeros{}, putBytes-first)
	_ = send.Close()
	if err := <-answer; !refusedForSpace(err) {
		t.Errorf("answered %v after %d of %d bytes", err, first+more, int64(putBytes))
	}
	ctx, cancel := harness.Bounded(t)
	defer cancel()
	if _, err := s.client.StatObject(ctx, bucket, "large", minio.StatObjectOptions{}); minio.ToErrorResponse(err).Code != minio.NoSuchKey {
		t.Errorf("HEAD of what was refused: %v", err)
	}
}

// zeros are bytes without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
