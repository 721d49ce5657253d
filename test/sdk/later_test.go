package sdk

// laterTests are the functional tests that need what the server does not have
// yet, each with what that is. The list only shrinks: a test on it that passes
// fails TestFunctional.
func laterTests() map[string]string {
	const (
		sigV2       = "signs with Signature Version 2"
		versioning  = "versioning"
		locking     = "object locking, in making its bucket"
		sse         = "server-side encryption"
		post        = "uploads by POST policy"
		policy      = "bucket policies"
		cors        = "CORS"
		acl         = "access control lists"
		annotations = "object annotations"
	)
	return map[string]string{
		"testBucketNotification":                                   "runs only where targets with ARNs of Amazon are configured",
		"testComposeMultipleSources (signature version 2)":         sigV2,
		"testComposeObjectErrorCasesWrapper (signature version 2)": sigV2,
		"testComposeObjectWithVersioning":                          versioning,
		"testConcurrentCopyObjectWithVersioning":                   versioning,
		"testCopyObject (signature version 2)":                     sigV2,
		"testCopyObjectWithChecksums (signature version 2)":        sigV2,
		"testCopyObjectWithVersioning":                             versioning,
		"testCors":                                                 policy,
		"testCorsSetGetDelete":                                     cors,
		"testEncryptedSSES3ToSSES3CopyObject":                      sse,
		"testEncryptedSSES3ToUnencryptedCopyObject":                sse,
		"testFGetObjectContext (signature version 2)":              sigV2,
		"testFPutObject (signature version 2)":                     sigV2,
		"testFPutObjectContext (signature version 2)":              sigV2,
		"testFunctional":                                           policy,
		"testFunctional (signature version 2)":                     sigV2,
		"testGetBucketTagging":                                     locking,
		"testGetObjectACLContext":                                  acl,
		"testGetObjectAttributes":                                  versioning,
		"testGetObjectAttributesErrorCases":                        versioning,
		"testGetObjectClosedTwice (signature version 2)":           sigV2,
		"testGetObjectContext (signature version 2)":               sigV2,
		"testGetObjectReadAtFunctional (signature version 2)":      sigV2,
		"testGetObjectReadSeekFunctional (signature version 2)":    sigV2,
		"testGetObjectS3Zip":                                       "reads members of a zip archive, an extension of the peer",
		"testGetObjectWithVersioning":                              versioning,
		// Wants the peer's listing too: without owners, and with the marker's own key.
		"testListMultipartUpload":                               versioning,
		"testListObjectVersions":                                versioning,
		"testListObjectsChecksums":                              versioning,
		"testMakeBucketError (signature version 2)":             sigV2,
		"testMakeBucketRegions (signature version 2)":           sigV2,
		"testObjectAnnotations":                                 annotations,
		"testObjectTaggingWithVersioning":                       versioning,
		"testPresignedPostPolicy":                               post,
		"testPresignedPostPolicyEmptyFileName":                  post,
		"testPresignedPostPolicyWrongFile":                      post,
		"testPutObject0Byte (signature version 2)":              sigV2,
		"testPutObjectContext (signature version 2)":            sigV2,
		"testPutObjectMetadataNonUSASCII (signature version 2)": sigV2,
		"testPutObjectNoLength (signature version 2)":           sigV2,
		"testPutObjectWithVersioning":                           versioning,
		"testPutObjectsUnknown (signature version 2)":           sigV2,
		"testRemoveBucketTagging":                               locking,
		"testRemoveMultipleObjectsWithResult":                   locking,
		"testRemoveObjectWithVersioning":                        versioning,
		"testRemoveObjects":                                     locking,
		"testRemoveObjectsIter":                                 locking,
		"testRemoveObjectsWithVersioning":                       versioning,
		"testReplaceObjectWithChecksums (signature version 2)":  sigV2,
		"testSSES3EncryptedGetObjectReadAtFunctional":           sse,
		"testSSES3EncryptedGetObjectReadSeekFunctional":         sse,
		"testSSES3EncryptedToSSES3CopyObjectPart":               sse,
		"testSSES3EncryptedToUnencryptedCopyPart":               sse,
		"testSSES3EncryptionFPut":                               sse,
		"testSSES3EncryptionPutGet":                             sse,
		"testSetBucketTagging":                                  locking,
		"testStatObjectWithVersioning":                          versioning,
		"testUnencryptedToSSES3CopyObject":                      sse,
		"testUnencryptedToSSES3CopyObjectPart":                  sse,
		"testUserMetadataCopyingWrapper (signature version 2)":  sigV2,
	}
}
