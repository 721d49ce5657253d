package sdk

// plainSteps are what a walkthrough goes through without TLS. Each client's
// program has a function of every name.
func plainSteps() []string {
	return []string{
		"buckets", "objects", "listing", "multipart", "transfers", "presigned", "form", "tags", "versions",
		"conditions", "checksums", "copies", "policy", "cors", "notification", "lock", "sse_s3", "sts",
	}
}

// secureSteps are what one goes through over TLS, where SDKs send bodies in
// another way, and keys of their own at all.
func secureSteps() []string {
	return []string{"objects", "multipart", "transfers", "presigned", "checksums", "sse_c"}
}
