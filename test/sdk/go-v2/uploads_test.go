package walkthrough

import (
	"bytes"
	"hash/crc64"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// inParts uploads in parts, breaks off, and goes on with what is listed.
func inParts(t *testing.T, client *s3.Client) {
	ctx, name, key := t.Context(), aws.String(bucket), aws.String("in parts/ü b")
	bodies := [][]byte{noise(partSize), noise(partSize + 1), noise(partSize + 2), []byte("end")}
	created, err := client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: name, Key: key, Metadata: map[string]string{"color": "red"}})
	must(t, err)
	upload := func(number int32) {
		_, err := client.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: name, Key: key, UploadId: created.UploadId, PartNumber: &number, Body: bytes.NewReader(bodies[number-1]),
		})
		must(t, err)
	}
	upload(1)
	upload(3)

	uploads, err := client.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: name})
	must(t, err)
	equal(t, "upload under way", []string{*uploads.Uploads[0].Key, *uploads.Uploads[0].UploadId}, []string{*key, *created.UploadId})
	list := func() (parts []types.CompletedPart) {
		in := &s3.ListPartsInput{Bucket: name, Key: key, UploadId: created.UploadId, MaxParts: aws.Int32(1)}
		for pages := s3.NewListPartsPaginator(client, in); pages.HasMorePages(); {
			page, err := pages.NextPage(ctx)
			must(t, err)
			for _, p := range page.Parts {
				parts = append(parts, types.CompletedPart{PartNumber: p.PartNumber, ETag: p.ETag, ChecksumCRC32: p.ChecksumCRC32})
			}
		}
		return parts
	}
	there := list()
	equal(t, "parts so far", []int32{*there[0].PartNumber, *there[1].PartNumber}, []int32{1, 3})
	upload(2)
	upload(4)
	_, err = client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: name, Key: key, UploadId: created.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: list()},
	})
	must(t, err)
	equal(t, "all parts", bytes.Equal(get(t, client, bucket, *key, ""), slices.Concat(bodies...)), true)
	second, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: name, Key: key, PartNumber: aws.Int32(2)})
	must(t, err)
	equal(t, "second part", bytes.Equal(read(t, second.Body), bodies[1]), true)
	equal(t, "of parts", []any{*second.PartsCount, second.Metadata["color"]}, []any{int32(4), "red"})

	created, err = client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: name, Key: key})
	must(t, err)
	upload(1)
	_, err = client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: name, Key: key, UploadId: created.UploadId})
	must(t, err)
	_, err = client.ListParts(ctx, &s3.ListPartsInput{Bucket: name, Key: key, UploadId: created.UploadId})
	refused(t, "aborted", "NoSuchUpload", err)

	created, err = client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: name, Key: aws.String("copied parts")})
	must(t, err)
	copied, err := client.UploadPartCopy(ctx, &s3.UploadPartCopyInput{
		Bucket: name, Key: aws.String("copied parts"), UploadId: created.UploadId, PartNumber: aws.Int32(1),
		CopySource: aws.String(bucket + "/" + escape(*key)), CopySourceRange: aws.String("bytes=5242880-10485760"),
	})
	must(t, err)
	_, err = client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: name, Key: aws.String("copied parts"), UploadId: created.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{
			PartNumber: aws.Int32(1), ETag: copied.CopyPartResult.ETag, ChecksumCRC32: copied.CopyPartResult.ChecksumCRC32,
		}}},
	})
	must(t, err)
	equal(t, "copied part", bytes.Equal(get(t, client, bucket, "copied parts", ""), bodies[1]), true)
	uploads, err = client.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: name})
	must(t, err)
	equal(t, "uploads left", len(uploads.Uploads), 0)
}

// transfers are the SDK's own of large objects, both ways, of a stream whose
// length is not known too.
func transfers(t *testing.T, client *s3.Client) {
	ctx := t.Context()
	manager := transfermanager.New(client, func(o *transfermanager.Options) {
		o.PartSizeBytes, o.MultipartUploadThreshold = partSize, partSize
	})
	data := noise(3*partSize + 12_345)
	for name, body := range map[string]io.Reader{"seekable": bytes.NewReader(data), "stream": struct{ io.Reader }{bytes.NewReader(data)}} {
		_, err := manager.UploadObject(ctx, &transfermanager.UploadObjectInput{Bucket: aws.String(bucket), Key: &name, Body: body})
		must(t, err)
		got, err := manager.GetObject(ctx, &transfermanager.GetObjectInput{Bucket: aws.String(bucket), Key: &name})
		must(t, err)
		back, err := io.ReadAll(got.Body)
		must(t, err)
		equal(t, name, bytes.Equal(back, data), true)
		head, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: &name})
		must(t, err)
		equal(t, "in parts", strings.HasSuffix(*head.ETag, "-4\""), true)
	}
}

// checksums: what the SDK sends unasked, what it can be asked for, and that a
// wrong one is refused.
func checksums(t *testing.T, client *s3.Client) {
	ctx, name, key := t.Context(), aws.String(bucket), aws.String("summed")
	body := []byte("123456789")
	for algorithm, want := range map[types.ChecksumAlgorithm]string{
		"":                               "CRC32 y/Q5Jg==",
		types.ChecksumAlgorithmCrc32:     "CRC32 y/Q5Jg==",
		types.ChecksumAlgorithmCrc32c:    "CRC32C 4waSgw==",
		types.ChecksumAlgorithmCrc64nvme: "CRC64NVME rosUhgp5mIg=",
		types.ChecksumAlgorithmSha1:      "SHA1 98O8HYCOBHMq32eZZczDTKeuNEE=",
		types.ChecksumAlgorithmSha256:    "SHA256 FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=",
	} {
		_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: name, Key: key, Body: bytes.NewReader(body), ChecksumAlgorithm: algorithm})
		must(t, err)
		head, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: name, Key: key, ChecksumMode: types.ChecksumModeEnabled})
		must(t, err)
		got := ""
		for kind, value := range map[string]*string{
			"CRC32": head.ChecksumCRC32, "CRC32C": head.ChecksumCRC32C, "CRC64NVME": head.ChecksumCRC64NVME,
			"SHA1": head.ChecksumSHA1, "SHA256": head.ChecksumSHA256,
		} {
			if value != nil {
				got += kind + " " + *value
			}
		}
		equal(t, "checksum", got, want)
		equal(t, "type", head.ChecksumType, types.ChecksumTypeFullObject)
	}
	_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: name, Key: key, Body: bytes.NewReader(body), ChecksumCRC32: aws.String("AAAAAA==")})
	refused(t, "a wrong checksum", "BadDigest", err)

	created, err := client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: name, Key: key, ChecksumAlgorithm: types.ChecksumAlgorithmCrc64nvme, ChecksumType: types.ChecksumTypeFullObject,
	})
	must(t, err)
	bodies := [][]byte{noise(partSize), body}
	var parts []types.CompletedPart
	for i, data := range bodies {
		number := aws.Int32(int32(i + 1))
		part, err := client.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: name, Key: key, UploadId: created.UploadId, PartNumber: number, Body: bytes.NewReader(data),
			ChecksumAlgorithm: types.ChecksumAlgorithmCrc64nvme,
		})
		must(t, err)
		parts = append(parts, types.CompletedPart{PartNumber: number, ETag: part.ETag, ChecksumCRC64NVME: part.ChecksumCRC64NVME})
	}
	done, err := client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: name, Key: key, UploadId: created.UploadId, ChecksumType: types.ChecksumTypeFullObject,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	must(t, err)
	equal(t, "checksum of the whole", *done.ChecksumCRC64NVME, crc64nvme(slices.Concat(bodies...)))
	seen, err := client.GetObjectAttributes(ctx, &s3.GetObjectAttributesInput{
		Bucket: name, Key: key,
		ObjectAttributes: []types.ObjectAttributes{types.ObjectAttributesChecksum, types.ObjectAttributesObjectParts, types.ObjectAttributesObjectSize},
	})
	must(t, err)
	equal(t, "attributes", []any{*seen.ObjectSize, *seen.ObjectParts.TotalPartsCount, *seen.Checksum.ChecksumCRC64NVME},
		[]any{int64(partSize + len(body)), int32(2), *done.ChecksumCRC64NVME})
}

// crc64nvme is the base64 of the checksum, whose polynomial is the standard
// library's to make a table of.
func crc64nvme(data []byte) string {
	sum := crc64.Checksum(data, crc64.MakeTable(0x9a6c9329ac4bc9b5))
	return base64Of(sum)
}
