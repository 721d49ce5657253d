package crash

import (
	"bytes"
	"context"
	"errors"

	"github.com/minio/minio-go/v7"
)

// upload is one in parts.
type upload struct {
	key, id string
	parts   []minio.CompletePart
	etag    string
	request *request
}

// againEvery of the uploads is completed once more later.
const againEvery = 2

// upload stores an object in parts. Nothing but the completion is a write of
// the key, and only that has the label.
func (w *writer) upload(ctx context.Context, r *request, key string) error {
	if w.completed != nil && w.random.IntN(againEvery) == 0 {
		u := *w.completed
		w.completed = nil
		u.request = &request{label: r.label + " again"} // whose events would be of nothing
		return w.complete(labelled(ctx, u.request), &u)
	}
	parts := [][]byte{body(w.random, r.label, size(w.random))}
	if w.random.IntN(twoPartsEvery) == 0 {
		parts = [][]byte{body(w.random, r.label, partBytes), parts[0]}
	}
	u := &upload{key: key, etag: partsETag(parts), request: r}
	bucket, name := split(key)
	core := minio.Core{Client: w.client}
	var err error
	if u.id, err = core.NewMultipartUpload(ctx, bucket, name, minio.PutObjectOptions{UserMetadata: marked(r.label)}); err != nil {
		return err
	}
	for i, p := range parts {
		part, err := core.PutObjectPart(ctx, bucket, name, u.id, i+1, bytes.NewReader(p), int64(len(p)), minio.PutObjectPartOptions{})
		if err != nil {
			return err
		}
		u.parts = append(u.parts, minio.CompletePart{PartNumber: part.PartNumber, ETag: part.ETag})
	}
	whole := bytes.Join(parts, nil)
	shows := content{mark: r.label, etag: u.etag, sum: sumOf(whole), size: int64(len(whole))}
	if err := w.done(key, r, shows, w.complete(labelled(ctx, r), u)); err != nil {
		w.unsure = u
		return err
	}
	w.completed = u
	return nil
}

// complete asks for the completion of an upload, whether or not that was done
// before: the answer is the same.
func (w *writer) complete(ctx context.Context, u *upload) error {
	bucket, name := split(u.key)
	info, err := minio.Core{Client: w.client}.CompleteMultipartUpload(ctx, bucket, name, u.id, u.parts, minio.PutObjectOptions{})
	w.checkETag(u.key, u.request, info.ETag, u.etag, err)
	return err
}

// completeAgain asks again for the completion that was not answered: before
// anything else, so that the order of what was done to the key stays known. It
// must succeed, whether or not it had happened.
func (w *writer) completeAgain(ctx context.Context) error {
	u := w.unsure
	err := w.complete(labelled(ctx, u.request), u)
	ops := w.ops[u.key]
	last := &ops[len(ops)-1]
	last.sent = int(u.request.sent.Load())
	switch refused := (minio.ErrorResponse{}); {
	case err == nil:
		last.acked = true
		w.unsure, w.completed = nil, u
	case errors.As(err, &refused) && refused.StatusCode < 500:
		w.complain("%s of %s was asked for again, and refused: %w", u.request.label, u.key, err)
		w.unsure = nil
	}
	return err
}
