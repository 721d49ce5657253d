package object_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/checksum"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/object"
	"github.com/carillon-s3/carillon/internal/s3"
	"github.com/carillon-s3/carillon/internal/sse"
)

// masterKeys are keys of these names, the first being the default.
func masterKeys(t testing.TB, names ...string) *sse.Keys {
	t.Helper()
	var list []string
	for _, name := range names {
		secret := bytes.Repeat([]byte(name), sse.KeyBytes)[:sse.KeyBytes]
		list = append(list, name+":"+base64.StdEncoding.EncodeToString(secret))
	}
	keys, err := sse.ParseKeys(strings.Join(list, ","))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func customerKey(t testing.TB, fill byte) *object.CustomerKey {
	t.Helper()
	key, err := object.NewCustomerKey(bytes.Repeat([]byte{fill}, sse.KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// newEncryptingSite is an upload site with two master keys.
func newEncryptingSite(t *testing.T) *site {
	t.Helper()
	s := newUploadSite(t)
	s.keys = masterKeys(t, "new", "old")
	s.restart(t)
	s.AllowSmallParts()
	return s
}

// restart is reopen on a store that some have been opened on before.
func (s *site) restart(t *testing.T) {
	t.Helper()
	s.reopen(t)
	s.restarts++
	for range s.restarts {
		s.SkipIDs()
	}
}

// methods are the ways of encryption, with none among them.
func methods(t testing.TB) map[string]object.Encryption {
	t.Helper()
	return map[string]object.Encryption{
		"none":            {},
		"S3":              {Method: object.EncryptedS3},
		"KMS":             {Method: object.EncryptedKMS},
		"KMS, named":      {Method: object.EncryptedKMS, KeyID: "old", Context: `{"team":"red"}`},
		"customer":        {Method: object.EncryptedC, CustomerKey: customerKey(t, 1)},
		"customer, other": {Method: object.EncryptedC, CustomerKey: customerKey(t, 2)},
	}
}

func (s *site) putEncrypted(ctx context.Context, key, body string, e object.Encryption) (object.Info, error) {
	in := putInput("bucket", key, body)
	in.Encryption = e
	in.Checksum.Algorithm = checksum.CRC32
	return s.Put(ctx, in)
}

// readRange reads a range with a customer's key, which may be nil.
func (s *site) readRange(ctx context.Context, key string, customer *object.CustomerKey, offset, length int64) (string, error) {
	o, err := s.Get(ctx, object.GetInput{Bucket: "bucket", Key: key, CustomerKey: customer})
	if err != nil {
		return "", err
	}
	r, err := o.Open(ctx, offset, length)
	if err != nil {
		return "", err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	return string(b), err
}

// storedAnywhere reports whether a text lies anywhere in the stores.
func (s *site) storedAnywhere(t *testing.T, text string) bool {
	t.Helper()
	for _, row := range s.AllRows(t.Context()) {
		if bytes.Contains(row, []byte(text)) {
			return true
		}
	}
	for blob, err := range s.blobs.Walk(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.blobs.Open(t.Context(), blob.Ref, 0, blob.Size)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(text)) {
			return true
		}
	}
	return false
}

// TestEncryptedObject: inlined and stored objects of every method are as they were
// put, and nothing of them is stored in clear.
func TestEncryptedObject(t *testing.T) {
	t.Parallel()
	for name, e := range methods(t) {
		for _, size := range []int{0, 20, 32 << 10, 32<<10 + 1, 300_000} {
			t.Run(fmt.Sprint(name, " ", size), func(t *testing.T) {
				t.Parallel()
				s := newEncryptingSite(t)
				body := strings.Repeat("secret bytes of it. ", size/20+1)[:size]
				put, err := s.putEncrypted(t.Context(), "k", body, e)
				if err != nil {
					t.Fatal(err)
				}
				opaque := e.Method == object.EncryptedKMS || e.Method == object.EncryptedC
				if (put.ETag == etag(body)) == opaque || len(put.ETag) != 32 {
					t.Errorf("the ETag is %s", put.ETag)
				}
				want := checksum.CRC32.New()
				want.Write([]byte(body))
				if put.Size != int64(size) || put.Checksum == nil || !bytes.Equal(put.Checksum.Digest, want.Sum(nil)) {
					t.Errorf("put tells %+v, checksum %+v", put, put.Checksum)
				}
				head, err := s.Head(t.Context(), object.GetInput{Bucket: "bucket", Key: "k", CustomerKey: e.CustomerKey})
				if diff := cmp.Diff(put, head); err != nil || diff != "" {
					t.Error(err, diff)
				}
				if got := head.Encryption; got.Method != e.Method || got.Context != e.Context {
					t.Errorf("it is encrypted as %+v", got)
				}
				for _, r := range [][2]int{{0, size}, {0, size / 2}, {size / 2, size}, {size / 3, size / 3 * 2}, {size, size}} {
					got, err := s.readRange(t.Context(), "k", e.CustomerKey, int64(r[0]), int64(r[1]-r[0]))
					if err != nil || got != body[r[0]:r[1]] {
						t.Errorf("range %v: %d bytes, %v", r, len(got), err)
					}
				}
				if size > 0 && s.storedAnywhere(t, body[:20]) != (e.Method == object.Unencrypted) {
					t.Errorf("stored in clear: %v", e.Method != object.Unencrypted)
				}
				if e.Method != object.Unencrypted && size > 0 && s.storedAnywhere(t, string(want.Sum(nil))) {
					t.Error("the checksum is stored in clear")
				}
				page, err := s.List(t.Context(), object.ListInput{Bucket: "bucket", MaxKeys: 10})
				if err != nil || len(page.Objects) != 1 || page.Objects[0].Size != int64(size) || page.Objects[0].ETag != put.ETag {
					t.Errorf("listed as %+v, %v", page.Objects, err)
				}
				if entries := s.outbox(t); len(entries) != 1 || entries[0].Record.Size != int64(size) || entries[0].Record.ETag != put.ETag {
					t.Errorf("told as %+v", entries)
				}
			})
		}
	}
}

// TestCustomerKeys: who has not the key learns nothing.
func TestCustomerKeys(t *testing.T) {
	t.Parallel()
	s := newEncryptingSite(t)
	mine := customerKey(t, 1)
	if _, err := s.putEncrypted(t.Context(), "mine", "hello", object.Encryption{Method: object.EncryptedC, CustomerKey: mine}); err != nil {
		t.Fatal(err)
	}
	s.put(t, "bucket", "plain", "hello")
	if _, err := s.putEncrypted(t.Context(), "s3", "hello", object.Encryption{Method: object.EncryptedS3}); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		key      string
		customer *object.CustomerKey
		want     error
	}{
		"right":            {"mine", mine, nil},
		"missing":          {"mine", nil, object.ErrCustomerKeyMissing},
		"wrong":            {"mine", customerKey(t, 2), object.ErrCustomerKeyWrong},
		"of a plain one":   {"plain", mine, object.ErrCustomerKeyNeedless},
		"of another kind":  {"s3", mine, object.ErrCustomerKeyNeedless},
		"plain as it is":   {"plain", nil, nil},
		"s3 without a key": {"s3", nil, nil},
	} {
		in := object.GetInput{Bucket: "bucket", Key: test.key, CustomerKey: test.customer}
		if _, err := s.Get(t.Context(), in); !errors.Is(err, test.want) {
			t.Errorf("%s: get: %v", name, err)
		}
		if _, err := s.Head(t.Context(), in); !errors.Is(err, test.want) {
			t.Errorf("%s: head: %v", name, err)
		}
		_, err := s.Attributes(t.Context(), object.AttributesInput{Bucket: "bucket", Key: test.key, CustomerKey: test.customer})
		if !errors.Is(err, test.want) {
			t.Errorf("%s: attributes: %v", name, err)
		}
	}
}

// TestKeyRotation: a new first key is used from then on, the old ones open what
// they sealed, and without one its objects are refused.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	s := newUploadSite(t)
	if _, err := s.putEncrypted(t.Context(), "k", "body", object.Encryption{Method: object.EncryptedS3}); !errors.Is(err, object.ErrNoKMS) {
		t.Errorf("without keys: %v", err)
	}
	with := func(names ...string) {
		s.keys = nil
		if len(names) > 0 {
			s.keys = masterKeys(t, names...)
		}
		s.restart(t)
	}
	put := func(key string, e object.Encryption) {
		t.Helper()
		if _, err := s.putEncrypted(t.Context(), key, "body of "+key, e); err != nil {
			t.Fatal(err)
		}
	}
	reads := func(key string, want error) {
		t.Helper()
		got, err := s.get(t.Context(), "bucket", key)
		if !errors.Is(err, want) || err == nil && got != "body of "+key {
			t.Errorf("%s is %q, %v; want %v", key, got, err, want)
		}
	}
	with("old")
	put("old", object.Encryption{Method: object.EncryptedS3})
	put("named", object.Encryption{Method: object.EncryptedKMS, KeyID: "old"})
	with("new", "old")
	put("new", object.Encryption{Method: object.EncryptedS3})
	for _, key := range []string{"old", "named", "new"} {
		reads(key, nil)
	}
	with("new")
	reads("new", nil)
	reads("old", object.ErrUnknownKey)
	reads("named", object.ErrUnknownKey)
	with("old")
	reads("new", object.ErrUnknownKey)
	with()
	reads("old", object.ErrUnknownKey)
	with("new", "old")
	// A copy to itself puts an object under the new key.
	_, err := s.Copy(t.Context(), object.CopyInput{
		SourceBucket: "bucket", SourceKey: "old", Bucket: "bucket", Key: "old", Encryption: object.Encryption{Method: object.EncryptedS3},
	})
	if err != nil {
		t.Fatal(err)
	}
	with("new")
	reads("old", nil)
	if _, err := s.putEncrypted(t.Context(), "k", "", object.Encryption{Method: object.EncryptedKMS, KeyID: "nobody's"}); !errors.Is(err, object.ErrUnknownKey) {
		t.Errorf("an unknown key: %v", err)
	}
}

// TestBucketEncryption: a default holds for what says nothing itself.
func TestBucketEncryption(t *testing.T) {
	t.Parallel()
	s := newEncryptingSite(t)
	ctx := t.Context()
	s.put(t, "bucket", "before", "hello")
	def := &object.BucketEncryption{Method: object.EncryptedKMS, KeyID: "old", Document: []byte("<a/>")}
	if err := s.SetBucketEncryption(ctx, "bucket", def); err != nil {
		t.Fatal(err)
	}
	s.restart(t)
	s.AllowSmallParts()
	if got, err := s.BucketEncryption(ctx, "bucket"); err != nil || !cmp.Equal(got, def) {
		t.Errorf("it is %+v, %v", got, err)
	}
	method := func(key string) object.EncryptionMethod {
		t.Helper()
		info, err := s.Tags(ctx, "bucket", key, "")
		if err != nil {
			t.Fatal(err)
		}
		return info.Encryption.Method
	}
	s.put(t, "bucket", "put", "hello")
	if _, err := s.putEncrypted(ctx, "asked", "hello", object.Encryption{Method: object.EncryptedS3}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Copy(ctx, object.CopyInput{SourceBucket: "bucket", SourceKey: "before", Bucket: "bucket", Key: "copy"}); err != nil {
		t.Fatal(err)
	}
	u := s.mustCreate(t, "parts")
	p, err := s.part(ctx, u, 1, "hello")
	if err != nil {
		t.Fatal(err)
	}
	s.complete(t, u, p)
	for key, want := range map[string]object.EncryptionMethod{
		"before": object.Unencrypted, "put": object.EncryptedKMS, "asked": object.EncryptedS3, "copy": object.EncryptedKMS, "parts": object.EncryptedKMS,
	} {
		if got := method(key); got != want {
			t.Errorf("%s is encrypted as %d, want %d", key, got, want)
		}
		if got, err := s.get(ctx, "bucket", key); err != nil || got != "hello" {
			t.Errorf("%s holds %q, %v", key, got, err)
		}
	}
	if err := s.SetBucketEncryption(ctx, "bucket", nil); err != nil {
		t.Fatal(err)
	}
	s.put(t, "bucket", "after", "hello")
	if method("after") != object.Unencrypted || method("put") != object.EncryptedKMS {
		t.Error("a default that is gone still holds, or what it did is undone")
	}
	unknown := &object.BucketEncryption{Method: object.EncryptedKMS, KeyID: "nobody's"}
	if err := s.SetBucketEncryption(ctx, "bucket", unknown); !errors.Is(err, object.ErrUnknownKey) {
		t.Errorf("an unknown key: %v", err)
	}
}

// encryptedParts uploads an object in parts.
func (s *site) encryptedParts(t *testing.T, key string, e object.Encryption, bodies ...string) object.Info {
	t.Helper()
	var told object.Encryption
	id, err := s.CreateUpload(t.Context(), object.CreateUploadInput{
		Bucket: "bucket", Key: key, Encryption: e, Encrypted: func(e object.Encryption) { told = e },
		Checksum: object.UploadChecksum{Algorithm: checksum.CRC32, Type: checksum.FullObject},
	})
	if err != nil {
		t.Fatal(err)
	}
	if told.Method != e.Method {
		t.Errorf("told to be encrypted as %+v", told)
	}
	u := object.UploadInput{Bucket: "bucket", Key: key, UploadID: id}
	complete := object.CompleteInput{UploadInput: u, CustomerKey: e.CustomerKey}
	for i, body := range bodies {
		p, err := s.UploadPart(t.Context(), object.PartInput{
			UploadInput: u, Number: i + 1, Body: strings.NewReader(body), Size: int64(len(body)), CustomerKey: e.CustomerKey,
		})
		if err != nil {
			t.Fatal(err)
		}
		complete.Parts = append(complete.Parts, object.CompletedPart{Number: i + 1, ETag: p.ETag, Checksum: p.Checksum})
	}
	info, err := s.CompleteUpload(t.Context(), complete)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// TestEncryptedUploads: parts need the key that the upload was created with.
func TestEncryptedUploads(t *testing.T) {
	t.Parallel()
	s := newEncryptingSite(t)
	mine := customerKey(t, 1)
	for name, test := range map[string]struct {
		encryption object.Encryption
		customer   *object.CustomerKey
		want       error
	}{
		"right":    {object.Encryption{Method: object.EncryptedC, CustomerKey: mine}, mine, nil},
		"missing":  {object.Encryption{Method: object.EncryptedC, CustomerKey: mine}, nil, object.ErrCustomerKeyMissing},
		"wrong":    {object.Encryption{Method: object.EncryptedC, CustomerKey: mine}, customerKey(t, 2), object.ErrCustomerKeyWrong},
		"needless": {object.Encryption{Method: object.EncryptedS3}, mine, object.ErrCustomerKeyNeedless},
		"of plain": {object.Encryption{}, mine, object.ErrCustomerKeyNeedless},
	} {
		id, err := s.CreateUpload(t.Context(), object.CreateUploadInput{Bucket: "bucket", Key: name, Encryption: test.encryption})
		if err != nil {
			t.Fatal(err)
		}
		in := object.PartInput{
			UploadInput: object.UploadInput{Bucket: "bucket", Key: name, UploadID: id},
			Number:      1, Body: strings.NewReader("part"), Size: 4, CustomerKey: test.customer,
		}
		p, err := s.UploadPart(t.Context(), in)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		if err != nil {
			continue
		}
		// Completion needs no key unless checksums were asked for.
		s.complete(t, in.UploadInput, object.CompletedPart{Number: 1, ETag: p.ETag})
		if got, err := s.readRange(t.Context(), name, test.customer, 0, 4); err != nil || got != "part" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if n := blobCount(t, s.blobs); n != 1 {
		t.Errorf("%d blobs are left, want that of one part", n)
	}
}

// TestEncryptedVersions: an older version that comes to light is still whole, and
// tags change without its key.
func TestEncryptedVersions(t *testing.T) {
	t.Parallel()
	s := newEncryptingSite(t)
	ctx := t.Context()
	if err := s.SetVersioning(ctx, "bucket", object.VersioningEnabled); err != nil {
		t.Fatal(err)
	}
	mine := customerKey(t, 1)
	first, err := s.putEncrypted(ctx, "k", large('a'), object.Encryption{Method: object.EncryptedC, CustomerKey: mine})
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.putEncrypted(ctx, "k", "second", object.Encryption{Method: object.EncryptedS3})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.SetTags(ctx, object.TagsInput{Bucket: "bucket", Key: "k", VersionID: first.VersionID, Tags: []s3.Tag{{Key: "a", Value: "b"}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Delete(ctx, object.DeleteInput{Bucket: "bucket", Key: "k", VersionID: second.VersionID}); err != nil {
		t.Fatal(err)
	}
	got, err := s.readRange(ctx, "k", mine, 0, first.Size)
	head, headErr := s.Head(ctx, object.GetInput{Bucket: "bucket", Key: "k", CustomerKey: mine})
	if err != nil || headErr != nil || got != large('a') || len(head.Tags) != 1 || !head.Checksum.Equal(first.Checksum) {
		t.Errorf("%d bytes, %v; %+v, %v", len(got), err, head, headErr)
	}
}

// TestMovedSecrets: rows that were moved to another object do not give its bytes.
func TestMovedSecrets(t *testing.T) {
	t.Parallel()
	s := newEncryptingSite(t)
	ctx := t.Context()
	e := object.Encryption{Method: object.EncryptedS3}
	for _, key := range []string{"a", "b"} {
		if _, err := s.putEncrypted(ctx, key, large(key[0]), e); err != nil {
			t.Fatal(err)
		}
	}
	s.MoveRecord(ctx, "bucket", "a", "moved")
	if got, err := s.get(ctx, "bucket", "moved"); !errors.Is(err, object.ErrDamagedEncryption) {
		t.Errorf("a record under another key gives %d bytes, %v", len(got), err)
	}
	s.MoveBytes(ctx, "bucket", "a", "b")
	if got, err := s.get(ctx, "bucket", "b"); !errors.Is(err, sse.ErrCorrupt) || got != "" {
		t.Errorf("the bytes of another object give %d bytes, %v", len(got), err)
	}
	if got, err := s.get(ctx, "bucket", "a"); err != nil || got != large('a') {
		t.Errorf("what was left alone gives %d bytes, %v", len(got), err)
	}
}

// TestEncryptedEvents: events tell sizes and ETags as clients see them, and nothing
// of a customer's key.
func TestEncryptedEvents(t *testing.T) {
	t.Parallel()
	s := newEncryptingSite(t)
	secret := strings.Repeat("K", sse.KeyBytes)
	key, err := object.NewCustomerKey([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	e := object.Encryption{Method: object.EncryptedC, CustomerKey: key}
	if _, err := s.putEncrypted(t.Context(), "k", "hello", e); err != nil {
		t.Fatal(err)
	}
	s.encryptedParts(t, "parts", e, "hello")
	if _, err := s.Delete(t.Context(), object.DeleteInput{Bucket: "bucket", Key: "k", Request: event.Request{}}); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret)), string(key.MD5())} {
		if s.storedAnywhere(t, text) {
			t.Errorf("%q is stored", text)
		}
	}
	if got := fmt.Sprintf("%v %+v %#v", e, e, key); strings.Contains(got, "KKK") || strings.Contains(got, "75, 75") {
		t.Errorf("a key is printed: %s", got)
	}
	if entries := s.outbox(t); len(entries) != 3 {
		t.Errorf("%d events", len(entries))
	}
}
