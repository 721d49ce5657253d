package s3api

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/carillon-s3/carillon/internal/object"
)

// FuzzBucketEncryption: a document that is taken names a method, and is kept as it
// is.
func FuzzBucketEncryption(f *testing.F) {
	const start, end = "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>",
		"</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"
	f.Add([]byte(start + "<SSEAlgorithm>AES256</SSEAlgorithm>" + end))
	f.Add([]byte(start + "<SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>k</KMSMasterKeyID>" + end))
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := parseBucketEncryption(body)
		if err != nil {
			return
		}
		if e.Method != object.EncryptedS3 && e.Method != object.EncryptedKMS || !bytes.Equal(e.Document, body) {
			t.Errorf("%q is read as %+v", body, e)
		}
	})
}

// FuzzEncryptionContext: a context that is taken is a JSON object of strings, and
// reads back as itself.
func FuzzEncryptionContext(f *testing.F) {
	f.Add(base64.StdEncoding.EncodeToString([]byte(`{"b":"1","a":"2"}`)))
	f.Add("bnVsbA==")
	f.Fuzz(func(t *testing.T, encoded string) {
		context, err := parseEncryptionContext(encoded)
		if err != nil || context == "" {
			return
		}
		var pairs map[string]string
		if err := json.Unmarshal([]byte(context), &pairs); err != nil {
			t.Errorf("%q: %v", context, err)
		}
		again, err := parseEncryptionContext(base64.StdEncoding.EncodeToString([]byte(context)))
		if err == nil && again != context {
			t.Errorf("%q reads back as %q", context, again)
		}
	})
}
