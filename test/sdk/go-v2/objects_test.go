package walkthrough

import (
	"bytes"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func buckets(t *testing.T, client *s3.Client) {
	ctx, name := t.Context(), aws.String("made")
	makeBucket(t, client, *name)
	_, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: name})
	refused(t, "make it again", "BucketAlreadyOwnedByYou", err)
	_, err = client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: name})
	must(t, err)
	listed, err := client.ListBuckets(ctx, &s3.ListBucketsInput{})
	must(t, err)
	equal(t, "listed", slices.ContainsFunc(listed.Buckets, func(b types.Bucket) bool { return *b.Name == *name && b.CreationDate != nil }), true)
	put(t, client, *name, "k", nil)
	_, err = client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: name})
	refused(t, "remove it with an object", "BucketNotEmpty", err)
	_, err = client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: name, Key: aws.String("k")})
	must(t, err)
	_, err = client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: name})
	must(t, err)
	_, err = client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: name})
	refused(t, "head what is gone", "NotFound", err)
	_, err = client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("Not_A_Name")})
	refused(t, "a bad name", "InvalidBucketName", err)
}

func objects(t *testing.T, client *s3.Client) {
	ctx, key := t.Context(), aws.String("object")
	body := []byte("the quick brown fox")
	put, err := client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String(bucket), Key: key, Body: bytes.NewReader(body),
		ContentType: aws.String("text/x"), CacheControl: aws.String("no-store"), Metadata: map[string]string{"color": "red"},
	})
	must(t, err)
	head, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: key})
	must(t, err)
	equal(t, "length", *head.ContentLength, int64(len(body)))
	equal(t, "ETag", *head.ETag, *put.ETag)
	equal(t, "headers", []string{*head.ContentType, *head.CacheControl, head.Metadata["color"]}, []string{"text/x", "no-store", "red"})
	equal(t, "body", string(get(t, client, bucket, *key, "")), string(body))

	for asked, want := range map[string]string{"bytes=4-8": "quick", "bytes=16-": "fox", "bytes=-3": "fox", "bytes=16-99": "fox"} {
		part, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: key, Range: &asked})
		must(t, err)
		equal(t, asked, string(read(t, part.Body)), want)
	}
	_, err = client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: key, Range: aws.String("bytes=19-")})
	refused(t, "a range beyond the end", "InvalidRange", err)
	_, err = client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String("none")})
	refused(t, "no such key", "NoSuchKey", err)

	for _, size := range []int{0, 1, 70_000, 3 * mib} {
		data := noise(size)
		_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("sized"), Body: bytes.NewReader(data)})
		must(t, err)
		equal(t, "sized", bytes.Equal(get(t, client, bucket, "sized", ""), data), true)
	}
	removed, err := client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: aws.String(bucket), Delete: &types.Delete{
		Objects: []types.ObjectIdentifier{{Key: key}, {Key: aws.String("sized")}, {Key: aws.String("never there")}},
	}})
	must(t, err)
	equal(t, "removed", []int{len(removed.Deleted), len(removed.Errors)}, []int{3, 0})
	_, err = client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: key})
	refused(t, "head what is gone", "NotFound", err)
}

// oddKeys are what proxies, encodings and signatures stumble over.
func oddKeys() []string {
	return []string{
		"a b", "a+b", "a%b", "a%20b", "a&b=c?d#e", "a'b\"c", "a<b>c", "a;b:c@d,e", "a//b", "a~b!c*(d)$",
		"über/ä", "日本語", "emoji \U0001F600", "trailing/", "dir/one", "dir/sub/two", "dir/sub/three", "line\nbreak",
	}
}

func listing(t *testing.T, client *s3.Client) {
	ctx, name := t.Context(), aws.String("listed")
	makeBucket(t, client, *name)
	want := oddKeys()
	slices.Sort(want)
	for _, key := range want {
		put(t, client, *name, key, []byte(key))
	}
	for _, size := range []int32{1, 3, 1000} {
		var got []string
		for pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: name, MaxKeys: &size}); pages.HasMorePages(); {
			page, err := pages.NextPage(ctx)
			must(t, err)
			for _, o := range page.Contents {
				got = append(got, *o.Key)
			}
		}
		equal(t, "keys", got, want)
	}
	for _, key := range want {
		equal(t, key, string(get(t, client, *name, key, "")), key)
	}
	folders, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: name, Delimiter: aws.String("/"), Prefix: aws.String("dir/")})
	must(t, err)
	equal(t, "within dir", []string{*folders.Contents[0].Key, *folders.CommonPrefixes[0].Prefix}, []string{"dir/one", "dir/sub/"})
	old, err := client.ListObjects(ctx, &s3.ListObjectsInput{Bucket: name, EncodingType: types.EncodingTypeUrl, Prefix: aws.String("über/")})
	must(t, err)
	equal(t, "first version of the listing", *old.Contents[0].Key, "%C3%BCber/%C3%A4")
	after, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: name, StartAfter: &want[len(want)-2]})
	must(t, err)
	equal(t, "start-after", *after.Contents[0].Key, want[len(want)-1])

	var identifiers []types.ObjectIdentifier
	for _, key := range want {
		identifiers = append(identifiers, types.ObjectIdentifier{Key: &key})
	}
	removed, err := client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: name, Delete: &types.Delete{Objects: identifiers, Quiet: aws.Bool(true)}})
	must(t, err)
	equal(t, "removed quietly", len(removed.Deleted)+len(removed.Errors), 0)
	_, err = client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: name})
	must(t, err)
}

func copies(t *testing.T, client *s3.Client) {
	ctx := t.Context()
	source, body := "über a+b%.txt", noise(100_000)
	_, err := client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String(bucket), Key: &source, Body: bytes.NewReader(body), Metadata: map[string]string{"color": "red"},
	})
	must(t, err)
	from := aws.String(bucket + "/" + escape(source))
	_, err = client.CopyObject(ctx, &s3.CopyObjectInput{Bucket: aws.String(bucket), Key: aws.String("copy"), CopySource: from})
	must(t, err)
	head, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String("copy")})
	must(t, err)
	equal(t, "metadata of the copy", head.Metadata["color"], "red")
	equal(t, "copy", bytes.Equal(get(t, client, bucket, "copy", ""), body), true)
	_, err = client.CopyObject(ctx, &s3.CopyObjectInput{
		Bucket: aws.String(bucket), Key: aws.String("copy"), CopySource: from,
		MetadataDirective: types.MetadataDirectiveReplace, Metadata: map[string]string{"color": "blue"},
	})
	must(t, err)
	head, err = client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String("copy")})
	must(t, err)
	equal(t, "metadata replaced", head.Metadata["color"], "blue")
	_, err = client.CopyObject(ctx, &s3.CopyObjectInput{Bucket: aws.String(bucket), Key: &source, CopySource: from})
	refused(t, "copy onto itself", "InvalidRequest", err)
	_, err = client.CopyObject(ctx, &s3.CopyObjectInput{
		Bucket: aws.String(bucket), Key: aws.String("copy"), CopySource: from, CopySourceIfMatch: aws.String("\"0\""),
	})
	refused(t, "copy what it is not", "PreconditionFailed", err)
}
