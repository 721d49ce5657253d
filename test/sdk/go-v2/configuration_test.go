package walkthrough

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func tags(t *testing.T, client *s3.Client) {
	ctx, name, key := t.Context(), aws.String(bucket), aws.String("tagged")
	set := func(values ...string) *types.Tagging {
		tagging := &types.Tagging{}
		for i := 0; i < len(values); i += 2 {
			tagging.TagSet = append(tagging.TagSet, types.Tag{Key: &values[i], Value: &values[i+1]})
		}
		return tagging
	}
	of := func() map[string]string {
		got, err := client.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: name, Key: key})
		must(t, err)
		tags := map[string]string{}
		for _, tag := range got.TagSet {
			tags[*tag.Key] = *tag.Value
		}
		return tags
	}
	_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: name, Key: key, Tagging: aws.String("color=dark%20red&size=1")})
	must(t, err)
	equal(t, "tags of the upload", of(), map[string]string{"color": "dark red", "size": "1"})
	head, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: name, Key: key})
	must(t, err)
	equal(t, "count", *head.TagCount, 2)
	_, err = client.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{Bucket: name, Key: key, Tagging: set("Ünit", "a+b")})
	must(t, err)
	equal(t, "tags put", of(), map[string]string{"Ünit": "a+b"})
	_, err = client.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{Bucket: name, Key: key, Tagging: set("k", "1", "k", "2")})
	refused(t, "a key twice", "InvalidTag", err)
	_, err = client.DeleteObjectTagging(ctx, &s3.DeleteObjectTaggingInput{Bucket: name, Key: key})
	must(t, err)
	equal(t, "tags removed", of(), map[string]string{})

	_, err = client.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: name, Tagging: set("team", "blue")})
	must(t, err)
	got, err := client.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: name})
	must(t, err)
	equal(t, "tag of the bucket", *got.TagSet[0].Value, "blue")
	_, err = client.DeleteBucketTagging(ctx, &s3.DeleteBucketTaggingInput{Bucket: name})
	must(t, err)
	_, err = client.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: name})
	refused(t, "no tags", "NoSuchTagSet", err)
}

func bucketPolicy(t *testing.T, client *s3.Client) {
	ctx, name := t.Context(), aws.String("public")
	makeBucket(t, client, *name)
	put(t, client, *name, "open/k", []byte("for all"))
	put(t, client, *name, "closed", []byte("for some"))
	anonymous := func(key string) int {
		return fetch(t, http.MethodGet, os.Getenv("ENDPOINT")+"/public/"+key, nil, nil).status
	}
	equal(t, "before", anonymous("open/k"), http.StatusForbidden)
	_, err := client.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: name})
	refused(t, "no policy", "NoSuchBucketPolicy", err)
	_, err = client.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: name, Policy: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::public/open/*"}]}`)})
	must(t, err)
	equal(t, "after", []int{anonymous("open/k"), anonymous("closed")}, []int{http.StatusOK, http.StatusForbidden})
	got, err := client.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: name})
	must(t, err)
	equal(t, "policy", json.Valid([]byte(*got.Policy)), true)
	status, err := client.GetBucketPolicyStatus(ctx, &s3.GetBucketPolicyStatusInput{Bucket: name})
	must(t, err)
	equal(t, "public", *status.PolicyStatus.IsPublic, true)
	_, err = client.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: name, Policy: aws.String(`{"Version":"2012-10-17"}`)})
	refused(t, "no statement", "MalformedPolicy", err)
	_, err = client.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: name})
	must(t, err)
	equal(t, "without policy", anonymous("open/k"), http.StatusForbidden)
}

func cors(t *testing.T, client *s3.Client) {
	ctx, name := t.Context(), aws.String(bucket)
	_, err := client.PutBucketCors(ctx, &s3.PutBucketCorsInput{Bucket: name, CORSConfiguration: &types.CORSConfiguration{CORSRules: []types.CORSRule{{
		AllowedOrigins: []string{"https://*.example.org"}, AllowedMethods: []string{"GET", "PUT"}, AllowedHeaders: []string{"*"},
		ExposeHeaders: []string{"ETag"}, MaxAgeSeconds: aws.Int32(600),
	}}}})
	must(t, err)
	got, err := client.GetBucketCors(ctx, &s3.GetBucketCorsInput{Bucket: name})
	must(t, err)
	equal(t, "rule", []any{got.CORSRules[0].AllowedMethods, *got.CORSRules[0].MaxAgeSeconds}, []any{[]string{"GET", "PUT"}, int32(600)})
	for origin, want := range map[string]int{"https://app.example.org": http.StatusOK, "https://example.net": http.StatusForbidden} {
		preflight := fetch(t, http.MethodOptions, os.Getenv("ENDPOINT")+"/"+bucket+"/k", http.Header{
			"Origin": {origin}, "Access-Control-Request-Method": {"PUT"}, "Access-Control-Request-Headers": {"x-amz-meta-color"},
		}, nil)
		equal(t, "preflight of "+origin, preflight.status, want)
		if want == http.StatusOK {
			equal(t, "allowed", preflight.header.Get("Access-Control-Allow-Origin"), origin)
		}
	}
	_, err = client.DeleteBucketCors(ctx, &s3.DeleteBucketCorsInput{Bucket: name})
	must(t, err)
	_, err = client.GetBucketCors(ctx, &s3.GetBucketCorsInput{Bucket: name})
	refused(t, "no rules", "NoSuchCORSConfiguration", err)
}

// notification has the bucket's events sent to the target; whether they arrive,
// TestGo sees.
func notification(t *testing.T, client *s3.Client) {
	ctx, name := t.Context(), aws.String("events")
	makeBucket(t, client, *name)
	_, err := client.PutBucketNotificationConfiguration(ctx, &s3.PutBucketNotificationConfigurationInput{
		Bucket: name, NotificationConfiguration: &types.NotificationConfiguration{QueueConfigurations: []types.QueueConfiguration{{
			Id: aws.String("all"), QueueArn: aws.String(os.Getenv("TARGET_ARN")),
			Events: []types.Event{types.EventS3ObjectCreated, types.EventS3ObjectRemoved},
			Filter: &types.NotificationConfigurationFilter{Key: &types.S3KeyFilter{FilterRules: []types.FilterRule{
				{Name: types.FilterRuleNamePrefix, Value: aws.String("seen ")},
			}}},
		}}},
	})
	must(t, err)
	got, err := client.GetBucketNotificationConfiguration(ctx, &s3.GetBucketNotificationConfigurationInput{Bucket: name})
	must(t, err)
	equal(t, "ARN", *got.QueueConfigurations[0].QueueArn, os.Getenv("TARGET_ARN"))
	equal(t, "prefix", *got.QueueConfigurations[0].Filter.Key.FilterRules[0].Value, "seen ")
	put(t, client, *name, "seen a+ü", []byte("x"))
	_, err = client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: name, Key: aws.String("seen a+ü")})
	must(t, err)
	_, err = client.PutBucketNotificationConfiguration(ctx, &s3.PutBucketNotificationConfigurationInput{
		Bucket: name, NotificationConfiguration: &types.NotificationConfiguration{QueueConfigurations: []types.QueueConfiguration{{
			QueueArn: aws.String(strings.Replace(os.Getenv("TARGET_ARN"), "::", "::no-", 1)), Events: []types.Event{types.EventS3ObjectCreated},
		}}},
	})
	refused(t, "no such target", "InvalidArgument", err)
}
