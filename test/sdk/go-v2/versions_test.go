package walkthrough

import (
	"bytes"
	"errors"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

func versions(t *testing.T, client *s3.Client) {
	ctx, name, key := t.Context(), aws.String("versions"), aws.String("k")
	makeBucket(t, client, *name)
	put(t, client, *name, *key, []byte("null"))
	switchTo := func(status types.BucketVersioningStatus) {
		_, err := client.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: name, VersioningConfiguration: &types.VersioningConfiguration{Status: status}})
		must(t, err)
		got, err := client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: name})
		must(t, err)
		equal(t, "versioning", got.Status, status)
	}
	switchTo(types.BucketVersioningStatusEnabled)
	one, two := put(t, client, *name, *key, []byte("one")), put(t, client, *name, *key, []byte("two"))
	for version, want := range map[string]string{"": "two", two: "two", one: "one", "null": "null"} {
		equal(t, "version "+version, string(get(t, client, *name, *key, version)), want)
	}

	deleted, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: name, Key: key})
	must(t, err)
	equal(t, "delete marker", *deleted.DeleteMarker, true)
	marker := deleted.VersionId
	_, err = client.GetObject(ctx, &s3.GetObjectInput{Bucket: name, Key: key})
	refused(t, "below a marker", "NoSuchKey", err)
	var response *smithyhttp.ResponseError
	_, err = client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: name, Key: key, VersionId: marker})
	equal(t, "head of a marker", []any{errors.As(err, &response), response.HTTPStatusCode()}, []any{true, http.StatusMethodNotAllowed})

	var listed []string
	for pages := s3.NewListObjectVersionsPaginator(client, &s3.ListObjectVersionsInput{Bucket: name, MaxKeys: aws.Int32(2)}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		must(t, err)
		for _, m := range page.DeleteMarkers {
			listed = append(listed, *m.VersionId)
			equal(t, "latest", *m.IsLatest, true)
		}
		for _, v := range page.Versions {
			listed = append(listed, *v.VersionId)
		}
	}
	equal(t, "versions", listed, []string{*marker, two, one, "null"})

	remove := func(version string) {
		_, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: name, Key: key, VersionId: &version})
		must(t, err)
	}
	remove(*marker)
	equal(t, "without the marker", string(get(t, client, *name, *key, "")), "two")
	remove(two)
	equal(t, "without the latest", string(get(t, client, *name, *key, "")), "one")
	_, err = client.GetObject(ctx, &s3.GetObjectInput{Bucket: name, Key: key, VersionId: &two})
	refused(t, "a removed version", "NoSuchVersion", err)
	_, err = client.CopyObject(ctx, &s3.CopyObjectInput{Bucket: name, Key: key, CopySource: aws.String("versions/k?versionId=null")})
	must(t, err)
	equal(t, "an old one brought back", string(get(t, client, *name, *key, "")), "null")

	switchTo(types.BucketVersioningStatusSuspended)
	equal(t, "version while suspended", put(t, client, *name, *key, []byte("suspended")), "null")
	equal(t, "null version", string(get(t, client, *name, *key, "null")), "suspended")
	equal(t, "older version", string(get(t, client, *name, *key, one)), "one")
	all, err := client.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: name})
	must(t, err)
	var identifiers []types.ObjectIdentifier
	for _, v := range all.Versions {
		identifiers = append(identifiers, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
	}
	removed, err := client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: name, Delete: &types.Delete{Objects: identifiers}})
	must(t, err)
	equal(t, "removed", []int{len(removed.Deleted), len(removed.Errors)}, []int{3, 0})
	_, err = client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: name})
	must(t, err)
}

func conditions(t *testing.T, client *s3.Client) {
	ctx, name, key := t.Context(), aws.String(bucket), aws.String("once")
	write := func(ifMatch, ifNoneMatch *string) (*s3.PutObjectOutput, error) {
		return client.PutObject(ctx, &s3.PutObjectInput{Bucket: name, Key: key, Body: bytes.NewReader([]byte("x")), IfMatch: ifMatch, IfNoneMatch: ifNoneMatch})
	}
	any, wrong := aws.String("*"), aws.String("\"00000000000000000000000000000000\"")
	_, err := write(wrong, nil)
	refused(t, "if-match of nothing", "NoSuchKey", err)
	first, err := write(nil, any)
	must(t, err)
	_, err = write(nil, any)
	refused(t, "if-none-match of what is there", "PreconditionFailed", err)
	_, err = write(wrong, nil)
	refused(t, "if-match of another", "PreconditionFailed", err)
	_, err = write(first.ETag, nil)
	must(t, err)

	_, err = client.GetObject(ctx, &s3.GetObjectInput{Bucket: name, Key: key, IfMatch: wrong})
	refused(t, "get another", "PreconditionFailed", err)
	var response *smithyhttp.ResponseError
	_, err = client.GetObject(ctx, &s3.GetObjectInput{Bucket: name, Key: key, IfNoneMatch: first.ETag})
	equal(t, "get the same", []bool{errors.As(err, &response), response.HTTPStatusCode() == http.StatusNotModified}, []bool{true, true})

	created, err := client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: name, Key: key})
	must(t, err)
	part, err := client.UploadPart(ctx, &s3.UploadPartInput{Bucket: name, Key: key, UploadId: created.UploadId, PartNumber: aws.Int32(1), Body: bytes.NewReader([]byte("y"))})
	must(t, err)
	complete := &s3.CompleteMultipartUploadInput{
		Bucket: name, Key: key, UploadId: created.UploadId, IfNoneMatch: any, MultipartUpload: &types.CompletedMultipartUpload{
			Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: part.ETag, ChecksumCRC32: part.ChecksumCRC32}},
		},
	}
	_, err = client.CompleteMultipartUpload(ctx, complete)
	refused(t, "complete over what is there", "PreconditionFailed", err)
	complete.IfNoneMatch, complete.IfMatch = nil, first.ETag
	_, err = client.CompleteMultipartUpload(ctx, complete)
	must(t, err)
	equal(t, "completed", string(get(t, client, bucket, *key, "")), "y")

	_, err = client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: name, Key: key, IfMatch: wrong})
	refused(t, "delete another", "PreconditionFailed", err)
	_, err = client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: name, Key: key, IfMatch: any})
	must(t, err)
}
