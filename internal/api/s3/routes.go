package s3api

import (
	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/object"
)

// routes is the table of S3 operations (Amazon S3 API reference, "Actions"; the
// two Listen operations are an extension of the notification guide's server).
// The first row that a request fits is taken.
func routes() []route {
	var rows []route
	rows = append(rows, serviceRoutes()...)
	rows = append(rows, bucketRoutes()...)
	rows = append(rows, bucketConfigurationRoutes()...)
	return append(rows, objectRoutes()...)
}

func serviceRoutes() []route {
	return []route{
		{operation: "ListenNotification", method: get, scope: onService, query: "events", action: iam.ActionListenNotification, handler: listen},
		{operation: "ListBuckets", method: get, scope: onService, action: iam.ActionListAllMyBuckets, handler: listBuckets, region: iam.RegionSiteOrDefault},
	}
}

func bucketRoutes() []route {
	return []route{
		{operation: "GetBucketLocation", method: get, scope: onBucket, query: "location", action: iam.ActionGetBucketLocation, handler: getBucketLocation, region: iam.RegionSiteOrDefault},
		{operation: "ListenBucketNotification", method: get, scope: onBucket, query: "events", action: iam.ActionListenBucketNotification, handler: listen},
		{operation: "ListObjectVersions", method: get, scope: onBucket, query: "versions", action: iam.ActionListBucketVersions, handler: listObjectVersions},
		{operation: "ListMultipartUploads", method: get, scope: onBucket, query: "uploads", action: iam.ActionListBucketMultipartUploads, handler: listMultipartUploads},
		{operation: "ListObjectsV2", method: get, scope: onBucket, query: "list-type", action: iam.ActionListBucket, handler: listObjectsV2},
		{operation: "ListObjects", method: get, scope: onBucket, action: iam.ActionListBucket, handler: listObjects},
		{operation: "HeadBucket", method: head, scope: onBucket, action: iam.ActionListBucket, handler: headBucket},
		{operation: "CreateBucket", method: put, scope: onBucket, action: iam.ActionCreateBucket, handler: createBucket, grows: true, only: true},
		{operation: "DeleteBucket", method: remove, scope: onBucket, action: iam.ActionDeleteBucket, handler: deleteBucket, only: true},
		{operation: "DeleteObjects", method: post, scope: onBucket, query: "delete", action: iam.ActionDeleteObject, handler: deleteObjects},
		{operation: "PostObject", method: post, scope: onBucket, action: iam.ActionPutObject, handler: postObject, grows: true, form: true},
	}
}

func bucketConfigurationRoutes() []route {
	rows := []route{
		{operation: "GetBucketNotification", method: get, scope: onBucket, query: "notification", action: iam.ActionGetBucketNotification, handler: getBucketNotification},
		{operation: "PutBucketNotification", method: put, scope: onBucket, query: "notification", action: iam.ActionPutBucketNotification, handler: putBucketNotification, grows: true},
		{operation: "GetBucketVersioning", method: get, scope: onBucket, query: "versioning", action: iam.ActionGetBucketVersioning, handler: getBucketVersioning},
		{operation: "PutBucketVersioning", method: put, scope: onBucket, query: "versioning", action: iam.ActionPutBucketVersioning, handler: putBucketVersioning},
		{operation: "GetObjectLockConfiguration", method: get, scope: onBucket, query: "object-lock", action: iam.ActionGetBucketObjectLock, handler: getObjectLockConfiguration},
		{operation: "PutObjectLockConfiguration", method: put, scope: onBucket, query: "object-lock", action: iam.ActionPutBucketObjectLock, handler: putObjectLockConfiguration, grows: true},
		{operation: "GetBucketReplicationMetrics", method: get, scope: onBucket, query: "replication-metrics", action: iam.ActionGetReplicationConfiguration, handler: absent},
		{operation: "ResetBucketReplication", method: put, scope: onBucket, query: "replication-reset", action: iam.ActionResetBucketReplicationState, handler: absent},
		{operation: "GetBucketReplicationResetStatus", method: get, scope: onBucket, query: "replication-reset-status", action: iam.ActionResetBucketReplicationState, handler: absent},
		{operation: "GetBucketPolicy", method: get, scope: onBucket, query: "policy", action: iam.ActionGetBucketPolicy, handler: getBucketPolicy},
		{operation: "PutBucketPolicy", method: put, scope: onBucket, query: "policy", action: iam.ActionPutBucketPolicy, handler: putBucketPolicy, grows: true},
		{operation: "DeleteBucketPolicy", method: remove, scope: onBucket, query: "policy", action: iam.ActionDeleteBucketPolicy, handler: deleteBucketPolicy},
		{operation: "GetBucketTagging", method: get, scope: onBucket, query: "tagging", action: iam.ActionGetBucketTagging, handler: getBucketTagging},
		{operation: "PutBucketTagging", method: put, scope: onBucket, query: "tagging", action: iam.ActionPutBucketTagging, handler: putBucketTagging, grows: true},
		{operation: "DeleteBucketTagging", method: remove, scope: onBucket, query: "tagging", action: iam.ActionPutBucketTagging, handler: deleteBucketTagging},
		{operation: "GetBucketPolicyStatus", method: get, scope: onBucket, query: "policyStatus", action: iam.ActionGetBucketPolicyStatus, handler: getBucketPolicyStatus},
		{operation: "GetBucketCors", method: get, scope: onBucket, query: "cors", action: iam.ActionGetBucketCORS, handler: getBucketCORS},
		{operation: "PutBucketCors", method: put, scope: onBucket, query: "cors", action: iam.ActionPutBucketCORS, handler: putBucketCORS, grows: true},
		{operation: "DeleteBucketCors", method: remove, scope: onBucket, query: "cors", action: iam.ActionPutBucketCORS, handler: deleteBucketCORS},
		{operation: "GetBucketAcl", method: get, scope: onBucket, query: "acl", action: iam.ActionGetBucketACL, handler: getBucketACL},
		{operation: "PutBucketAcl", method: put, scope: onBucket, query: "acl", action: iam.ActionPutBucketACL, handler: putBucketACL},
		{operation: "GetPublicAccessBlock", method: get, scope: onBucket, query: "publicAccessBlock", action: iam.ActionGetBucketPublicAccessBlock, handler: getPublicAccessBlock},
		{operation: "PutPublicAccessBlock", method: put, scope: onBucket, query: "publicAccessBlock", action: iam.ActionPutBucketPublicAccessBlock, handler: putPublicAccessBlock},
		{operation: "DeletePublicAccessBlock", method: remove, scope: onBucket, query: "publicAccessBlock", action: iam.ActionPutBucketPublicAccessBlock, handler: deletePublicAccessBlock},
		{operation: "GetBucketOwnershipControls", method: get, scope: onBucket, query: "ownershipControls", action: iam.ActionGetBucketOwnershipControls, handler: getOwnershipControls},
		{operation: "PutBucketOwnershipControls", method: put, scope: onBucket, query: "ownershipControls", action: iam.ActionPutBucketOwnershipControls, handler: putOwnershipControls},
		{operation: "DeleteBucketOwnershipControls", method: remove, scope: onBucket, query: "ownershipControls", action: iam.ActionPutBucketOwnershipControls, handler: deleteOwnershipControls},
		{operation: "GetBucketEncryption", method: get, scope: onBucket, query: "encryption", action: iam.ActionGetEncryptionConfiguration, handler: getBucketEncryption},
		{operation: "PutBucketEncryption", method: put, scope: onBucket, query: "encryption", action: iam.ActionPutEncryptionConfiguration, handler: putBucketEncryption, grows: true},
		{operation: "DeleteBucketEncryption", method: remove, scope: onBucket, query: "encryption", action: iam.ActionPutEncryptionConfiguration, handler: deleteBucketEncryption},
		{operation: "GetBucketRequestPayment", method: get, scope: onBucket, query: "requestPayment", action: iam.ActionGetBucketRequestPayment, handler: constant("RequestPaymentConfiguration", "Payer", payerOwner)},
		{operation: "PutBucketRequestPayment", method: put, scope: onBucket, query: "requestPayment", action: iam.ActionPutBucketRequestPayment, handler: putBucketRequestPayment},
		{operation: "GetBucketLifecycle", method: get, scope: onBucket, query: "lifecycle", action: iam.ActionGetLifecycleConfiguration, handler: getBucketLifecycle},
		{operation: "PutBucketLifecycle", method: put, scope: onBucket, query: "lifecycle", action: iam.ActionPutLifecycleConfiguration, handler: putBucketLifecycle, grows: true},
		{operation: "DeleteBucketLifecycle", method: remove, scope: onBucket, query: "lifecycle", action: iam.ActionPutLifecycleConfiguration, handler: removeDocument(object.LifecycleDocument)},
		{operation: "GetBucketLogging", method: get, scope: onBucket, query: "logging", action: iam.ActionGetBucketLogging, handler: getBucketLogging},
		{operation: "PutBucketLogging", method: put, scope: onBucket, query: "logging", action: iam.ActionPutBucketLogging, handler: putBucketLogging, grows: true},
		{operation: "DeleteBucketLogging", method: remove, scope: onBucket, query: "logging", action: iam.ActionPutBucketLogging, handler: absent},
		{operation: "GetBucketReplication", method: get, scope: onBucket, query: "replication", action: iam.ActionGetReplicationConfiguration, handler: getBucketReplication},
		{operation: "PutBucketReplication", method: put, scope: onBucket, query: "replication", action: iam.ActionPutReplicationConfiguration, handler: putBucketReplication, grows: true},
		{operation: "DeleteBucketReplication", method: remove, scope: onBucket, query: "replication", action: iam.ActionPutReplicationConfiguration, handler: removeDocument(object.ReplicationDocument)},
	}
	for _, c := range []struct {
		name, query string
		get, put    iam.Action
		read        handlerFunc
		clear       handlerFunc
	}{
		{"BucketWebsite", "website", iam.ActionGetBucketWebsite, iam.ActionPutBucketOtherConfiguration, unconfigured(errNoSuchWebsite), nothingToRemove},
		{"BucketAccelerate", "accelerate", iam.ActionGetBucketAccelerate, iam.ActionPutBucketOtherConfiguration, constant("AccelerateConfiguration", "", ""), absent},
		{"BucketInventory", "inventory", iam.ActionGetBucketInventory, iam.ActionPutBucketOtherConfiguration, emptyList("ListInventoryConfigurationsResult"), unconfigured(errNoSuchConfiguration)},
		{"BucketAnalytics", "analytics", iam.ActionGetBucketAnalytics, iam.ActionPutBucketOtherConfiguration, emptyList("ListBucketAnalyticsConfigurationResult"), unconfigured(errNoSuchConfiguration)},
		{"BucketMetrics", "metrics", iam.ActionGetBucketMetrics, iam.ActionPutBucketOtherConfiguration, emptyList("ListMetricsConfigurationsResult"), unconfigured(errNoSuchConfiguration)},
		{"BucketIntelligentTiering", "intelligent-tiering", iam.ActionGetBucketIntelligentTiering, iam.ActionPutBucketOtherConfiguration, emptyList("ListBucketIntelligentTieringConfigurationsOutput"), unconfigured(errNoSuchConfiguration)},
	} {
		rows = append(rows,
			route{operation: "Get" + c.name, method: get, scope: onBucket, query: c.query, action: c.get, handler: c.read},
			route{operation: "Put" + c.name, method: put, scope: onBucket, query: c.query, action: c.put, handler: absent},
			route{operation: "Delete" + c.name, method: remove, scope: onBucket, query: c.query, action: c.put, handler: c.clear})
	}
	return rows
}

func objectRoutes() []route {
	return []route{
		{operation: "CopyObject", method: put, scope: onObject, header: headerCopySource, action: iam.ActionPutObject, handler: copyObject, grows: true},
		{operation: "UploadPartCopy", method: put, scope: onObject, query: "uploadId", header: headerCopySource, action: iam.ActionPutObject, handler: uploadPartCopy, grows: true},
		{operation: "PutObject", method: put, scope: onObject, action: iam.ActionPutObject, handler: putObject, grows: true},
		{operation: "GetObject", method: get, scope: onObject, action: iam.ActionGetObject, handler: getObject},
		{operation: "HeadObject", method: head, scope: onObject, action: iam.ActionGetObject, handler: headObject},
		// Removes everything below a prefix: must not pass for a plain delete.
		{operation: "ForceDeleteObject", method: remove, scope: onObject, header: "X-Minio-Force-Delete", action: iam.ActionDeleteObject, handler: absent},
		{operation: "DeleteObject", method: remove, scope: onObject, action: iam.ActionDeleteObject, handler: deleteObject},

		{operation: "CreateMultipartUpload", method: post, scope: onObject, query: "uploads", action: iam.ActionPutObject, handler: createMultipartUpload, grows: true},
		{operation: "UploadPart", method: put, scope: onObject, query: "uploadId", action: iam.ActionPutObject, handler: uploadPart, grows: true},
		{operation: "CompleteMultipartUpload", method: post, scope: onObject, query: "uploadId", action: iam.ActionPutObject, handler: completeMultipartUpload, grows: true, checksumOfObject: true},
		{operation: "AbortMultipartUpload", method: remove, scope: onObject, query: "uploadId", action: iam.ActionAbortMultipartUpload, handler: abortMultipartUpload},
		{operation: "ListParts", method: get, scope: onObject, query: "uploadId", action: iam.ActionListMultipartUploadParts, handler: listParts},

		{operation: "GetObjectTagging", method: get, scope: onObject, query: "tagging", action: iam.ActionGetObjectTagging, handler: getObjectTagging},
		{operation: "PutObjectTagging", method: put, scope: onObject, query: "tagging", action: iam.ActionPutObjectTagging, handler: putObjectTagging, grows: true, late: true},
		{operation: "DeleteObjectTagging", method: remove, scope: onObject, query: "tagging", action: iam.ActionDeleteObjectTagging, handler: deleteObjectTagging},
		{operation: "GetObjectRetention", method: get, scope: onObject, query: "retention", action: iam.ActionGetObjectRetention, handler: getObjectRetention},
		{operation: "PutObjectRetention", method: put, scope: onObject, query: "retention", action: iam.ActionPutObjectRetention, handler: putObjectRetention, grows: true, late: true},
		{operation: "GetObjectLegalHold", method: get, scope: onObject, query: "legal-hold", action: iam.ActionGetObjectLegalHold, handler: getObjectLegalHold},
		{operation: "PutObjectLegalHold", method: put, scope: onObject, query: "legal-hold", action: iam.ActionPutObjectLegalHold, handler: putObjectLegalHold, grows: true, late: true},
		{operation: "GetObjectAcl", method: get, scope: onObject, query: "acl", action: iam.ActionGetObjectACL, handler: getObjectACL},
		{operation: "PutObjectAcl", method: put, scope: onObject, query: "acl", action: iam.ActionPutObjectACL, handler: putObjectACL},
		{operation: "GetObjectAttributes", method: get, scope: onObject, query: "attributes", action: iam.ActionGetObjectAttributes, handler: getObjectAttributes},
		{operation: "GetObjectTorrent", method: get, scope: onObject, query: "torrent", action: iam.ActionGetObject, handler: absent},
		{operation: "SelectObjectContent", method: post, scope: onObject, query: "select", action: iam.ActionGetObject, handler: absent},
		{operation: "RestoreObject", method: post, scope: onObject, query: "restore", action: iam.ActionRestoreObject, handler: absent},
		{operation: "RenameObject", method: put, scope: onObject, query: "renameObject", action: iam.ActionPutObject, handler: absent},
	}
}
