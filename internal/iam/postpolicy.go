package iam

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // Version 2 is made of it
	"crypto/subtle"
	"encoding/base64"
	"strings"
	"time"
)

// VerifyForm checks the signature of a browser's upload, which is that of its
// base64-encoded policy, in the fields x-amz-algorithm, x-amz-credential,
// x-amz-date and x-amz-signature ("Authenticating Requests: Browser-Based Uploads
// Using POST", Amazon S3 API reference), or in AWSAccessKeyId and signature of
// Version 2. A form without policy is anonymous, which is no error here. field
// returns a field by its name in lower case, empty if it is not there.
//
// Whether the policy still holds, and what it demands of the form, is the
// caller's to see.
func (v *Verifier) VerifyForm(field func(name string) string) (Credential, error) {
	policy := field("policy")
	switch {
	case policy == "":
		return Credential{}, nil
	case field("x-amz-signature") != "" || field("x-amz-algorithm") != "":
		return v.verifyForm4(policy, field)
	case field("awsaccesskeyid") != "":
		return v.verifyForm2(policy, field)
	}
	return Credential{}, ErrAccessDenied
}

func (v *Verifier) verifyForm4(policy string, field func(string) string) (Credential, error) {
	if field("x-amz-algorithm") != algorithm {
		return Credential{}, ErrSignatureVersion
	}
	// Nothing but the policy is signed; "host" stands for what requests must sign.
	sc := scope{service: serviceS3, signedHeaders: "host", signature: field("x-amz-signature"), amzDate: field("x-amz-date")}
	if problem := sc.fill(field("x-amz-credential")); problem != "" {
		return Credential{}, detail(ErrHeaderMalformed, "The form's signature is malformed; %s", problem)
	}
	if _, err := time.Parse(dateLayout, sc.amzDate); err != nil || sc.amzDate[:len(sc.date)] != sc.date {
		return Credential{}, detail(ErrHeaderMalformed, "The form's x-amz-date is malformed, or not on the credential's date.")
	}
	if err := v.checkRegion(&sc, RegionSite); err != nil {
		return Credential{}, err
	}
	cred, err := v.credential(sc.accessKey, field("x-amz-security-token"))
	if err != nil {
		return Credential{}, err
	}
	var signature [signatureLen]byte
	copy(signature[:], sc.signature)
	if !v.keys.get(cred, &sc).verify([]byte(policy), &signature) {
		return Credential{}, ErrSignature
	}
	return cred, nil
}

func (v *Verifier) verifyForm2(policy string, field func(string) string) (Credential, error) {
	cred, err := v.credential(field("awsaccesskeyid"), field("x-amz-security-token"))
	if err != nil {
		return Credential{}, err
	}
	h := hmac.New(sha1.New, []byte(cred.SecretKey))
	_, _ = h.Write([]byte(policy)) // never fails
	want := base64.StdEncoding.EncodeToString(h.Sum(nil))
	if subtle.ConstantTimeCompare([]byte(want), []byte(strings.TrimSpace(field("signature")))) != 1 {
		return Credential{}, ErrSignature
	}
	return cred, nil
}
