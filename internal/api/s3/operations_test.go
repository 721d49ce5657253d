package s3api_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"
)

func TestBuckets(t *testing.T) {
	t.Parallel()
	s, ctx := newSite(t), t.Context()
	if err := s.client.MakeBucket(ctx, "photos", minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := s.client.MakeBucket(ctx, "elsewhere", minio.MakeBucketOptions{Region: "eu-west-7"}); err != nil {
		t.Fatal(err)
	}
	err := s.client.MakeBucket(ctx, "photos", minio.MakeBucketOptions{})
	if minio.ToErrorResponse(err).Code != "BucketAlreadyOwnedByYou" {
		t.Errorf("second MakeBucket: %v", err)
	}
	if ok, err := s.client.BucketExists(ctx, "photos"); !ok || err != nil {
		t.Errorf("BucketExists = %v, %v", ok, err)
	}
	if ok, err := s.client.BucketExists(ctx, "missing"); ok || err != nil {
		t.Errorf("BucketExists of a missing bucket = %v, %v", ok, err)
	}
	list, err := s.client.ListBuckets(ctx)
	if err != nil || len(list) != 2 || list[0].Name != "elsewhere" || list[1].Name != "photos" {
		t.Fatalf("ListBuckets = %v, %v", list, err)
	}
	if age := time.Since(list[0].CreationDate); age < -time.Hour || age > time.Hour {
		t.Errorf("created %v", list[0].CreationDate)
	}
	for bucket, want := range map[string]string{"photos": "us-east-1", "elsewhere": "eu-west-7"} {
		if got, err := s.client.GetBucketLocation(ctx, bucket); got != want || err != nil {
			t.Errorf("location of %s = %q, %v", bucket, got, err)
		}
	}
	s.store(t, "photos", "k", "body", nil)
	if err := s.client.RemoveBucket(ctx, "photos"); minio.ToErrorResponse(err).Code != "BucketNotEmpty" {
		t.Errorf("RemoveBucket of a full one: %v", err)
	}
	if err := s.client.RemoveBucket(ctx, "elsewhere"); err != nil {
		t.Error(err)
	}
	if v, err := s.client.GetBucketVersioning(ctx, "photos"); err != nil || v.Status != "" {
		t.Errorf("versioning = %v, %v", v, err)
	}
}

func TestPutAndGet(t *testing.T) {
	t.Parallel()
	s, ctx := newSite(t), t.Context()
	s.bucket(t, "bkt")
	tests := []struct {
		name, key string
		size      int
		options   minio.PutObjectOptions
	}{
		{name: "small", key: "small", size: 10},
		{name: "empty", key: "empty", size: 0},
		{name: "one chunk", key: "chunk", size: 65536},
		{name: "larger than inlined", key: "large", size: 3<<20 + 7},
		{name: "a key that needs encoding", key: "ä b+c%/d?e&f=g/#h;i~!*'()", size: 3},
		{name: "empty segments", key: "a//b/./../c/", size: 3},
		{name: "with MD5", key: "md5", size: 100, options: minio.PutObjectOptions{SendContentMd5: true}},
		{name: "crc32c trailer", key: "crc32c", size: 70000, options: minio.PutObjectOptions{Checksum: minio.ChecksumCRC32C}},
		{name: "crc32 trailer", key: "crc32", size: 5, options: minio.PutObjectOptions{Checksum: minio.ChecksumCRC32}},
		{name: "crc64nvme trailer", key: "crc64", size: 5, options: minio.PutObjectOptions{Checksum: minio.ChecksumCRC64NVME}},
		{name: "sha256 trailer", key: "sha256", size: 5, options: minio.PutObjectOptions{Checksum: minio.ChecksumSHA256}},
		{name: "sha1 trailer", key: "sha1", size: 5, options: minio.PutObjectOptions{Checksum: minio.ChecksumSHA1}},
		{name: "empty with trailer", key: "empty-crc", size: 0, options: minio.PutObjectOptions{Checksum: minio.ChecksumCRC32C}},
		{name: "unsigned payload", key: "unsigned", size: 5, options: minio.PutObjectOptions{DisableContentSha256: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			data := bytes.Repeat([]byte("0123456789"), tt.size/10+1)[:tt.size]
			tt.options.DisableMultipart = true
			info, err := s.client.PutObject(ctx, "bkt", tt.key, bytes.NewReader(data), int64(tt.size), tt.options)
			if err != nil {
				t.Fatal(err)
			}
			o, err := s.client.GetObject(ctx, "bkt", tt.key, minio.GetObjectOptions{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(o)
			if err != nil || !bytes.Equal(got, data) {
				t.Fatalf("got %d bytes, %v", len(got), err)
			}
			stat, err := s.client.StatObject(ctx, "bkt", tt.key, minio.StatObjectOptions{})
			if err != nil || stat.ETag != info.ETag || stat.Size != int64(tt.size) || stat.LastModified.IsZero() {
				t.Errorf("stat = %+v, %v; put %+v", stat, err, info)
			}
		})
	}
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	s, ctx := newSite(t), t.Context()
	s.bucket(t, "bkt")
	expires := time.Date(2030, time.May, 24, 1, 2, 3, 0, time.UTC)
	_, err := s.client.PutObject(ctx, "bkt", "k", strings.NewReader("x"), 1, minio.PutObjectOptions{
		ContentType: "image/png", CacheControl: "max-age=1", ContentDisposition: "inline", ContentEncoding: "gzip",
		ContentLanguage: "de", Expires: expires, UserMetadata: map[string]string{"Colour": "grün", "X-Amz-Meta-Two": "2"},
	})
	if err != nil {
		t.Fatal(err)
	}
	stat, err := s.client.StatObject(ctx, "bkt", "k", minio.StatObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"Content-Type": "image/png", "Cache-Control": "max-age=1", "Content-Disposition": "inline",
		"Content-Encoding": "gzip", "Content-Language": "de", "Expires": "Fri, 24 May 2030 01:02:03 GMT",
		"X-Amz-Meta-Colour": "grün", "X-Amz-Meta-Two": "2",
	}
	got := map[string]string{"Content-Type": stat.ContentType, "Expires": stat.Expires.UTC().Format(http.TimeFormat)}
	for name := range want {
		if v := stat.Metadata.Get(name); v != "" {
			got[name] = v
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	a := s.do(t, raw{method: "GET", path: "/bkt/k?response-content-type=text%2Fplain&response-expires=never&response-cache-control=no-store"})
	if a.Header.Get("Content-Type") != "text/plain" || a.Header.Get("Expires") != "never" || a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Content-Language") != "de" {
		t.Errorf("overridden headers: %v", a.Header)
	}
	s.do(t, raw{method: "PUT", path: "/bkt/bare", body: "x"})
	if a := s.do(t, raw{method: "HEAD", path: "/bkt/bare"}); a.Header.Get("Content-Type") != "binary/octet-stream" {
		t.Errorf("default content type %q", a.Header.Get("Content-Type"))
	}
	s.do(t, raw{method: "PUT", path: "/bkt/chunked", body: "x", header: map[string]string{"Content-Encoding": "aws-chunked, gzip"}})
	if a := s.do(t, raw{method: "HEAD", path: "/bkt/chunked"}); a.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("content encoding %q", a.Header.Get("Content-Encoding"))
	}
}

func TestPresigned(t *testing.T) {
	t.Parallel()
	s, ctx := newSite(t), t.Context()
	s.bucket(t, "bkt")
	u, err := s.client.PresignedPutObject(ctx, "bkt", "k l", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if status, body := fetch(t, "PUT", u.String(), "through a URL"); status != http.StatusOK {
		t.Fatalf("PUT: %d %s", status, body)
	}
	u, err = s.client.PresignedGetObject(ctx, "bkt", "k l", time.Hour, url.Values{"response-content-type": {"text/plain"}})
	if err != nil {
		t.Fatal(err)
	}
	if status, body := fetch(t, "GET", u.String(), ""); status != http.StatusOK || body != "through a URL" {
		t.Errorf("GET: %d %s", status, body)
	}
	if status, body := fetch(t, "DELETE", u.String(), ""); status != http.StatusForbidden || !strings.Contains(body, "SignatureDoesNotMatch") {
		t.Errorf("DELETE with a URL for GET: %d %s", status, body)
	}
}

func fetch(t *testing.T, method, u, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, u, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestDelete(t *testing.T) {
	t.Parallel()
	s, ctx := newSite(t), t.Context()
	s.bucket(t, "bkt")
	for _, key := range []string{"a", "b", "c", "d/e", "f & <g>"} {
		s.store(t, "bkt", key, "x", nil)
	}
	if err := s.client.RemoveObject(ctx, "bkt", "a", minio.RemoveObjectOptions{}); err != nil {
		t.Error(err)
	}
	if err := s.client.RemoveObject(ctx, "bkt", "never was", minio.RemoveObjectOptions{}); err != nil {
		t.Errorf("a missing key: %v", err)
	}
	if err := s.client.RemoveObject(ctx, "bkt", "b", minio.RemoveObjectOptions{VersionID: "null"}); err != nil {
		t.Error(err)
	}
	err := s.client.RemoveObject(ctx, "bkt", "c", minio.RemoveObjectOptions{VersionID: "7"})
	if minio.ToErrorResponse(err).Code != "InvalidArgument" {
		t.Errorf("no version id: %v", err)
	}
	names := make(chan minio.ObjectInfo, 8)
	for _, key := range []string{"d/e", "f & <g>", "missing"} {
		names <- minio.ObjectInfo{Key: key}
	}
	names <- minio.ObjectInfo{Key: "c", VersionID: "7"}
	close(names)
	var failed []string
	for e := range s.client.RemoveObjects(ctx, "bkt", names, minio.RemoveObjectsOptions{}) {
		failed = append(failed, e.ObjectName+" "+minio.ToErrorResponse(e.Err).Code)
	}
	// The client takes an unknown version for deleted.
	if diff := cmp.Diff([]string(nil), failed); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"c"}, s.keys(t, "bkt")); diff != "" {
		t.Error(diff)
	}
}

func TestDeleteObjectsAnswers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	long := strings.Repeat("k", 1025)
	for quiet, want := range map[string]string{
		"true":  "<Error><Key>" + long + "</Key><Code>KeyTooLongError</Code><Message>Your key is too long.</Message></Error></DeleteResult>",
		"false": "<Deleted><Key>a&lt;</Key></Deleted><Deleted><Key>b</Key><VersionId>null</VersionId></Deleted><Error><Key>" + long + "</Key><Code>KeyTooLongError</Code><Message>Your key is too long.</Message></Error></DeleteResult>",
	} {
		body := "<Delete><Quiet>" + quiet + "</Quiet><Object><Key>a&lt;</Key></Object><Object><Key>b</Key><VersionId>null</VersionId></Object><Object><Key>" + long + "</Key></Object></Delete>"
		a := s.do(t, raw{method: "POST", path: "/bkt?delete", body: body, header: map[string]string{"Content-Md5": contentMD5(body)}})
		_, got, _ := strings.Cut(a.body, `xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`)
		if a.StatusCode != 200 || got != want {
			t.Errorf("quiet=%s: %d %s", quiet, a.StatusCode, a.body)
		}
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	s, ctx := newSite(t), t.Context()
	s.bucket(t, "bkt")
	keys := []string{"a b", "a+b", "dir/one", "dir/two", "dir/zwei/drei", "ä&<", "z"}
	slices.Sort(keys)
	for _, key := range keys {
		s.store(t, "bkt", key, key, map[string]string{"content-type": "text/plain", "X-Amz-Meta-Colour": "grün", "X-Amz-Meta-No'Element": "1"})
	}
	collect := func(o minio.ListObjectsOptions) []string {
		var got []string
		for info := range s.client.ListObjects(ctx, "bkt", o) {
			if info.Err != nil {
				t.Errorf("%+v: %v", o, info.Err)
				return nil
			}
			got = append(got, info.Key)
		}
		return got
	}
	grouped := []string{"a b", "a+b", "z", "ä&<", "dir/"}
	for _, v1 := range []bool{false, true} {
		for _, size := range []int{0, 1, 2} {
			if diff := cmp.Diff(keys, collect(minio.ListObjectsOptions{Recursive: true, UseV1: v1, MaxKeys: size})); diff != "" {
				t.Errorf("v1=%v size=%d: %s", v1, size, diff)
			}
			got := collect(minio.ListObjectsOptions{UseV1: v1, MaxKeys: size})
			slices.Sort(got)
			want := slices.Sorted(slices.Values(grouped))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("v1=%v size=%d, by folder: %s", v1, size, diff)
			}
		}
		if diff := cmp.Diff([]string{"dir/one", "dir/two", "dir/zwei/"}, collect(minio.ListObjectsOptions{Prefix: "dir/", UseV1: v1})); diff != "" {
			t.Errorf("v1=%v: %s", v1, diff)
		}
		if diff := cmp.Diff([]string{"dir/two", "dir/zwei/drei", "z", "ä&<"}, collect(minio.ListObjectsOptions{StartAfter: "dir/one", Recursive: true, UseV1: v1})); diff != "" {
			t.Errorf("v1=%v: %s", v1, diff)
		}
	}
	for info := range s.client.ListObjects(ctx, "bkt", minio.ListObjectsOptions{Prefix: "z", WithMetadata: true}) {
		want := minio.StringMap{"content-type": "text/plain", "X-Amz-Meta-Colour": "grün"}
		if diff := cmp.Diff(want, info.UserMetadata); diff != "" || info.Size != 1 || info.ETag == "" || info.StorageClass != "STANDARD" || info.Owner.DisplayName == "" {
			t.Errorf("%+v %s", info, diff)
		}
	}
	var versions []string
	for info := range s.client.ListObjects(ctx, "bkt", minio.ListObjectsOptions{WithVersions: true, Recursive: true, MaxKeys: 2}) {
		if info.Err != nil || info.VersionID != "null" || !info.IsLatest {
			t.Errorf("%+v", info)
		}
		versions = append(versions, info.Key)
	}
	if diff := cmp.Diff(keys, versions); diff != "" {
		t.Error(diff)
	}
	for up := range s.client.ListIncompleteUploads(ctx, "bkt", "", true) {
		t.Errorf("upload %+v", up)
	}
}

func TestConditionalPut(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	put := func(body, name, value string) answer {
		return s.do(t, raw{method: "PUT", path: "/bkt/k", body: body, header: map[string]string{name: value}})
	}
	if a := put("1", "If-None-Match", "*"); a.StatusCode != 200 {
		t.Fatalf("first: %d %s", a.StatusCode, a.body)
	}
	if a := put("2", "If-None-Match", "*"); a.StatusCode != 412 || a.code(t) != "PreconditionFailed" {
		t.Errorf("second: %d %s", a.StatusCode, a.body)
	}
	etag := s.do(t, raw{method: "HEAD", path: "/bkt/k"}).Header.Get("Etag")
	if a := put("3", "If-Match", `"`+strings.Repeat("0", 32)+`"`); a.StatusCode != 412 {
		t.Errorf("other ETag: %d %s", a.StatusCode, a.body)
	}
	if a := put("4", "If-Match", etag); a.StatusCode != 200 {
		t.Errorf("right ETag: %d %s", a.StatusCode, a.body)
	}
	if a := put("5", "If-Match", `"a", "b"`); a.StatusCode != 501 {
		t.Errorf("two ETags: %d %s", a.StatusCode, a.body)
	}
	if a := s.do(t, raw{method: "GET", path: "/bkt/k"}); a.body != "4" {
		t.Errorf("stored %q", a.body)
	}
}

func TestSiteRegion(t *testing.T) {
	t.Parallel()
	s := newSite(t, regional("eu-west-7"))
	ctx := context.Background()
	if err := s.client.MakeBucket(ctx, "bkt", minio.MakeBucketOptions{Region: "eu-west-7"}); err != nil {
		t.Fatal(err)
	}
	if got, err := s.client.GetBucketLocation(ctx, "bkt"); got != "eu-west-7" || err != nil {
		t.Errorf("location = %q, %v", got, err)
	}
	if _, err := s.client.PutObject(ctx, "bkt", "k", strings.NewReader("x"), 1, minio.PutObjectOptions{}); err != nil {
		t.Errorf("a client that asks for the region first: %v", err)
	}
	if _, err := s.client.ListBuckets(ctx); err != nil {
		t.Error(err)
	}
	a := s.do(t, raw{method: "GET", path: "/bkt/k", region: "us-east-2"})
	if a.StatusCode != 400 || a.code(t) != "AuthorizationHeaderMalformed" || !strings.Contains(a.body, "<Region>eu-west-7</Region>") {
		t.Errorf("wrong region: %d %s", a.StatusCode, a.body)
	}
	if a.Header.Get("X-Amz-Bucket-Region") != "eu-west-7" {
		t.Errorf("headers %v", a.Header)
	}
	err := s.newClient(t, "eu-west-7").MakeBucket(ctx, "other", minio.MakeBucketOptions{Region: "eu-west-8"})
	var e minio.ErrorResponse
	if !errors.As(err, &e) || e.StatusCode != 400 {
		t.Errorf("MakeBucket elsewhere: %v", err)
	}
}

// TestStorageClass: what is given is told, but for STANDARD in headers; a copy
// has its own.
func TestStorageClass(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	reduced := headers{"X-Amz-Storage-Class": "REDUCED_REDUNDANCY"}
	s.do(t, raw{method: "PUT", path: "/bkt/a", body: "x", header: reduced})
	s.do(t, raw{method: "PUT", path: "/bkt/b", body: "x", header: headers{"X-Amz-Storage-Class": "STANDARD"}})
	s.do(t, raw{method: "PUT", path: "/bkt/c", header: headers{"X-Amz-Copy-Source": "bkt/a"}})
	path, part := s.uploadOne(t, reduced, nil, "x")
	if a := s.do(t, raw{method: "GET", path: path}); !strings.Contains(a.body, "<StorageClass>REDUCED_REDUNDANCY<") {
		t.Errorf("parts: %s", a.body)
	}
	s.do(t, raw{method: "POST", path: path, body: completion(part.Header.Get("Etag"), "")})
	var list struct {
		Contents []struct{ Key, StorageClass string }
	}
	mustParse(t, s.do(t, raw{method: "GET", path: "/bkt?list-type=2"}), &list)
	want := map[string]string{"a": "REDUCED_REDUNDANCY", "b": "", "c": "", "k": "REDUCED_REDUNDANCY"}
	if len(list.Contents) != len(want) {
		t.Errorf("listed %+v", list.Contents)
	}
	for _, o := range list.Contents {
		told := want[o.Key]
		if told == "" {
			told = "STANDARD"
		}
		if o.StorageClass != told {
			t.Errorf("%s is listed as %s", o.Key, o.StorageClass)
		}
		if a := s.do(t, raw{method: "HEAD", path: "/bkt/" + o.Key}); a.Header.Get("X-Amz-Storage-Class") != want[o.Key] {
			t.Errorf("%s has header %q", o.Key, a.Header.Get("X-Amz-Storage-Class"))
		}
	}
}
