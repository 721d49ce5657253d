package sdk

// What the walkthroughs have steps for and the server lacks. True switches the
// steps on, of all clients.
const (
	withLock       = true  // object lock
	withEncryption = false // SSE-S3, and SSE-C over TLS
	withSTS        = true  // temporary credentials
)

// plainSteps are what a walkthrough goes through without TLS. Each client's
// program has a function of every name.
func plainSteps() []string {
	steps := []string{
		"buckets", "objects", "listing", "multipart", "transfers", "presigned", "form", "tags", "versions",
		"conditions", "checksums", "copies", "policy", "cors", "notification",
	}
	if withLock {
		steps = append(steps, "lock")
	}
	if withEncryption {
		steps = append(steps, "sse_s3")
	}
	if withSTS {
		steps = append(steps, "sts")
	}
	return steps
}

// secureSteps are what one goes through over TLS, where SDKs send bodies in
// another way, and keys of their own at all.
func secureSteps() []string {
	steps := []string{"objects", "multipart", "transfers", "presigned", "checksums"}
	if withEncryption {
		steps = append(steps, "sse_c")
	}
	return steps
}
