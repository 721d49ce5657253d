package object_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/object"
)

// TestEncryptedRace: while one key is written, copied to itself under other keys
// and to another key and back, each read gives one whole content.
func TestEncryptedRace(t *testing.T) {
	t.Parallel()
	s := newEncryptingSite(t)
	ctx := t.Context()
	encryptions := []object.Encryption{
		{Method: object.EncryptedS3}, {Method: object.EncryptedKMS, KeyID: "old"}, {Method: object.EncryptedKMS, KeyID: "new"}, {},
	}
	const rounds = 60
	whole := func(got string) bool {
		return got != "" && got == strings.Repeat(got[:1], len(got)) && (len(got) == 100 || len(got) == 100_000)
	}
	if _, err := s.putEncrypted(ctx, "k", strings.Repeat("a", 100), encryptions[0]); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	each := func(do func(i int) error) {
		wg.Go(func() {
			for i := range rounds {
				if err := do(i); err != nil && !errors.Is(err, object.ErrNoSuchKey) && !errors.Is(err, object.ErrContended) {
					t.Error(err)
					return
				}
			}
		})
	}
	copied := func(from, to string, e object.Encryption) error {
		_, err := s.Copy(ctx, object.CopyInput{
			SourceBucket: "bucket", SourceKey: from, Bucket: "bucket", Key: to, Encryption: e, Replace: true,
		})
		return err
	}
	each(func(i int) error {
		size := []int{100, 100_000}[i%2]
		_, err := s.putEncrypted(ctx, "k", strings.Repeat(string(rune('a'+i%26)), size), encryptions[i%4])
		return err
	})
	each(func(i int) error { return copied("k", "k", encryptions[i%3]) })
	each(func(i int) error { return copied("k", "other", encryptions[(i+1)%4]) })
	each(func(i int) error { return copied("other", "k", encryptions[(i+2)%4]) })
	for range 2 {
		each(func(int) error {
			got, err := s.get(ctx, "bucket", "k")
			if err == nil && !whole(got) {
				t.Errorf("%d bytes of more than one content", len(got))
			}
			return err
		})
	}
	wg.Wait()
	s.CollectAtOnce()
	s.collect(t)
	for _, key := range []string{"k", "other"} {
		if got, err := s.get(ctx, "bucket", key); err != nil || !whole(got) {
			t.Errorf("%s, collected: %d bytes, %v", key, len(got), err)
		}
	}
}

// TestAutoEncrypt: a server told so encrypts what nobody says how to.
func TestAutoEncrypt(t *testing.T) {
	t.Parallel()
	s := newUploadSite(t)
	j, err := journal.Open(t.Context(), s.store)
	if err != nil {
		t.Fatal(err)
	}
	service, err := object.Open(t.Context(), object.Config{
		Store: s.store, Blobs: s.blobs, Journal: j, Keys: masterKeys(t, "new", "old"), AutoEncrypt: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	info, err := service.Put(t.Context(), putInput("bucket", "k", "hello"))
	if err != nil || info.Encryption.Method != object.EncryptedS3 || info.ETag != etag("hello") {
		t.Errorf("%+v, %v", info, err)
	}
	if err := service.SetBucketEncryption(t.Context(), "bucket", &object.BucketEncryption{Method: object.EncryptedKMS}); err != nil {
		t.Fatal(err)
	}
	if info, err = service.Put(t.Context(), putInput("bucket", "k", "hello")); err != nil || info.Encryption.Method != object.EncryptedKMS || info.Encryption.KeyID != "new" {
		t.Errorf("with a default of the bucket: %+v, %v", info, err)
	}
}
