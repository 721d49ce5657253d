package crash

import (
	"bytes"
	"context"
	"fmt"

	"github.com/minio/minio-go/v7"
)

// markName is the user metadata that holds a mark.
const markName = "Mark"

func marked(label string) map[string]string { return map[string]string{markName: label} }

// done records the outcome of an operation, and returns err.
func (w *writer) done(key string, r *request, shows content, err error) error {
	w.ops[key] = append(w.ops[key], op{
		kind: kindOf(r.label), label: r.label, shows: shows, acked: err == nil, sent: int(r.sent.Load()),
	})
	return err
}

func (w *writer) checkETag(key string, r *request, got, want string, err error) {
	if err == nil && got != want {
		w.complain("%s of %s was answered with ETag %s, want %s", r.label, key, got, want)
	}
}

// put stores an object.
func (w *writer) put(ctx context.Context, r *request, key string) error {
	b := body(w.random, r.label, size(w.random))
	shows := content{mark: r.label, etag: sumOf(b), sum: sumOf(b), size: int64(len(b))}
	bucket, name := split(key)
	info, err := w.client.PutObject(ctx, bucket, name, bytes.NewReader(b), int64(len(b)),
		minio.PutObjectOptions{UserMetadata: marked(r.label), DisableMultipart: true})
	w.checkETag(key, r, info.ETag, shows.etag, err)
	return w.done(key, r, shows, err)
}

// remove deletes an object.
func (w *writer) remove(ctx context.Context, r *request, key string) error {
	bucket, name := split(key)
	return w.done(key, r, content{}, w.client.RemoveObject(ctx, bucket, name, minio.RemoveObjectOptions{}))
}

// fewKeys is how many keys one request deletes at most.
const fewKeys = 4

// removeFew deletes several objects of the bucket of key with one request.
func (w *writer) removeFew(ctx context.Context, r *request, key string) error {
	bucket, _ := split(key)
	keys := w.present(bucket)
	w.random.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	keys = keys[:min(len(keys), fewKeys)]
	objects := make(chan minio.ObjectInfo, len(keys))
	for _, k := range keys {
		_, name := split(k)
		objects <- minio.ObjectInfo{Key: name}
	}
	close(objects)
	answered := make(map[string]error)
	for result := range w.client.RemoveObjectsWithResult(ctx, bucket, objects, minio.RemoveObjectsOptions{}) {
		answered[bucket+"/"+result.ObjectName] = result.Err
	}
	var failed error
	for _, k := range keys {
		err, ok := answered[k]
		if !ok {
			err = fmt.Errorf("%s: the answer does not say whether %s was deleted", r.label, k)
		}
		if w.done(k, r, content{}, err) != nil {
			failed = err
		}
	}
	return failed
}

// copy makes key a copy of another of the writer's keys, with its metadata or
// with metadata of its own; or of itself, with metadata of its own.
func (w *writer) copy(ctx context.Context, r *request, key string) error {
	bucket, name := split(key)
	sources := w.present(bucket)
	source := sources[w.random.IntN(len(sources))]
	shows, _ := w.latest(source)
	_, from := split(source)
	to := minio.CopyDestOptions{Bucket: bucket, Object: name}
	if source == key || w.random.IntN(2) == 0 {
		shows.mark = r.label
		to.ReplaceMetadata, to.UserMetadata = true, marked(r.label)
	}
	info, err := w.client.CopyObject(ctx, to, minio.CopySrcOptions{Bucket: bucket, Object: from})
	w.checkETag(key, r, info.ETag, shows.etag, err)
	return w.done(key, r, shows, err)
}
