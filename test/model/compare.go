package model

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
)

// agrees compares all that the server returns of a bucket with the model.
func (r *replay) agrees(ctx context.Context, s *shared, client *minio.Client) error {
	if err := r.listing(ctx, s, client); err != nil {
		return err
	}
	for _, key := range r.sortedKeys() {
		for _, v := range r.keys[key] {
			if v.marker {
				continue
			}
			id := v.id
			if s.state == never {
				id = ""
			}
			if err := v.compare(ctx, s, client, key, id); err != nil {
				return fmt.Errorf("%s, version %s: %w", key, v.id, err)
			}
		}
	}
	return nil
}

// listing compares the listings of versions and of keys.
func (r *replay) listing(ctx context.Context, s *shared, client *minio.Client) error {
	var want, wantKeys, got, gotKeys []string
	for _, key := range r.sortedKeys() {
		for i, v := range r.keys[key] {
			want = append(want, line(key, v.id, v.etag, v.size, v.marker, i == 0))
		}
		if r.shown(key) != nil {
			wantKeys = append(wantKeys, key)
		}
	}
	for v := range client.ListObjects(ctx, s.bucket, minio.ListObjectsOptions{WithVersions: true, Recursive: true}) {
		if v.Err != nil {
			return v.Err
		}
		got = append(got, line(v.Key, v.VersionID, v.ETag, v.Size, v.IsDeleteMarker, v.IsLatest))
	}
	for o := range client.ListObjects(ctx, s.bucket, minio.ListObjectsOptions{Recursive: true}) {
		if o.Err != nil {
			return o.Err
		}
		gotKeys = append(gotKeys, o.Key)
	}
	if diff := difference(want, got); diff != "" {
		return fmt.Errorf("listing of versions: %s", diff)
	}
	if diff := difference(wantKeys, gotKeys); diff != "" {
		return fmt.Errorf("listing of keys: %s", diff)
	}
	return nil
}

func line(key, id, etag string, size int64, marker, latest bool) string {
	if id == "" {
		id = nullVersion
	}
	return fmt.Sprintf("%s %s etag %s size %d marker %v latest %v", key, id, strings.Trim(etag, `"`), size, marker, latest)
}

// difference is the first line in which two lists differ.
func difference(want, got []string) string {
	for i := range max(len(want), len(got)) {
		w, g := "nothing", "nothing"
		if i < len(want) {
			w = want[i]
		}
		if i < len(got) {
			g = got[i]
		}
		if w != g {
			return fmt.Sprintf("line %d is %s, and the model has %s", i, g, w)
		}
	}
	return ""
}

// compare reads one version.
func (v *version) compare(ctx context.Context, s *shared, client *minio.Client, key, id string) error {
	object, info, _, err := minio.Core{Client: client}.GetObject(ctx, s.bucket, key, minio.GetObjectOptions{VersionID: id})
	if err != nil {
		return err
	}
	defer func() { _ = object.Close() }()
	sum := md5.New()
	n, err := io.Copy(sum, object)
	if err != nil {
		return err
	}
	if got := (content{info.ETag, hex.EncodeToString(sum.Sum(nil)), n}); got != v.content {
		return fmt.Errorf("holds %+v, and the model has %+v", got, v.content)
	}
	set, err := client.GetObjectTagging(ctx, s.bucket, key, minio.GetObjectTaggingOptions{VersionID: id})
	if err != nil {
		return err
	}
	if !maps.Equal(set.ToMap(), v.tags) {
		return fmt.Errorf("has tags %v, and the model has %v", set.ToMap(), v.tags)
	}
	if s.locks {
		return v.compareLock(info)
	}
	return nil
}

func (v *version) compareLock(info minio.ObjectInfo) error {
	mode, until := info.Metadata.Get("X-Amz-Object-Lock-Mode"), info.Metadata.Get("X-Amz-Object-Lock-Retain-Until-Date")
	got := retention{mode: mode}
	if until != "" {
		t, err := time.Parse(time.RFC3339, until)
		if err != nil {
			return err
		}
		got.until = t
	}
	hold := info.Metadata.Get("X-Amz-Object-Lock-Legal-Hold") == "ON"
	if got.mode != v.mode || !got.until.Equal(v.until) || hold != v.hold {
		return fmt.Errorf("has retention %v and hold %v, and the model has %v and %v", got, hold, v.retention, v.hold)
	}
	return nil
}
