package accesslog

import "strings"

// operation names a request as S3's logs do: REST.method.resource.
func operation(method, name string) string {
	switch name {
	case "CopyObject":
		return "REST.COPY.OBJECT"
	case "UploadPartCopy":
		return "REST.COPY.PART"
	}
	return "REST." + word(method) + "." + resource(name)
}

// resource is what an operation is about. Most follow from its name.
func resource(name string) string {
	switch name {
	case "":
		return "UNKNOWN"
	case "ListObjects", "ListObjectsV2":
		return "BUCKET"
	case "ListObjectVersions":
		return "BUCKETVERSIONS"
	case "UploadPart":
		return "PART"
	case "CreateMultipartUpload", "ListMultipartUploads":
		return "UPLOADS"
	case "CompleteMultipartUpload", "AbortMultipartUpload", "ListParts":
		return "UPLOAD"
	case "DeleteObjects":
		return "MULTI_OBJECT_DELETE"
	case "GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy":
		return "BUCKETPOLICY"
	case "GetBucketLogging", "PutBucketLogging":
		return "LOGGING_STATUS"
	case "GetObjectAcl", "PutObjectAcl":
		return "ACL"
	}
	rest := name
	for _, verb := range []string{"Get", "Put", "Delete", "Head", "Create", "List", "Post"} {
		if r, ok := strings.CutPrefix(name, verb); ok && r != "" {
			rest = r
			break
		}
	}
	var b strings.Builder
	for i, c := range rest {
		if i > 0 && 'A' <= c && c <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(c)
	}
	words := strings.ToUpper(b.String())
	if r, ok := strings.CutPrefix(words, "BUCKET_"); ok {
		return r
	}
	return words
}
