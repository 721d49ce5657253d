package iam

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"hash"
	"strings"
	"sync"
)

// maxSigningKeys bounds the cache: one per credential, day and region in use.
// Regions are the client's choice, so it is emptied rather than let grow.
const maxSigningKeys = 1024

// signingKey signs for one credential, day, region and service. It keeps keyed hashes,
// which are worth more than the key itself.
type signingKey struct {
	secret string
	macs   sync.Pool // of *mac
}

type mac struct {
	hash hash.Hash
	sum  [sha256.Size]byte
	hex  [signatureLen]byte
}

func newSigningKey(secret, date, region, service string) *signingKey {
	key := sumHMAC([]byte("AWS4"+secret), date)
	key = sumHMAC(key, region)
	key = sumHMAC(key, service)
	key = sumHMAC(key, "aws4_request")
	k := &signingKey{secret: secret}
	k.macs.New = func() any { return &mac{hash: hmac.New(sha256.New, key)} }
	return k
}

func sumHMAC(key []byte, data string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(data))
	return h.Sum(nil)
}

// verify reports in constant time whether signature is that of toSign.
func (k *signingKey) verify(toSign []byte, signature *[signatureLen]byte) bool {
	m := k.macs.Get().(*mac)
	m.hash.Reset()
	m.hash.Write(toSign)
	m.hash.Sum(m.sum[:0])
	hex.Encode(m.hex[:], m.sum[:])
	ok := subtle.ConstantTimeCompare(m.hex[:], signature[:]) == 1
	k.macs.Put(m)
	return ok
}

type keyID struct{ accessKey, date, region, service string }

// keyCache remembers signing keys. Its zero value is ready.
type keyCache struct {
	mu   sync.RWMutex
	keys map[keyID]*signingKey
}

// get returns the signing key of a credential. A secret that has changed gives
// a new one.
func (c *keyCache) get(cred Credential, sc *scope) *signingKey {
	id := keyID{cred.AccessKey, sc.date, sc.region, sc.service}
	c.mu.RLock()
	k := c.keys[id]
	c.mu.RUnlock()
	if k != nil && subtle.ConstantTimeCompare([]byte(k.secret), []byte(cred.SecretKey)) == 1 {
		return k
	}
	k = newSigningKey(cred.SecretKey, sc.date, sc.region, sc.service)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keys == nil || len(c.keys) >= maxSigningKeys {
		c.keys = make(map[keyID]*signingKey)
	}
	// The parts of id are slices of a request's headers: keep copies.
	id.accessKey, id.date, id.region = cred.AccessKey, strings.Clone(sc.date), strings.Clone(sc.region)
	c.keys[id] = k
	return k
}
