package s3api

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/carillon-s3/carillon/internal/object"
)

// Headers of server-side encryption.
const (
	headerEncryption        = "X-Amz-Server-Side-Encryption"
	headerEncryptionKeyID   = headerEncryption + "-Aws-Kms-Key-Id"
	headerEncryptionContext = headerEncryption + "-Context"
	headerBucketKey         = headerEncryption + "-Bucket-Key-Enabled"
	headerCustomerAlgorithm = headerEncryption + "-Customer-Algorithm"
	headerCustomerKey       = headerEncryption + "-Customer-Key"
	headerCustomerKeyMD5    = headerEncryption + "-Customer-Key-Md5"
	// ofCopySource begins the three of a copy's source.
	ofCopySource = "X-Amz-Copy-Source-Server-Side-Encryption-Customer-"

	algorithmAES256 = "AES256"
	algorithmKMS    = "aws:kms"
	// keyARN is what stands before the name of a master key, as clients know it.
	keyARN = "arn:aws:kms:"
	// maxContextBytes bounds an encryption context, as AWS KMS does.
	maxContextBytes = 8 << 10
)

// customerKey is the customer's key of the object; nil if there is none.
func (r *request) customerKey() (*object.CustomerKey, error) {
	return r.customerKeyOf(headerCustomerAlgorithm, headerCustomerKey, headerCustomerKeyMD5)
}

// sourceKey is the customer's key of a copy's source; nil if there is none.
func (r *request) sourceKey() (*object.CustomerKey, error) {
	return r.customerKeyOf(ofCopySource+"Algorithm", ofCopySource+"Key", ofCopySource+"Key-Md5")
}

// encryption is what a request that writes an object says of how to encrypt it.
func (r *request) encryption() (object.Encryption, error) {
	var e object.Encryption
	customer, err := r.customerKey()
	if err != nil {
		return e, err
	}
	method, keyID, context := r.head(headerEncryption), r.head(headerEncryptionKeyID), r.head(headerEncryptionContext)
	if customer != nil {
		if method != "" || keyID != "" || context != "" {
			return e, errInvalidArgument.says("Server Side Encryption with Customer provided key is incompatible with the encryption method specified")
		}
		return object.Encryption{Method: object.EncryptedC, CustomerKey: customer}, nil
	}
	if e.Method, err = parseEncryption(method); err != nil {
		return e, err
	}
	if e.Method != object.EncryptedKMS && (keyID != "" || context != "") {
		return e, errInvalidArgument.says("Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms")
	}
	e.KeyID = strings.TrimPrefix(keyID, keyARN)
	if e.Context, err = parseEncryptionContext(context); err != nil {
		return e, err
	}
	if value := r.head(headerBucketKey); value != "" {
		if e.BucketKey, err = strconv.ParseBool(strings.ToLower(value)); err != nil {
			return e, errInvalidArgument.says("The header x-amz-server-side-encryption-bucket-key-enabled must be true or false.")
		}
	}
	return e, nil
}

func parseEncryption(method string) (object.EncryptionMethod, error) {
	switch method {
	case "":
		return object.Unencrypted, nil
	case algorithmAES256:
		return object.EncryptedS3, nil
	case algorithmKMS:
		return object.EncryptedKMS, nil
	}
	return object.Unencrypted, errInvalidArgument.says("The encryption method specified is not supported")
}

// parseEncryptionContext reads a context, and gives it in one form: the same pairs
// are the same text.
func parseEncryptionContext(encoded string) (string, error) {
	if encoded == "" {
		return "", nil
	}
	invalid := errInvalidArgument.says("The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 string holding JSON which represents a string-string map")
	if len(encoded) > base64.StdEncoding.EncodedLen(maxContextBytes) {
		return "", invalid
	}
	text, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || !utf8.Valid(text) {
		return "", invalid
	}
	var pairs map[string]string
	if err := json.Unmarshal(text, &pairs); err != nil || pairs == nil {
		return "", invalid
	}
	canonical, err := json.Marshal(pairs) // in order of the keys
	return string(canonical), err
}

// customerKeyOf reads the three headers of a customer's key; nil if there are none.
// No error repeats anything of it.
func (r *request) customerKeyOf(headerAlgorithm, headerKey, headerMD5 string) (*object.CustomerKey, error) {
	algorithm, key, sum := r.head(headerAlgorithm), r.head(headerKey), r.head(headerMD5)
	if algorithm == "" && key == "" && sum == "" {
		return nil, nil
	}
	const requests = "Requests specifying Server Side Encryption with Customer provided keys must "
	switch {
	case r.TLS == nil:
		return nil, errInvalidRequest.says(requests + "be made over a secure connection.")
	case algorithm == "":
		return nil, errInvalidArgument.says(requests + "provide a valid encryption algorithm.")
	case algorithm != algorithmAES256:
		return nil, errInvalidEncryptionAlgorithm
	case key == "":
		return nil, errInvalidArgument.says(requests + "provide an appropriate secret key.")
	case sum == "":
		return nil, errInvalidArgument.says(requests + "provide the client calculated MD5 of the secret key.")
	}
	secret, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		return nil, errInvalidArgument.says("The secret key was invalid for the specified algorithm.")
	}
	k, err := object.NewCustomerKey(secret)
	if err != nil {
		return nil, errInvalidArgument.says("The secret key was invalid for the specified algorithm.")
	}
	if given, err := base64.StdEncoding.DecodeString(sum); err != nil || !bytes.Equal(given, k.MD5()) {
		return nil, errInvalidArgument.says("The calculated MD5 hash of the key did not match the hash that was provided.")
	}
	return k, nil
}

// readingKey is the customer's key of a request that reads an object, which has no
// say in how it is encrypted.
func (r *request) readingKey() (*object.CustomerKey, error) {
	for _, name := range []string{headerEncryption, headerEncryptionKeyID, headerEncryptionContext} {
		if r.head(name) != "" {
			return nil, errInvalidArgument.says(strings.ToLower(name) + " header is not supported for this operation.")
		}
	}
	return r.customerKey()
}

// setEncryption tells how an object is encrypted; customer is the key that came
// with the request.
func (w *response) setEncryption(e object.Encryption, customer *object.CustomerKey) {
	switch e.Method {
	case object.EncryptedS3:
		w.set(headerEncryption, algorithmAES256)
	case object.EncryptedKMS:
		w.set(headerEncryption, algorithmKMS)
		w.set(headerEncryptionKeyID, keyARN+e.KeyID)
	case object.EncryptedC:
		w.set(headerCustomerAlgorithm, algorithmAES256)
		if customer != nil {
			w.set(headerCustomerKeyMD5, base64.StdEncoding.EncodeToString(customer.MD5()))
		}
	}
	if e.BucketKey {
		w.set(headerBucketKey, "true")
	}
}

// setWrittenEncryption is setEncryption after a write, with the context.
func (w *response) setWrittenEncryption(e object.Encryption, customer *object.CustomerKey) {
	w.setEncryption(e, customer)
	if e.Context != "" {
		w.set(headerEncryptionContext, base64.StdEncoding.EncodeToString([]byte(e.Context)))
	}
}

// partKeyError answers what is wrong with the customer's key of a part
// ("UploadPart").
func partKeyError(err error) error {
	switch {
	case errors.Is(err, object.ErrCustomerKeyMissing):
		return errInvalidRequest.says("The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters.")
	case errors.Is(err, object.ErrCustomerKeyNeedless):
		return errInvalidRequest.says("The multipart upload initiate did not request encryption. Please resend the request without sending encryption parameters.")
	case errors.Is(err, object.ErrCustomerKeyWrong):
		return errInvalidRequest.says("The provided encryption parameters did not match the ones used originally.")
	}
	return err
}
