package walkthrough

import (
	"bytes"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// temporaryCredentials: a user's program gets a credential that may only read,
// by the provider that refreshes it.
func temporaryCredentials(t *testing.T, client *s3.Client) {
	ctx := t.Context()
	put(t, client, bucket, "readable", []byte("x"))
	user, err := config.LoadDefaultConfig(ctx, config.WithCredentialsProvider(
		credentials.NewStaticCredentialsProvider(os.Getenv("STS_USER"), os.Getenv("STS_SECRET"), "")))
	must(t, err)
	service := sts.NewFromConfig(user, func(o *sts.Options) { o.BaseEndpoint = aws.String(os.Getenv("ENDPOINT")) })
	role := stscreds.NewAssumeRoleProvider(service, "arn:aws:iam::123456789012:role/any", func(o *stscreds.AssumeRoleOptions) {
		o.Policy = aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::` + bucket + `/*"}]}`)
	})
	assumed := newClient(t, config.WithCredentialsProvider(aws.NewCredentialsCache(role)))
	equal(t, "read", string(get(t, assumed, bucket, "readable", "")), "x")
	_, err = assumed.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("no"), Body: bytes.NewReader(nil)})
	refused(t, "write", "AccessDenied", err)
}
