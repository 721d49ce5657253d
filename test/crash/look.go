package crash

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/carillon-s3/carillon/test/harness"
)

// look reads every key that was written to.
func look(t *testing.T, client *minio.Client, done history) map[string]state {
	t.Helper()
	var (
		mu    sync.Mutex
		group sync.WaitGroup
	)
	now := make(map[string]state, len(done))
	slots := make(chan struct{}, writers)
	for key := range done {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			s := lookAt(t, client, key)
			mu.Lock()
			defer mu.Unlock()
			now[key] = s
		})
	}
	group.Wait()
	return now
}

func lookAt(t *testing.T, client *minio.Client, key string) state {
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	bucket, name := split(key)
	object, info, _, err := minio.Core{Client: client}.GetObject(ctx, bucket, name, minio.GetObjectOptions{})
	if minio.ToErrorResponse(err).Code == minio.NoSuchKey {
		return state{}
	}
	if err != nil {
		return state{problem: err.Error()}
	}
	defer func() { _ = object.Close() }()
	sum := md5.New()
	n, err := io.Copy(sum, object)
	if err != nil {
		return state{problem: err.Error()}
	}
	s := state{content: content{
		mark: info.UserMetadata[markName], etag: info.ETag, sum: hex.EncodeToString(sum.Sum(nil)), size: n,
	}}
	if info.Size != n {
		s.problem = fmt.Sprintf("(its header says %d bytes, %d came)", info.Size, n)
	}
	return s
}
