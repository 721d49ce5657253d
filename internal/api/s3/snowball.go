package s3api

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // S3's ETag
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/object"
	"github.com/carillon-s3/carillon/internal/s3"
)

// Headers by which PutObject is an archive whose files become objects. The first
// is Amazon's ("Batching small files", AWS Snowball Edge), the others are MinIO's.
const (
	headerAutoExtract   = "X-Amz-Meta-Snowball-Auto-Extract"
	headerExtractPrefix = "X-Amz-Meta-Minio-Snowball-Prefix"
	headerIgnoreDirs    = "X-Amz-Meta-Minio-Snowball-Ignore-Dirs"
	headerIgnoreErrors  = "X-Amz-Meta-Minio-Snowball-Ignore-Errors"
	// paxMetadata begins the names of PAX records that are headers of one file.
	paxMetadata = "minio.metadata."
)

const (
	// extractWidth is how many small files are stored at once: they share their
	// syncs.
	extractWidth = 16
	// extractSmall is the largest file that is read into memory for that; together
	// they take 2 MiB.
	extractSmall = 128 << 10
)

// extraction is one archive on its way.
type extraction struct {
	h *Handler
	r *request
	// header is what all files have in common.
	header             http.Header
	prefix             string
	skipDirs, tolerant bool

	ctx    context.Context //nolint:containedctx // of the request; cancelled by the first error
	cancel context.CancelCauseFunc
	slots  chan struct{}
	wg     sync.WaitGroup
	// storing are the keys under way: a file that comes twice is stored twice, in
	// order.
	storing map[string]bool
}

// extractArchive stores the files of a tar archive as objects, each with its event.
// After an error those that are stored stay: the client sends the archive again.
func extractArchive(h *Handler, w *response, r *request) error {
	digest := md5.New() //nolint:gosec // see the import
	want, err := contentMD5(r)
	if err != nil {
		return err
	}
	body := io.TeeReader(r.body, digest)
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	x := &extraction{
		h: h, r: r, header: r.Header.Clone(), prefix: r.head(headerExtractPrefix),
		skipDirs: isTrue(r.head(headerIgnoreDirs)), tolerant: isTrue(r.head(headerIgnoreErrors)),
		ctx: ctx, cancel: cancel, slots: make(chan struct{}, extractWidth), storing: map[string]bool{},
	}
	for name := range x.header {
		if name == headerAutoExtract || strings.HasPrefix(name, "X-Amz-Meta-Minio-Snowball-") {
			delete(x.header, name)
		}
	}
	err = x.files(body)
	x.wg.Wait()
	if cause := context.Cause(ctx); err == nil || cause != nil && errors.Is(err, context.Canceled) {
		err = cause
	}
	if err != nil {
		return err
	}
	// What is behind the archive is not of it, and makes the body whole.
	if _, err := io.Copy(io.Discard, body); err != nil {
		return err
	}
	sum := digest.Sum(nil)
	if want != nil && !bytes.Equal(want, sum) {
		return errBadDigest.says("The Content-MD5 you specified did not match what we received.")
	}
	w.set("Etag", `"`+hex.EncodeToString(sum)+`"`)
	return w.empty(http.StatusOK)
}

func isTrue(value string) bool { return strings.EqualFold(value, "true") }

// files goes through the archive.
func (x *extraction) files(body io.Reader) error {
	plain, end, err := decompress(body)
	if err != nil {
		return x.unreadable(err)
	}
	defer end()
	for archive := tar.NewReader(plain); ; {
		file, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return x.unreadable(err)
		}
		if x.ctx.Err() != nil {
			return x.ctx.Err()
		}
		if err := x.file(file, archive); err != nil {
			return err
		}
	}
}

// unreadable is the error of an archive that cannot be gone on with. What the
// reader of the request's body says comes first.
func (x *extraction) unreadable(err error) error {
	if e := toAPIError(err); !errors.Is(e, errInternal) {
		return err
	}
	return &apiError{code: errInvalidRequest, message: "The archive cannot be read, or it is not whole. Objects of the files before that are stored.", cause: err}
}

// file stores one file, at once or beside others. Its error ends the extraction.
func (x *extraction) file(file *tar.Header, content io.Reader) error {
	switch file.Typeflag {
	case tar.TypeReg:
	case tar.TypeDir:
		if x.skipDirs {
			return nil
		}
		content = strings.NewReader("")
	default: // links and devices are nothing that an object can be
		return nil
	}
	in, err := x.input(file)
	if err != nil {
		return x.failed(file, err)
	}
	if x.storing[in.Key] || len(x.storing) > extractWidth*64 {
		x.wg.Wait()
		clear(x.storing)
	}
	if in.Size > extractSmall {
		source := &archiveReader{r: content}
		in.Body = source
		_, err = x.h.Service.Put(x.ctx, in)
		if source.err != nil {
			return x.unreadable(source.err)
		}
		return x.failed(file, err)
	}
	small := make([]byte, in.Size)
	if _, err := io.ReadFull(content, small); err != nil {
		return x.unreadable(err)
	}
	in.Body = bytes.NewReader(small)
	x.storing[in.Key] = true
	x.slots <- struct{}{}
	x.wg.Go(func() {
		defer func() { <-x.slots }()
		_, err := x.h.Service.Put(x.ctx, in)
		if err = x.failed(file, err); err != nil {
			x.cancel(err)
		}
	})
	return nil
}

// failed is the error of a file that was not stored; nil if it may be left out.
func (x *extraction) failed(file *tar.Header, err error) error {
	if err == nil || x.ctx.Err() != nil {
		return err
	}
	e := toAPIError(err)
	if x.tolerant && e.status < http.StatusInternalServerError {
		x.h.Logger.Warn("a file of an archive was left out", "request", x.r.id, "bucket", x.r.bucket, "file", file.Name, "err", err)
		return nil
	}
	return &apiError{code: e.code, message: fmt.Sprintf("%s (file %q of the archive)", e.text(), file.Name), cause: err}
}

// archiveReader remembers the error of the archive, which is none of the file.
type archiveReader struct {
	r   io.Reader
	err error
}

func (a *archiveReader) Read(p []byte) (int, error) {
	n, err := a.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		a.err = err
	}
	return n, err
}

// input is the object that a file becomes, if the caller may store it.
func (x *extraction) input(file *tar.Header) (object.PutInput, error) {
	in := object.PutInput{Bucket: x.r.bucket, Key: extractedKey(x.prefix, file), Size: file.Size}
	if file.Typeflag == tar.TypeDir {
		in.Size = 0
	}
	if err := checkKey(in.Key); err != nil {
		return in, err
	}
	if in.Size > s3.MaxPutBytes {
		return in, errEntityTooLarge
	}
	one := *x.r
	plain := *x.r.Request
	plain.Header = fileHeader(x.header, file)
	one.Request, one.key, one.tags = &plain, in.Key, nil
	if err := x.h.authorize(&one, iam.ActionPutObject, one.bucket, one.key); err != nil {
		return in, err
	}
	err := refuseUnsupported(&one)
	if err != nil {
		return in, err
	}
	if err := x.h.checkUploadACL(&one); err != nil {
		return in, err
	}
	if in.Metadata, err = metadata(&one); err != nil {
		return in, err
	}
	if in.IfMatch, in.IfNoneMatch, err = putConditions(&one); err != nil {
		return in, err
	}
	if in.Tags, err = x.h.newTags(&one); err != nil {
		return in, err
	}
	if in.Lock, err = x.h.newLock(&one); err != nil {
		return in, err
	}
	if in.Encryption, err = one.encryption(); err != nil {
		return in, err
	}
	in.Checksum.Algorithm = defaultChecksum
	in.Request, in.StorageClass = one.event(), one.storageClass()
	return in, nil
}

// fileHeader are the archive's headers with those of the file itself. Of these
// only what describes an object counts: policies look at the others.
func fileHeader(common http.Header, file *tar.Header) http.Header {
	h := common.Clone()
	for name, value := range file.PAXRecords {
		name, ok := strings.CutPrefix(name, paxMetadata)
		if name = http.CanonicalHeaderKey(name); ok && describesObject(name) {
			h.Set(name, value)
		}
	}
	return h
}

func describesObject(name string) bool {
	for _, s := range standardHeaders() {
		if s.header == name {
			return true
		}
	}
	for _, prefix := range []string{userMetadataPrefix, "X-Amz-Object-Lock-", "X-Amz-Server-Side-Encryption"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return name == headerStorageClass || name == "X-Amz-Tagging"
}

// extractedKey is the key of a file: its path below the prefix, in which no part
// leads upwards. A folder's ends in a slash.
func extractedKey(prefix string, file *tar.Header) string {
	name := path.Join("/", file.Name) // takes every ".." away
	key := strings.TrimPrefix(path.Join("/", prefix)+name, "/")
	key = strings.TrimLeft(key, "/")
	if file.Typeflag == tar.TypeDir && key != "" {
		key = strings.TrimSuffix(key, "/") + "/"
	}
	return key
}
