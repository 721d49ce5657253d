package sdk

// laterTests are the functional tests that need what the server does not have
// yet, each with what that is. The list only shrinks: a test on it that passes
// fails TestFunctional.
func laterTests() map[string]string {
	const (
		listing     = "the peer's listing of uploads"
		annotations = "object annotations"
	)
	return map[string]string{
		"testBucketNotification": "runs only where targets with ARNs of Amazon are configured",
		"testGetObjectS3Zip":     "reads members of a zip archive, an extension of the peer",
		// Wants the peer's listing too: without owners, and with the marker's own key.
		"testListMultipartUpload": listing,
		"testObjectAnnotations":   annotations,
	}
}
