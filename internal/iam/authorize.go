package iam

import (
	"github.com/carillon-s3/carillon/internal/policy"
)

// Action is an S3 action as policies name it.
type Action string

// The actions of the operations that the S3 surface routes, from "Actions,
// resources, and condition keys for Amazon S3" and, for the two Listen actions,
// from what clients of the bucket notification guide are granted.
const (
	ActionListAllMyBuckets            Action = "s3:ListAllMyBuckets"
	ActionCreateBucket                Action = "s3:CreateBucket"
	ActionDeleteBucket                Action = "s3:DeleteBucket"
	ActionListBucket                  Action = "s3:ListBucket"
	ActionListBucketVersions          Action = "s3:ListBucketVersions"
	ActionListBucketMultipartUploads  Action = "s3:ListBucketMultipartUploads"
	ActionListMultipartUploadParts    Action = "s3:ListMultipartUploadParts"
	ActionAbortMultipartUpload        Action = "s3:AbortMultipartUpload"
	ActionGetBucketLocation           Action = "s3:GetBucketLocation"
	ActionGetBucketNotification       Action = "s3:GetBucketNotification"
	ActionPutBucketNotification       Action = "s3:PutBucketNotification"
	ActionListenNotification          Action = "s3:ListenNotification"
	ActionListenBucketNotification    Action = "s3:ListenBucketNotification"
	ActionGetBucketVersioning         Action = "s3:GetBucketVersioning"
	ActionPutBucketVersioning         Action = "s3:PutBucketVersioning"
	ActionGetBucketPolicy             Action = "s3:GetBucketPolicy"
	ActionPutBucketPolicy             Action = "s3:PutBucketPolicy"
	ActionDeleteBucketPolicy          Action = "s3:DeleteBucketPolicy"
	ActionGetBucketPolicyStatus       Action = "s3:GetBucketPolicyStatus"
	ActionGetBucketTagging            Action = "s3:GetBucketTagging"
	ActionPutBucketTagging            Action = "s3:PutBucketTagging"
	ActionGetLifecycleConfiguration   Action = "s3:GetLifecycleConfiguration"
	ActionPutLifecycleConfiguration   Action = "s3:PutLifecycleConfiguration"
	ActionGetEncryptionConfiguration  Action = "s3:GetEncryptionConfiguration"
	ActionPutEncryptionConfiguration  Action = "s3:PutEncryptionConfiguration"
	ActionGetReplicationConfiguration Action = "s3:GetReplicationConfiguration"
	ActionPutReplicationConfiguration Action = "s3:PutReplicationConfiguration"
	ActionGetBucketCORS               Action = "s3:GetBucketCORS"
	ActionPutBucketCORS               Action = "s3:PutBucketCORS"
	ActionGetBucketObjectLock         Action = "s3:GetBucketObjectLockConfiguration"
	ActionPutBucketObjectLock         Action = "s3:PutBucketObjectLockConfiguration"
	ActionGetBucketACL                Action = "s3:GetBucketAcl"
	ActionPutBucketACL                Action = "s3:PutBucketAcl"
	ActionGetObject                   Action = "s3:GetObject"
	ActionGetObjectAttributes         Action = "s3:GetObjectAttributes"
	ActionGetObjectVersion            Action = "s3:GetObjectVersion"
	ActionGetObjectVersionAttributes  Action = "s3:GetObjectVersionAttributes"
	ActionDeleteObjectVersion         Action = "s3:DeleteObjectVersion"
	ActionGetObjectVersionTagging     Action = "s3:GetObjectVersionTagging"
	ActionPutObjectVersionTagging     Action = "s3:PutObjectVersionTagging"
	ActionDeleteObjectVersionTagging  Action = "s3:DeleteObjectVersionTagging"
	ActionGetObjectVersionACL         Action = "s3:GetObjectVersionAcl"
	ActionPutObjectVersionACL         Action = "s3:PutObjectVersionAcl"
	ActionPutObject                   Action = "s3:PutObject"
	ActionDeleteObject                Action = "s3:DeleteObject"
	ActionRestoreObject               Action = "s3:RestoreObject"
	ActionGetObjectTagging            Action = "s3:GetObjectTagging"
	ActionPutObjectTagging            Action = "s3:PutObjectTagging"
	ActionDeleteObjectTagging         Action = "s3:DeleteObjectTagging"
	ActionGetObjectRetention          Action = "s3:GetObjectRetention"
	ActionPutObjectRetention          Action = "s3:PutObjectRetention"
	ActionGetObjectLegalHold          Action = "s3:GetObjectLegalHold"
	ActionPutObjectLegalHold          Action = "s3:PutObjectLegalHold"
	ActionBypassGovernanceRetention   Action = "s3:BypassGovernanceRetention"
	ActionGetObjectACL                Action = "s3:GetObjectAcl"
	ActionPutObjectACL                Action = "s3:PutObjectAcl"
	ActionResetBucketReplicationState Action = "s3:ResetBucketReplicationState"
	ActionGetBucketAccelerate         Action = "s3:GetAccelerateConfiguration"
	ActionGetBucketRequestPayment     Action = "s3:GetBucketRequestPayment"
	ActionGetBucketLogging            Action = "s3:GetBucketLogging"
	ActionPutBucketLogging            Action = "s3:PutBucketLogging"
	ActionGetBucketWebsite            Action = "s3:GetBucketWebsite"
	ActionGetBucketOwnershipControls  Action = "s3:GetBucketOwnershipControls"
	ActionGetBucketPublicAccessBlock  Action = "s3:GetBucketPublicAccessBlock"
	ActionGetBucketInventory          Action = "s3:GetInventoryConfiguration"
	ActionGetBucketAnalytics          Action = "s3:GetAnalyticsConfiguration"
	ActionGetBucketMetrics            Action = "s3:GetMetricsConfiguration"
	ActionGetBucketIntelligentTiering Action = "s3:GetIntelligentTieringConfiguration"
	ActionPutBucketOwnershipControls  Action = "s3:PutBucketOwnershipControls"
	ActionPutBucketPublicAccessBlock  Action = "s3:PutBucketPublicAccessBlock"
	ActionPutBucketRequestPayment     Action = "s3:PutBucketRequestPayment"
	ActionPutBucketOtherConfiguration Action = "s3:PutBucketConfiguration"
)

// Resource is what an action touches: the server (both empty), a bucket, or a
// key in it.
type Resource struct {
	Bucket string
	Key    string
}

// String is how policies name it.
func (r Resource) String() string {
	if r.Key == "" {
		return r.Bucket
	}
	return r.Bucket + "/" + r.Key
}

// OfVersion returns the action that policies know for a version that a request
// names, which is another than that for the latest; a itself where there is
// none.
func (a Action) OfVersion() Action {
	switch a {
	case ActionGetObject:
		return ActionGetObjectVersion
	case ActionDeleteObject:
		return ActionDeleteObjectVersion
	case ActionGetObjectAttributes:
		return ActionGetObjectVersionAttributes
	case ActionGetObjectTagging:
		return ActionGetObjectVersionTagging
	case ActionPutObjectTagging:
		return ActionPutObjectVersionTagging
	case ActionDeleteObjectTagging:
		return ActionDeleteObjectVersionTagging
	case ActionGetObjectACL:
		return ActionGetObjectVersionACL
	case ActionPutObjectACL:
		return ActionPutObjectVersionACL
	}
	return a
}

// Ask is what somebody wants to do.
type Ask struct {
	Principal Principal
	Action    Action
	Resource  Resource
	// Value returns the values of a condition key, whose name is in lower case.
	// Nil has none of any.
	Value func(key string) []string
}

// Authorize returns nil if the ask is granted, else ErrAccessDenied. The root
// credential may do everything. Others may do what the policies of the user, of
// its groups or of the bucket (nil if there is none) allow and none denies, of
// which an access key's own policy may leave less ("Policy evaluation logic", IAM
// User Guide).
func Authorize(a Ask, ofBucket *policy.Document) error {
	if Decide(a, ofBucket) != policy.Allowed {
		return ErrAccessDenied
	}
	return nil
}

// Decide is Authorize that tells a denial from silence.
func Decide(a Ask, ofBucket *policy.Document) policy.Verdict {
	if a.Principal.Owner && !a.Principal.Anonymous() {
		return policy.Allowed
	}
	g := a.Principal.grants
	r := policy.Request{User: a.Principal.User, Action: string(a.Action), Resource: a.Resource.String(), Value: a.Value}
	verdict := g.evaluate(&r)
	if ofBucket != nil && verdict != policy.Denied && (g == nil || !g.all) {
		if said := ofBucket.Evaluate(&r); said != policy.Silent {
			verdict = said
		}
	}
	if !g.permits(&r) {
		return policy.Denied
	}
	return verdict
}
