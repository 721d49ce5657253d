package walkthrough

import (
	"bytes"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// lock: a default retention, retention in both modes, and a legal hold.
func lock(t *testing.T, client *s3.Client) {
	ctx, name, key := t.Context(), aws.String("locked"), aws.String("k")
	_, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: name, ObjectLockEnabledForBucket: aws.Bool(true)})
	must(t, err)
	_, err = client.PutObjectLockConfiguration(ctx, &s3.PutObjectLockConfigurationInput{Bucket: name, ObjectLockConfiguration: &types.ObjectLockConfiguration{
		ObjectLockEnabled: types.ObjectLockEnabledEnabled,
		Rule:              &types.ObjectLockRule{DefaultRetention: &types.DefaultRetention{Mode: types.ObjectLockRetentionModeGovernance, Days: aws.Int32(1)}},
	}})
	must(t, err)
	configuration, err := client.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: name})
	must(t, err)
	equal(t, "days", *configuration.ObjectLockConfiguration.Rule.DefaultRetention.Days, 1)

	version := aws.String(put(t, client, *name, *key, []byte("kept")))
	head, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: name, Key: key})
	must(t, err)
	equal(t, "default mode", head.ObjectLockMode, types.ObjectLockModeGovernance)
	remove := func(bypass bool) error {
		_, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: name, Key: key, VersionId: version, BypassGovernanceRetention: &bypass})
		return err
	}
	refused(t, "remove under governance", "AccessDenied", remove(false))

	hold := func(status types.ObjectLockLegalHoldStatus) {
		_, err := client.PutObjectLegalHold(ctx, &s3.PutObjectLegalHoldInput{Bucket: name, Key: key, LegalHold: &types.ObjectLockLegalHold{Status: status}})
		must(t, err)
		got, err := client.GetObjectLegalHold(ctx, &s3.GetObjectLegalHoldInput{Bucket: name, Key: key})
		must(t, err)
		equal(t, "legal hold", got.LegalHold.Status, status)
	}
	hold(types.ObjectLockLegalHoldStatusOn)
	refused(t, "remove under a hold", "AccessDenied", remove(true))
	hold(types.ObjectLockLegalHoldStatusOff)
	must(t, remove(true))

	until := time.Now().UTC().Add(time.Hour).Truncate(time.Second)
	locked, err := client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: name, Key: key, Body: bytes.NewReader([]byte("kept")), ObjectLockMode: types.ObjectLockModeCompliance, ObjectLockRetainUntilDate: &until,
	})
	must(t, err)
	version = locked.VersionId
	retention, err := client.GetObjectRetention(ctx, &s3.GetObjectRetentionInput{Bucket: name, Key: key})
	must(t, err)
	equal(t, "retention", []any{retention.Retention.Mode, retention.Retention.RetainUntilDate.Equal(until)}, []any{types.ObjectLockRetentionModeCompliance, true})
	refused(t, "remove under compliance", "AccessDenied", remove(true))
	extend := func(until time.Time) error {
		_, err := client.PutObjectRetention(ctx, &s3.PutObjectRetentionInput{
			Bucket: name, Key: key, Retention: &types.ObjectLockRetention{Mode: types.ObjectLockRetentionModeCompliance, RetainUntilDate: &until},
		})
		return err
	}
	refused(t, "shorten compliance", "AccessDenied", extend(until.Add(-time.Minute)))
	must(t, extend(until.Add(time.Minute)))
	deleted, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: name, Key: key})
	must(t, err)
	equal(t, "a marker above it", *deleted.DeleteMarker, true)
	equal(t, "still there", string(get(t, client, *name, *key, *version)), "kept")
}
