package sdk

// laterTests are the functional tests that need what the server does not have
// yet, each with what that is. The list only shrinks: a test on it that passes
// fails TestFunctional.
func laterTests() map[string]string {
	const (
		listing     = "the peer's listing of uploads"
		sse         = "server-side encryption"
		annotations = "object annotations"
	)
	return map[string]string{
		"testBucketNotification":                    "runs only where targets with ARNs of Amazon are configured",
		"testEncryptedSSES3ToSSES3CopyObject":       sse,
		"testEncryptedSSES3ToUnencryptedCopyObject": sse,
		"testGetObjectS3Zip":                        "reads members of a zip archive, an extension of the peer",
		// Wants the peer's listing too: without owners, and with the marker's own key.
		"testListMultipartUpload":                       listing,
		"testObjectAnnotations":                         annotations,
		"testSSES3EncryptedGetObjectReadAtFunctional":   sse,
		"testSSES3EncryptedGetObjectReadSeekFunctional": sse,
		"testSSES3EncryptedToSSES3CopyObjectPart":       sse,
		"testSSES3EncryptedToUnencryptedCopyPart":       sse,
		"testSSES3EncryptionFPut":                       sse,
		"testSSES3EncryptionPutGet":                     sse,
		"testUnencryptedToSSES3CopyObject":              sse,
		"testUnencryptedToSSES3CopyObjectPart":          sse,
	}
}
