package iam

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of names and secrets: those that MinIO's users know, and one for what
// MinIO leaves open.
const (
	minAccessKey, minSecretKey, maxSecretKey = 3, 8, 40
	// maxName bounds the names of users, groups and policies, and access keys: IAM
	// has 128 for groups and policies.
	maxName = 128
	// maxText bounds an access key's name and description.
	maxText = 256
	// generatedAccessKey and generatedSecretKey are the lengths of generated ones.
	generatedAccessKey, generatedSecretKey = 20, 40
)

func checkName(what, name string, atLeast int) error {
	switch {
	case len(name) < atLeast || len(name) > maxName:
		return detail(ErrInvalidName, "The %s must have %d to %d characters.", what, atLeast, maxName)
	case !utf8.ValidString(name) || strings.ContainsAny(name, "=,") || strings.ContainsFunc(name, unicode.IsControl) || strings.TrimSpace(name) != name:
		return detail(ErrInvalidName, "The %s has a character that it may not have: '=', ',', a space at an end, or a control character.", what)
	}
	return nil
}

func checkSecret(secret string) error {
	if len(secret) < minSecretKey || len(secret) > maxSecretKey {
		return ErrInvalidSecretKey
	}
	return nil
}

// generateAccessKey returns a random text of upper-case letters and digits.
func generateAccessKey() string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" // 32, so that a byte's remainder is fair
	b := make([]byte, generatedAccessKey)
	_, _ = rand.Read(b) // never fails, says crypto/rand
	for i := range b {
		b[i] = letters[int(b[i])%len(letters)]
	}
	return string(b)
}

func generateSecretKey() string {
	b := make([]byte, generatedSecretKey*3/4)
	_, _ = rand.Read(b) // never fails, says crypto/rand
	return base64.RawURLEncoding.EncodeToString(b)
}
