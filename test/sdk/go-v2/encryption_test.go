package walkthrough

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// serverKeys: encryption with keys of the server, asked for by the upload and by
// the bucket's default.
func serverKeys(t *testing.T, client *s3.Client) {
	ctx, name, key := t.Context(), aws.String("encrypted"), aws.String("k")
	makeBucket(t, client, *name)
	body := noise(2 * mib)
	out, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: name, Key: key, Body: bytes.NewReader(body), ServerSideEncryption: types.ServerSideEncryptionAes256})
	must(t, err)
	equal(t, "put", out.ServerSideEncryption, types.ServerSideEncryptionAes256)
	part, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: name, Key: key, Range: aws.String("bytes=100000-199999")})
	must(t, err)
	equal(t, "range", bytes.Equal(read(t, part.Body), body[100_000:200_000]), true)
	equal(t, "told", part.ServerSideEncryption, types.ServerSideEncryptionAes256)

	_, err = client.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{Bucket: name, ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{
		Rules: []types.ServerSideEncryptionRule{{ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAes256}}},
	}})
	must(t, err)
	got, err := client.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: name})
	must(t, err)
	equal(t, "default", got.ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm, types.ServerSideEncryptionAes256)
	put(t, client, *name, "by default", body)
	head, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: name, Key: aws.String("by default")})
	must(t, err)
	equal(t, "by default", head.ServerSideEncryption, types.ServerSideEncryptionAes256)
	equal(t, "length", *head.ContentLength, int64(len(body)))
	_, err = client.CopyObject(ctx, &s3.CopyObjectInput{Bucket: aws.String(bucket), Key: aws.String("in the clear"), CopySource: aws.String("encrypted/k")})
	must(t, err)
	equal(t, "copy", bytes.Equal(get(t, client, bucket, "in the clear", ""), body), true)
	_, err = client.DeleteBucketEncryption(ctx, &s3.DeleteBucketEncryptionInput{Bucket: name})
	must(t, err)
}

// customerKey is a key as the three headers want it.
type customerKey struct{ algorithm, key, digest *string }

func newCustomerKey(fill byte) customerKey {
	key := bytes.Repeat([]byte{fill}, 32)
	digest := md5.Sum(key)
	return customerKey{aws.String("AES256"), aws.String(base64.StdEncoding.EncodeToString(key)), aws.String(base64.StdEncoding.EncodeToString(digest[:]))}
}

// customerKeys: encryption with keys that the requests bring.
func customerKeys(t *testing.T, client *s3.Client) {
	ctx, name, key := t.Context(), aws.String(bucket), aws.String("sealed")
	mine, other := newCustomerKey('m'), newCustomerKey('o')
	body := noise(2 * mib)
	_, err := client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: name, Key: key, Body: bytes.NewReader(body), SSECustomerAlgorithm: mine.algorithm, SSECustomerKey: mine.key, SSECustomerKeyMD5: mine.digest,
	})
	must(t, err)
	open := func(key *string, k customerKey, byteRange *string) (*s3.GetObjectOutput, error) {
		return client.GetObject(ctx, &s3.GetObjectInput{
			Bucket: name, Key: key, Range: byteRange, SSECustomerAlgorithm: k.algorithm, SSECustomerKey: k.key, SSECustomerKeyMD5: k.digest,
		})
	}
	_, err = open(key, customerKey{}, nil)
	refused(t, "without the key", "InvalidRequest", err)
	_, err = open(key, other, nil)
	refused(t, "with another key", "AccessDenied", err)
	whole, err := open(key, mine, nil)
	must(t, err)
	equal(t, "whole", bytes.Equal(read(t, whole.Body), body), true)
	part, err := open(key, mine, aws.String("bytes=65530-65550"))
	must(t, err)
	equal(t, "range", bytes.Equal(read(t, part.Body), body[65_530:65_551]), true)

	_, err = client.CopyObject(ctx, &s3.CopyObjectInput{
		Bucket: name, Key: aws.String("resealed"), CopySource: aws.String(bucket + "/sealed"),
		CopySourceSSECustomerAlgorithm: mine.algorithm, CopySourceSSECustomerKey: mine.key, CopySourceSSECustomerKeyMD5: mine.digest,
		SSECustomerAlgorithm: other.algorithm, SSECustomerKey: other.key, SSECustomerKeyMD5: other.digest,
	})
	must(t, err)
	whole, err = open(aws.String("resealed"), other, nil)
	must(t, err)
	equal(t, "copy under another key", bytes.Equal(read(t, whole.Body), body), true)

	created, err := client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: name, Key: aws.String("sealed parts"), SSECustomerAlgorithm: mine.algorithm, SSECustomerKey: mine.key, SSECustomerKeyMD5: mine.digest,
	})
	must(t, err)
	var parts []types.CompletedPart
	for i, data := range [][]byte{noise(partSize), body} {
		number := aws.Int32(int32(i + 1))
		part, err := client.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: name, Key: aws.String("sealed parts"), UploadId: created.UploadId, PartNumber: number, Body: bytes.NewReader(data),
			SSECustomerAlgorithm: mine.algorithm, SSECustomerKey: mine.key, SSECustomerKeyMD5: mine.digest,
		})
		must(t, err)
		parts = append(parts, types.CompletedPart{PartNumber: number, ETag: part.ETag, ChecksumCRC32: part.ChecksumCRC32})
	}
	_, err = client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: name, Key: aws.String("sealed parts"), UploadId: created.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	must(t, err)
	whole, err = open(aws.String("sealed parts"), mine, nil)
	must(t, err)
	equal(t, "parts", bytes.Equal(read(t, whole.Body), append(noise(partSize), body...)), true)
}
