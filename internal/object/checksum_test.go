package object_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/carillon-s3/carillon/internal/blob"
	"github.com/carillon-s3/carillon/internal/checksum"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/object"
)

func sumOf(a checksum.Algorithm, body string) *checksum.Sum {
	h := a.New()
	_, _ = io.WriteString(h, body) // never fails
	return &checksum.Sum{Algorithm: a, Digest: h.Sum(nil)}
}

// verified is a checksum that a body is said to have been verified to have.
func verified(s *checksum.Sum) object.BodyChecksum {
	return object.BodyChecksum{Algorithm: s.Algorithm, Verified: func() []byte { return s.Digest }}
}

func wantSum(t *testing.T, what string, got, want *checksum.Sum) {
	t.Helper()
	if !got.Equal(want) {
		t.Errorf("%s: checksum %+v, want %+v", what, got, want)
	}
}

// TestPutChecksum keeps what was verified, or else computes what is asked for.
func TestPutChecksum(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustBucket(t, "bucket")
	for _, body := range []string{"", "hello", large('x')} {
		said := &checksum.Sum{Algorithm: checksum.SHA1, Digest: []byte("as the reader found")}
		for name, c := range map[string]struct {
			in   object.BodyChecksum
			want *checksum.Sum
		}{
			"none":     {object.BodyChecksum{}, nil},
			"computed": {object.BodyChecksum{Algorithm: checksum.CRC32C}, sumOf(checksum.CRC32C, body)},
			"verified": {verified(said), said},
		} {
			in := putInput("bucket", name, body)
			in.Checksum = c.in
			info, err := s.Put(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			wantSum(t, name, info.Checksum, c.want)
			head, err := s.Head(t.Context(), object.GetInput{Bucket: "bucket", Key: name})
			if err != nil {
				t.Fatal(err)
			}
			wantSum(t, name+", read back", head.Checksum, c.want)
		}
	}
}

// upload makes an object of three parts with that checksum.
func (s *site) upload(t *testing.T, key string, c object.UploadChecksum, bodies []string) (object.Info, error) {
	t.Helper()
	id, err := s.CreateUpload(t.Context(), object.CreateUploadInput{Bucket: "bucket", Key: key, Checksum: c})
	if err != nil {
		t.Fatal(err)
	}
	in := object.CompleteInput{UploadInput: object.UploadInput{Bucket: "bucket", Key: key, UploadID: id}}
	for i, body := range bodies {
		p := object.PartInput{UploadInput: in.UploadInput, Number: 2*i + 1, Body: strings.NewReader(body), Size: int64(len(body))}
		if c.Type == checksum.Composite {
			p.Checksum = verified(sumOf(c.Algorithm, body))
		}
		part, err := s.UploadPart(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		in.Parts = append(in.Parts, object.CompletedPart{Number: p.Number, ETag: part.ETag, Checksum: part.Checksum})
	}
	info, err := s.CompleteUpload(t.Context(), in)
	if err != nil {
		return info, err
	}
	again, err := s.CompleteUpload(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	wantSum(t, "completed again", again.Checksum, info.Checksum)
	return info, nil
}

func composite(a checksum.Algorithm, bodies []string) *checksum.Sum {
	h := a.New()
	for _, b := range bodies {
		h.Write(sumOf(a, b).Digest)
	}
	return &checksum.Sum{Algorithm: a, Digest: h.Sum(nil), Parts: len(bodies)}
}

// TestUploadChecksum: both types, where they show, and what copies make of them.
func TestUploadChecksum(t *testing.T) {
	t.Parallel()
	for _, bodies := range [][]string{{"one", "two", "tree"}, {large('a'), "", large('b') + "c"}} {
		whole := strings.Join(bodies, "")
		for _, c := range []object.UploadChecksum{
			{Algorithm: checksum.CRC64NVME, Type: checksum.FullObject, Implied: true},
			{Algorithm: checksum.CRC64NVME, Type: checksum.FullObject},
			{Algorithm: checksum.CRC32, Type: checksum.FullObject},
			{Algorithm: checksum.CRC32, Type: checksum.Composite},
			{Algorithm: checksum.SHA256, Type: checksum.Composite},
			{},
		} {
			t.Run(fmt.Sprintf("%v %v of %d bytes", c.Algorithm, c.Type, len(whole)), func(t *testing.T) {
				t.Parallel()
				s := newUploadSite(t)
				info, err := s.upload(t, "k", c, bodies)
				if err != nil {
					t.Fatal(err)
				}
				var want, full *checksum.Sum
				if c.Algorithm != 0 {
					full = sumOf(c.Algorithm, whole)
					want = full
				}
				if c.Type == checksum.Composite {
					want = composite(c.Algorithm, bodies)
				}
				wantSum(t, "object", info.Checksum, want)
				s.checkPartSums(t, c.Algorithm, bodies)
				copied, err := s.Copy(t.Context(), copyInput("bucket/k", "bucket/copy"))
				if err != nil {
					t.Fatal(err)
				}
				wantSum(t, "copy", copied.Checksum, full)
				in := copyInput("bucket/copy", "bucket/copy")
				in.Replace, in.Checksum = true, checksum.SHA512
				if copied, err = s.Copy(t.Context(), in); err != nil {
					t.Fatal(err)
				}
				wantSum(t, "copy with another algorithm", copied.Checksum, sumOf(checksum.SHA512, whole))
			})
		}
	}
}

// checkPartSums reads the parts of bucket/k one by one, and in pages of two.
func (s *site) checkPartSums(t *testing.T, a checksum.Algorithm, bodies []string) {
	t.Helper()
	want := func(i int) *checksum.Sum {
		if a == 0 {
			return nil
		}
		return sumOf(a, bodies[i])
	}
	offset := int64(0)
	for i, body := range bodies {
		info, err := s.Head(t.Context(), object.GetInput{Bucket: "bucket", Key: "k", Part: i + 1})
		if err != nil {
			t.Fatal(err)
		}
		if info.Part.Offset != offset || info.Part.Length != int64(len(body)) {
			t.Errorf("part %d is %d bytes at %d, want %d at %d", i+1, info.Part.Length, info.Part.Offset, len(body), offset)
		}
		wantSum(t, fmt.Sprintf("part %d", i+1), info.Part.Checksum, want(i))
		offset += int64(len(body))
	}
	n := 0
	for more := true; more; {
		page, err := s.Attributes(t.Context(), object.AttributesInput{Bucket: "bucket", Key: "k", After: n, MaxParts: 2})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page.PartsPage {
			if p.Number != n+1 || p.Size != int64(len(bodies[n])) {
				t.Errorf("part %d of %d bytes, want %d of %d", p.Number, p.Size, n+1, len(bodies[n]))
			}
			wantSum(t, "listed part", p.Checksum, want(n))
			n++
		}
		more = page.Truncated
	}
	if n != len(bodies) {
		t.Errorf("%d parts are listed, want %d", n, len(bodies))
	}
}

// TestPartChecksumRefused: what may come with a part, by the upload's checksum.
func TestPartChecksumRefused(t *testing.T) {
	t.Parallel()
	crc32, sha1 := sumOf(checksum.CRC32, "x"), sumOf(checksum.SHA1, "x")
	for _, c := range []struct {
		name   string
		upload object.UploadChecksum
		sent   object.BodyChecksum
		kept   *checksum.Sum // nil if it is refused
	}{
		{"composite without", object.UploadChecksum{Algorithm: checksum.SHA1, Type: checksum.Composite}, object.BodyChecksum{}, nil},
		{"composite of another", object.UploadChecksum{Algorithm: checksum.SHA1, Type: checksum.Composite}, verified(crc32), nil},
		{"composite", object.UploadChecksum{Algorithm: checksum.SHA1, Type: checksum.Composite}, verified(sha1), sha1},
		{"full object without", object.UploadChecksum{Algorithm: checksum.CRC32, Type: checksum.FullObject}, object.BodyChecksum{}, crc32},
		{"full object of another", object.UploadChecksum{Algorithm: checksum.CRC32, Type: checksum.FullObject}, verified(sha1), nil},
		{"implied of another", object.UploadChecksum{Algorithm: checksum.CRC32, Type: checksum.FullObject, Implied: true}, verified(sha1), crc32},
		{"none", object.UploadChecksum{}, verified(sha1), sha1},
	} {
		s := newUploadSite(t)
		id, err := s.CreateUpload(t.Context(), object.CreateUploadInput{Bucket: "bucket", Key: "k", Checksum: c.upload})
		if err != nil {
			t.Fatal(err)
		}
		body := &countedReader{Reader: strings.NewReader("x")}
		part, err := s.UploadPart(t.Context(), object.PartInput{
			UploadInput: object.UploadInput{Bucket: "bucket", Key: "k", UploadID: id}, Number: 1, Body: body, Size: 1, Checksum: c.sent,
		})
		var refused *object.ChecksumError
		if c.kept == nil {
			if !errors.As(err, &refused) || refused.Mismatch || body.n > 0 {
				t.Errorf("%s: %v after %d bytes", c.name, err, body.n)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		wantSum(t, c.name, part.Checksum, c.kept)
	}
}

type countedReader struct {
	io.Reader
	n int
}

func (r *countedReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.n += n
	return n, err
}

// TestCompletionChecksum: what a completion says of parts and object is compared,
// and a refused one changes nothing.
func TestCompletionChecksum(t *testing.T) {
	t.Parallel()
	bodies := []string{"one", "two"}
	whole := sumOf(checksum.CRC32, "onetwo")
	parts := composite(checksum.CRC32, bodies)
	full := object.UploadChecksum{Algorithm: checksum.CRC32, Type: checksum.FullObject}
	comp := object.UploadChecksum{Algorithm: checksum.CRC32, Type: checksum.Composite}
	for _, c := range []struct {
		name     string
		upload   object.UploadChecksum
		edit     func(*object.CompleteInput)
		mismatch bool
		err      error // nil with message "" if it is accepted
		message  string
	}{
		{name: "full object", upload: full, edit: func(in *object.CompleteInput) {
			in.Checksum, in.ChecksumType, in.Size, in.SizeKnown = whole, checksum.FullObject, 6, true
		}},
		{name: "composite", upload: comp, edit: func(in *object.CompleteInput) { in.Checksum, in.ChecksumType = parts, checksum.Composite }},
		{name: "composite without count", upload: comp, edit: func(in *object.CompleteInput) {
			in.Checksum = &checksum.Sum{Algorithm: checksum.CRC32, Digest: parts.Digest}
		}},
		{name: "full object without parts' checksums", upload: full, edit: func(in *object.CompleteInput) { in.Parts[0].Checksum = nil }},
		{name: "implied with other checksums", upload: object.UploadChecksum{Algorithm: checksum.CRC32, Type: checksum.FullObject, Implied: true}, edit: func(in *object.CompleteInput) {
			in.Parts[0].Checksum = sumOf(checksum.SHA1, "not looked at")
		}},
		{name: "wrong full object", upload: full, mismatch: true, message: "did not match", edit: func(in *object.CompleteInput) { in.Checksum = sumOf(checksum.CRC32, "other") }},
		{name: "full object for composite", upload: comp, mismatch: true, message: "did not match", edit: func(in *object.CompleteInput) { in.Checksum = whole }},
		{name: "wrong count", upload: comp, mismatch: true, message: "did not match", edit: func(in *object.CompleteInput) {
			in.Checksum = &checksum.Sum{Algorithm: checksum.CRC32, Digest: parts.Digest, Parts: 3}
		}},
		{name: "another type", upload: full, mismatch: true, message: "same checksum mode", edit: func(in *object.CompleteInput) { in.ChecksumType = checksum.Composite }},
		{name: "another algorithm", upload: full, message: "must use the same", edit: func(in *object.CompleteInput) { in.Checksum = sumOf(checksum.SHA1, "onetwo") }},
		{name: "no algorithm", message: "no checksum", edit: func(in *object.CompleteInput) { in.Checksum = whole }},
		{name: "composite without a part's", upload: comp, message: "missing for part 3", edit: func(in *object.CompleteInput) { in.Parts[1].Checksum = nil }},
		{name: "wrong part", upload: full, err: object.ErrInvalidPart, edit: func(in *object.CompleteInput) { in.Parts[1].Checksum = whole }},
		{name: "part of another algorithm", upload: full, err: object.ErrInvalidPart, edit: func(in *object.CompleteInput) { in.Parts[1].Checksum = sumOf(checksum.SHA1, "two") }},
		{name: "wrong size", upload: full, err: object.ErrWrongSize, edit: func(in *object.CompleteInput) { in.Size, in.SizeKnown = 0, true }},
	} {
		s := newUploadSite(t)
		id, err := s.CreateUpload(t.Context(), object.CreateUploadInput{Bucket: "bucket", Key: "k", Checksum: c.upload})
		if err != nil {
			t.Fatal(err)
		}
		in := object.CompleteInput{UploadInput: object.UploadInput{Bucket: "bucket", Key: "k", UploadID: id}}
		for i, body := range bodies {
			part, err := s.UploadPart(t.Context(), object.PartInput{
				UploadInput: in.UploadInput, Number: 2*i + 1, Body: strings.NewReader(body), Size: int64(len(body)),
				Checksum: verified(sumOf(checksum.CRC32, body)),
			})
			if err != nil {
				t.Fatal(err)
			}
			in.Parts = append(in.Parts, object.CompletedPart{Number: 2*i + 1, ETag: part.ETag, Checksum: part.Checksum})
		}
		good := in
		good.Parts = append([]object.CompletedPart(nil), in.Parts...)
		c.edit(&in)
		_, err = s.CompleteUpload(t.Context(), in)
		if c.err == nil && c.message == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		var refused *object.ChecksumError
		switch {
		case c.err != nil && !errors.Is(err, c.err):
			t.Errorf("%s: %v, want %v", c.name, err, c.err)
		case c.err == nil && (!errors.As(err, &refused) || refused.Mismatch != c.mismatch || !strings.Contains(refused.Message, c.message)):
			t.Errorf("%s: %v", c.name, err)
		}
		if _, err := s.get(t.Context(), "bucket", "k"); !errors.Is(err, object.ErrNoSuchKey) {
			t.Errorf("%s: there is an object: %v", c.name, err)
		}
		s.complete(t, good.UploadInput, good.Parts...)
	}
}

// TestCopyPartChecksum: a copied part has the upload's checksum, computed here.
func TestCopyPartChecksum(t *testing.T) {
	t.Parallel()
	s := newUploadSite(t)
	s.put(t, "bucket", "source", "0123456789")
	id, err := s.CreateUpload(t.Context(), object.CreateUploadInput{
		Bucket: "bucket", Key: "k", Checksum: object.UploadChecksum{Algorithm: checksum.SHA256, Type: checksum.Composite},
	})
	if err != nil {
		t.Fatal(err)
	}
	u := object.UploadInput{Bucket: "bucket", Key: "k", UploadID: id}
	part, err := s.CopyPart(t.Context(), object.CopyPartInput{
		UploadInput: u, Number: 1, SourceBucket: "bucket", SourceKey: "source",
		Select: func(object.Info) (int64, int64, error) { return 2, 3, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	wantSum(t, "part", part.Checksum, sumOf(checksum.SHA256, "234"))
	page, err := s.ListParts(t.Context(), object.ListPartsInput{UploadInput: u, MaxParts: 10})
	if err != nil {
		t.Fatal(err)
	}
	if page.Checksum != checksum.SHA256 || page.Type != checksum.Composite || len(page.Parts) != 1 {
		t.Errorf("listed: %+v", page)
	}
	wantSum(t, "listed part", page.Parts[0].Checksum, part.Checksum)
	uploads, err := s.ListUploads(t.Context(), object.ListUploadsInput{Bucket: "bucket", MaxUploads: 10})
	if err != nil || len(uploads.Uploads) != 1 || uploads.Uploads[0].Checksum != checksum.SHA256 || uploads.Uploads[0].Type != checksum.Composite {
		t.Errorf("uploads: %+v, %v", uploads, err)
	}
}

// TestCopyOfChangingSource: the checksum of a copy is that of the bytes it has,
// also if the source is overwritten while they are read.
func TestCopyOfChangingSource(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	hooked := &hookedBlobs{Store: s.blobs}
	s.blobs = hooked
	s.reopen(t)
	s.mustBucket(t, "bucket")
	s.put(t, "bucket", "k", large('a'))
	hooked.opened = func() { s.put(t, "bucket", "k", large('b')) }
	in := copyInput("bucket/k", "bucket/copy")
	in.Checksum = checksum.SHA256
	info, err := s.Copy(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.get(t.Context(), "bucket", "copy"); err != nil || got != large('b') {
		t.Errorf("the copy holds %.10q, %v", got, err)
	}
	wantSum(t, "copy", info.Checksum, sumOf(checksum.SHA256, large('b')))
}

// hookedBlobs calls opened, once, when bytes are opened.
type hookedBlobs struct {
	blob.Store
	opened func()
	done   atomic.Bool
}

func (h *hookedBlobs) Open(ctx context.Context, ref blob.Ref, offset, length int64) (io.ReadCloser, error) {
	if h.opened != nil && h.done.CompareAndSwap(false, true) {
		h.opened()
	}
	return h.Store.Open(ctx, ref, offset, length)
}

// TestAttributesOfOthers: objects without parts, and what is not there.
func TestAttributesOfOthers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustBucket(t, "bucket")
	s.put(t, "bucket", "k", "body")
	s.watchAll(t, "bucket")
	a, err := s.Attributes(t.Context(), object.AttributesInput{Bucket: "bucket", Key: "k", MaxParts: 10})
	if err != nil || a.Size != 4 || a.Parts != 0 || len(a.PartsPage) != 0 || a.Truncated {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := s.Attributes(t.Context(), object.AttributesInput{Bucket: "bucket", Key: "other"}); !errors.Is(err, object.ErrNoSuchKey) {
		t.Errorf("a missing key: %v", err)
	}
	s.Accessed(t.Context(), event.ObjectAccessedAttributes, a.Info, event.Request{})
	await(t, func() bool { return len(s.outbox(t)) == 1 })
	if got := s.outbox(t)[0].Record; got.Name != event.ObjectAccessedAttributes {
		t.Errorf("recorded %+v", got)
	}
}
