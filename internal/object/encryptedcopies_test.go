package object_test

import (
	"bytes"
	"testing"

	"github.com/carillon-s3/carillon/internal/checksum"
	"github.com/carillon-s3/carillon/internal/object"
)

// TestEncryptedCopies: from every method to every method, inlined, stored and in
// parts, and onto itself.
func TestEncryptedCopies(t *testing.T) {
	t.Parallel()
	for from, source := range methods(t) {
		for to, dest := range methods(t) {
			t.Run(from+" to "+to, func(t *testing.T) {
				t.Parallel()
				s := newEncryptingSite(t)
				ctx := t.Context()
				bodies := map[string]string{"small": "hello", "large": large('x'), "parts": large('y') + "end"}
				for _, key := range []string{"small", "large"} {
					if _, err := s.putEncrypted(ctx, key, bodies[key], source); err != nil {
						t.Fatal(err)
					}
				}
				s.encryptedParts(t, "parts", source, large('y'), "end")
				for key, body := range bodies {
					for _, target := range []string{key + ".copy", key} {
						info, err := s.Copy(ctx, object.CopyInput{
							SourceBucket: "bucket", SourceKey: key, SourceCustomerKey: source.CustomerKey, Bucket: "bucket", Key: target,
							Encryption: dest, Replace: true, Metadata: map[string]string{"content-type": "a/b"}, Checksum: checksum.SHA256,
						})
						if err != nil {
							t.Fatal(err)
						}
						want := checksum.SHA256.New()
						want.Write([]byte(body))
						if info.Checksum == nil || !bytes.Equal(info.Checksum.Digest, want.Sum(nil)) || info.Encryption.Method != dest.Method {
							t.Errorf("%s: told %+v, %+v", target, info, info.Checksum)
						}
						if got, err := s.readRange(ctx, target, dest.CustomerKey, 0, info.Size); err != nil || got != body {
							t.Errorf("%s: %d bytes, %v", target, len(got), err)
						}
						if source.CustomerKey != nil && from != to {
							if _, err := s.readRange(ctx, target, source.CustomerKey, 0, 1); err == nil {
								t.Errorf("%s can be read with its source's key", target)
							}
						}
					}
				}
			})
		}
	}
}

// TestReseal: a copy of an object to itself by the same method writes no bytes, and
// has another key from then on.
func TestReseal(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		from, to object.Encryption
		shares   bool
	}{
		"S3":                  {object.Encryption{Method: object.EncryptedS3}, object.Encryption{Method: object.EncryptedS3}, true},
		"KMS to another key":  {object.Encryption{Method: object.EncryptedKMS, KeyID: "old"}, object.Encryption{Method: object.EncryptedKMS, KeyID: "new", Context: `{"a":"b"}`}, true},
		"customer to another": {object.Encryption{Method: object.EncryptedC, CustomerKey: customerKey(t, 1)}, object.Encryption{Method: object.EncryptedC, CustomerKey: customerKey(t, 2)}, true},
		"customer to S3":      {object.Encryption{Method: object.EncryptedC, CustomerKey: customerKey(t, 1)}, object.Encryption{Method: object.EncryptedS3}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newEncryptingSite(t)
			ctx := t.Context()
			bodies := map[string]string{"small": "hello", "large": large('x'), "parts": large('y') + "end"}
			before := map[string]object.Info{}
			for _, key := range []string{"small", "large"} {
				var err error
				if before[key], err = s.putEncrypted(ctx, key, bodies[key], test.from); err != nil {
					t.Fatal(err)
				}
			}
			before["parts"] = s.encryptedParts(t, "parts", test.from, large('y'), "end")
			blobs := blobCount(t, s.blobs)
			for key, body := range bodies {
				info, err := s.Copy(ctx, object.CopyInput{
					SourceBucket: "bucket", SourceKey: key, SourceCustomerKey: test.from.CustomerKey, Bucket: "bucket", Key: key, Encryption: test.to,
				})
				if err != nil {
					t.Fatal(err)
				}
				if !info.Checksum.Equal(before[key].Checksum) || test.shares && (info.ETag != before[key].ETag || info.Parts != before[key].Parts) {
					t.Errorf("%s was %+v, and is %+v", key, before[key], info)
				}
				if got, err := s.readRange(ctx, key, test.to.CustomerKey, 0, info.Size); err != nil || got != body {
					t.Errorf("%s: %d bytes, %v", key, len(got), err)
				}
				if test.from.CustomerKey != nil {
					if _, err := s.readRange(ctx, key, test.from.CustomerKey, 0, 1); err == nil {
						t.Errorf("%s opens with the old key", key)
					}
				}
			}
			if n := blobCount(t, s.blobs); (n == blobs) != test.shares {
				t.Errorf("%d blobs became %d", blobs, n)
			}
			s.CollectAtOnce()
			s.ForgetAtOnce()
			s.collect(t)
			for key, body := range bodies {
				if got, err := s.readRange(ctx, key, test.to.CustomerKey, 0, int64(len(body))); err != nil || got != body {
					t.Errorf("%s, collected: %d bytes, %v", key, len(got), err)
				}
			}
		})
	}
}
