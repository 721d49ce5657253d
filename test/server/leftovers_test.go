package server

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"

	"github.com/carillon-s3/carillon/test/harness"
)

// stored are the files of object bytes, with their sizes.
func stored(t *testing.T, s *harness.Server) map[string]int64 {
	t.Helper()
	files := map[string]int64{}
	err := filepath.WalkDir(filepath.Join(s.Dir, "blobs"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "format" {
			return err
		}
		info, err := d.Info()
		if err == nil {
			files[d.Name()] = info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// sum is the number of bytes of files.
func sum(files map[string]int64) (n int64) {
	for size := range maps.Values(files) {
		n += size
	}
	return n
}

// metric reads one that has a single series.
func metric(t *testing.T, s *harness.Server, name string) float64 {
	t.Helper()
	m, _ := s.Scrape(t, "/metrics", "")
	value, err := m.Value(name)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// TestBytesCutOffByKillsAreRemoved: large PUTs are cut off by kill -9, again and
// again, and in the end the disk holds what the objects need and nothing else.
func TestBytesCutOffByKillsAreRemoved(t *testing.T) {
	t.Parallel()
	const rounds, width, bucket = 3, 4, "bucket"
	s := harness.Start(t, harness.Options{Env: []string{"MINIO_PROMETHEUS_AUTH_TYPE=public"}})
	harness.MakeBucket(t, s.Client(t), bucket)
	core := &minio.Core{Client: s.Client(t)}
	upload, err := core.NewMultipartUpload(t.Context(), bucket, "parts", minio.PutObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	body := bytes.Repeat([]byte("p"), 1<<20)
	part, err := core.PutObjectPart(t.Context(), bucket, "parts", upload, 1, bytes.NewReader(body), int64(len(body)), minio.PutObjectPartOptions{})
	if err != nil {
		t.Fatal(err)
	}
	wanted, removed := stored(t, s), int64(0)
	for round := range rounds {
		key := fmt.Sprintf("whole-%d", round)
		harness.Put(t, s.Client(t), bucket, key, body)
		wanted = stored(t, s)
		for n := range width {
			startUpload(t, s, bucket, fmt.Sprintf("cut-%d-%d", round, n))
		}
		// What the server has read may not have reached the files yet.
		harness.Poll(t, "bytes of the uploads to be on disk", func() error {
			if files := stored(t, s); len(files) < len(wanted)+width || sum(files) == sum(wanted) {
				return fmt.Errorf("%d files of %d bytes", len(files), sum(files))
			}
			return nil
		})
		s.Kill()
		left := sum(stored(t, s)) - sum(wanted)
		if left <= 0 {
			t.Fatalf("round %d: nothing was left behind", round)
		}
		removed += left
		s.Restart()
		harness.Poll(t, "the sweep to end", func() error {
			if metric(t, s, "carillon_leftovers_swept") != 1 {
				return fmt.Errorf("not yet")
			}
			return nil
		})
		if diff := cmp.Diff(wanted, stored(t, s)); diff != "" {
			t.Errorf("round %d: the disk does not hold what the objects need: %s", round, diff)
		}
		if got := int64(metric(t, s, "carillon_leftover_bytes_removed_total")); got != left {
			t.Errorf("round %d: %d bytes were counted, %d were left behind", round, got, left)
		}
	}
	harness.Report(t, "leftovers: %d kills amid %d uploads left %d bytes behind; all were removed", rounds, rounds*width, removed)
	core = &minio.Core{Client: s.Client(t)}
	if _, err := core.CompleteMultipartUpload(t.Context(), bucket, "parts", upload, []minio.CompletePart{{PartNumber: 1, ETag: part.ETag}}, minio.PutObjectOptions{}); err != nil {
		t.Errorf("an upload that was under way: %v", err)
	}
	for object := range core.Client.ListObjects(t.Context(), bucket, minio.ListObjectsOptions{}) {
		o, err := core.Client.GetObject(t.Context(), bucket, object.Key, minio.GetObjectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if _, err := got.ReadFrom(o); err != nil || !bytes.Equal(got.Bytes(), body) {
			t.Errorf("%s holds %d bytes, %v", object.Key, got.Len(), err)
		}
	}
}

// TestStaleUploadsAreAborted: an upload that nobody goes on with is given up
// after the time that MinIO's variables say.
func TestStaleUploadsAreAborted(t *testing.T) {
	t.Parallel()
	const bucket = "bucket"
	s := harness.Start(t, harness.Options{Env: []string{"MINIO_PROMETHEUS_AUTH_TYPE=public"}})
	harness.MakeBucket(t, s.Client(t), bucket)
	core := &minio.Core{Client: s.Client(t)}
	id, err := core.NewMultipartUpload(t.Context(), bucket, "k", minio.PutObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := core.PutObjectPart(t.Context(), bucket, "k", id, 1, bytes.NewReader([]byte("x")), 1, minio.PutObjectPartOptions{}); err != nil {
		t.Fatal(err)
	}
	if code := s.Terminate(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	s.Restart("MINIO_API_STALE_UPLOADS_EXPIRY=1s", "MINIO_API_STALE_UPLOADS_CLEANUP_INTERVAL=1s")
	core = &minio.Core{Client: s.Client(t)}
	harness.Poll(t, "the upload to be given up", func() error {
		page, err := core.ListMultipartUploads(t.Context(), bucket, "", "", "", "", 10)
		if err != nil || len(page.Uploads) > 0 {
			return fmt.Errorf("%d uploads, %w", len(page.Uploads), err)
		}
		return nil
	})
	harness.Poll(t, "the upload to be counted", func() error {
		if n := metric(t, s, "carillon_stale_uploads_aborted_total"); n != 1 {
			return fmt.Errorf("%v are counted", n)
		}
		return nil
	})
	_, err = core.ListObjectParts(t.Context(), bucket, "k", id, 0, 10)
	if code := minio.ToErrorResponse(err).Code; code != "NoSuchUpload" {
		t.Errorf("its parts: %v", err)
	}
}
