package sdk

// laterTests are the functional tests that need what the server does not have
// yet, each with what that is. The list only shrinks: a test on it that passes
// fails TestFunctional.
func laterTests() map[string]string {
	const (
		listing     = "object locking, in making its bucket, and the peer's listing of uploads"
		locking     = "object locking, in making its bucket"
		sse         = "server-side encryption"
		annotations = "object annotations"
	)
	return map[string]string{
		"testBucketNotification":                    "runs only where targets with ARNs of Amazon are configured",
		"testComposeObjectWithVersioning":           locking,
		"testConcurrentCopyObjectWithVersioning":    locking,
		"testCopyObjectWithVersioning":              locking,
		"testEncryptedSSES3ToSSES3CopyObject":       sse,
		"testEncryptedSSES3ToUnencryptedCopyObject": sse,
		"testGetBucketTagging":                      locking,
		"testGetObjectS3Zip":                        "reads members of a zip archive, an extension of the peer",
		"testGetObjectWithVersioning":               locking,
		// Wants the peer's listing too: without owners, and with the marker's own key.
		"testListMultipartUpload":                       listing,
		"testListObjectVersions":                        locking,
		"testObjectAnnotations":                         annotations,
		"testObjectTaggingWithVersioning":               locking,
		"testPutObjectWithVersioning":                   locking,
		"testRemoveBucketTagging":                       locking,
		"testRemoveMultipleObjectsWithResult":           locking,
		"testRemoveObjectWithVersioning":                locking,
		"testRemoveObjects":                             locking,
		"testRemoveObjectsIter":                         locking,
		"testRemoveObjectsWithVersioning":               locking,
		"testSSES3EncryptedGetObjectReadAtFunctional":   sse,
		"testSSES3EncryptedGetObjectReadSeekFunctional": sse,
		"testSSES3EncryptedToSSES3CopyObjectPart":       sse,
		"testSSES3EncryptedToUnencryptedCopyPart":       sse,
		"testSSES3EncryptionFPut":                       sse,
		"testSSES3EncryptionPutGet":                     sse,
		"testSetBucketTagging":                          locking,
		"testStatObjectWithVersioning":                  locking,
		"testUnencryptedToSSES3CopyObject":              sse,
		"testUnencryptedToSSES3CopyObjectPart":          sse,
	}
}
