package events

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/signer"

	"github.com/carillon-s3/carillon/test/harness"
)

// heard reads the next event that `carillon events listen --json` prints.
func (r *running) heard() (key string) {
	r.t.Helper()
	line, err := r.stdout.ReadBytes('\n')
	if err != nil {
		r.t.Fatalf("no event: %v\n%s", err, r.stderr.String())
	}
	var l struct{ Records []harness.Record }
	if err := json.Unmarshal(line, &l); err != nil || len(l.Records) != 1 {
		r.t.Fatalf("%q: %v", line, err)
	}
	return l.Records[0].S3.Object.Key
}

// hear wants exactly the events of these keys, in any order.
func (r *running) hear(keys []string) {
	r.t.Helper()
	want := make(map[string]bool)
	for _, key := range keys {
		want[strings.TrimPrefix(key, bucket+"/")] = true
	}
	for range keys {
		key := r.heard()
		if !want[key] {
			r.t.Fatalf("heard of %s, which was heard before, or did not happen", key)
		}
		delete(want, key)
	}
}

// TestListenerResumes: what happens while nobody listens is heard afterwards,
// also if the server is killed meanwhile, and nothing is heard twice once the
// position behind it was kept.
func TestListenerResumes(t *testing.T) {
	t.Parallel()
	server := harness.Start(t, harness.Options{})
	client := server.Client(t)
	harness.MakeBucket(t, client, bucket)
	harness.MakeBucket(t, client, "other")
	file := filepath.Join(t.TempDir(), "position")
	position := func() string {
		token, err := os.ReadFile(file)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return string(token)
	}
	// settle waits for a position behind all that was heard: the next one, for
	// which an event that is not asked for sees.
	settle := func(from string) {
		t.Helper()
		harness.Put(t, client, "other", "x", []byte("v"))
		harness.Poll(t, "another position", func() error {
			if position() == from {
				return os.ErrNotExist
			}
			return nil
		})
	}
	args := []string{"listen", bucket, "--since", file, "--json"}
	listener := begin(t, server, args...)
	settle("")
	listener.hear(harness.PutMany(t, client, bucket, "first", 30))
	settle(position())
	listener.stop()

	second := harness.PutMany(t, client, bucket, "second", 30)
	server.Kill()
	server.Restart()
	listener = begin(t, server, args...)
	listener.hear(second)
	settle(position())

	server.Kill()
	server.Restart()
	third := harness.PutMany(t, client, bucket, "third", 30)
	listener.hear(third)
	listener.stop()
}

// sinceTransport adds since= to the requests of the S3 library.
type sinceTransport struct{ since string }

func (s sinceTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Query().Has("events") {
		query := req.URL.Query()
		query.Set("since", s.since)
		clone := req.Clone(req.Context())
		clone.URL.RawQuery = query.Encode()
		clone.Header.Del("Authorization")
		req = signer.SignV4(*clone, harness.RootUser, harness.RootPassword, "", "us-east-1")
	}
	return http.DefaultTransport.RoundTrip(req)
}

// TestLibraryPassesOverTokens: the lines that are ours do not disturb the S3
// library, which knows nothing of them.
func TestLibraryPassesOverTokens(t *testing.T) {
	t.Parallel()
	server := harness.Start(t, harness.Options{})
	harness.MakeBucket(t, server.Client(t), bucket)
	since := now()
	client, err := minio.New(server.Address, &minio.Options{
		Creds:  credentials.NewStaticV4(harness.RootUser, harness.RootPassword, ""),
		Region: "us-east-1", Transport: sinceTransport{since},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := harness.PutMany(t, server.Client(t), bucket, "k", 20)
	ctx, cancel := harness.Bounded(t)
	defer cancel()
	got := 0
	for info := range client.ListenBucketNotification(ctx, bucket, "", "", []string{"s3:ObjectCreated:*"}) {
		if info.Err != nil {
			t.Fatal(info.Err)
		}
		if got += len(info.Records); got == 2*len(want) {
			break
		}
		if got == len(want) && len(info.Records) > 0 {
			// Behind tokens of the past come events of now.
			harness.PutMany(t, server.Client(t), bucket, "l", len(want))
		}
	}
	if got != 2*len(want) {
		t.Errorf("%d events", got)
	}
	// What the library saw on the wire.
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL()+"/"+bucket+"/?events=s3:ObjectCreated:*", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	resp, err := sinceTransport{since}.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var seen bytes.Buffer
	buf := make([]byte, 32<<10)
	for !bytes.Contains(seen.Bytes(), []byte(`"Token":"`)) {
		n, err := resp.Body.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		seen.Write(buf[:n])
	}
}
