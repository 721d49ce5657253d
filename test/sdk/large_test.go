package sdk

import (
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/carillon-s3/carillon/test/harness"
)

const (
	largePart = 64 << 20
	// maxPeak bounds the memory of the server whatever the object's size. It is a
	// few times what was measured, since the race detector takes its share.
	maxPeak = 512 << 20
)

// TestLargeObject uploads a stream in parts and reads it back: the digest is the
// same, and the server's memory does not follow the size.
func TestLargeObject(t *testing.T) {
	server := harness.Start(t, harness.Options{})
	harness.MakeBucket(t, server.Client(t), "bucket")
	client, err := minio.New(server.Address, &minio.Options{
		Creds:  credentials.NewStaticV4(harness.RootUser, harness.RootPassword, ""),
		Region: "us-east-1", TrailingHeaders: true, MaxRetries: 1,
	})
	if err != nil {
		t.Fatal(err)
	}

	sent, received := sha256.New(), sha256.New()
	stream := io.TeeReader(io.LimitReader(rand.NewChaCha8([32]byte{20}), largeObject), sent)
	started := time.Now()
	info, err := client.PutObject(t.Context(), "bucket", "large", stream, largeObject, minio.PutObjectOptions{
		PartSize: largePart, Checksum: minio.ChecksumCRC64NVME, DisableContentSha256: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	stored := time.Now()
	object, err := client.GetObject(t.Context(), "bucket", "large", minio.GetObjectOptions{Checksum: true})
	if err != nil {
		t.Fatal(err)
	}
	defer object.Close()
	n, err := io.Copy(received, object) // the client compares the checksum too
	if err != nil || n != largeObject {
		t.Fatalf("%d bytes came back, %v", n, err)
	}
	if got, want := received.Sum(nil), sent.Sum(nil); string(got) != string(want) {
		t.Errorf("SHA-256 %x came back, %x was sent", got, want)
	}
	peak := harness.PeakMemory(t, server.Pid())
	if peak > maxPeak {
		t.Errorf("the server took %d MiB", peak>>20)
	}
	harness.Report(t, "object of %d MiB in parts: ETag %s, CRC64NVME %s, SHA-256 %x; up %.0f s, down %.0f s; server's peak %d MiB",
		largeObject>>20, info.ETag, info.ChecksumCRC64NVME, sent.Sum(nil),
		stored.Sub(started).Seconds(), time.Since(stored).Seconds(), peak>>20)
}
