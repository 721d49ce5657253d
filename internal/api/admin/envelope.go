package admin

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"
)

// The envelope in which `mc admin` and the server exchange texts that hold
// secrets, sealed with the secret key of the credential that signed the request:
//
//	offset  length
//	0       32      random salt
//	32      1       algorithm
//	33      8       random prefix of the nonces
//	41              packets: ciphertext and tag of 16 KiB of text each
//
// A packet's nonce is the prefix and a little-endian counter. Counter 0 seals
// nothing; its tag, with a byte before it that says whether a packet is the
// last, is the additional data of all packets, which count from 1. So packets
// can be neither swapped nor cut off.
const (
	saltBytes   = 32
	prefixBytes = 8
	headerBytes = saltBytes + 1 + prefixBytes
	tagBytes    = 16
	packetBytes = 16 << 10
	nonceBytes  = prefixBytes + 4
	keyBytes    = 32
)

// Algorithms. All are read; the first is written.
const (
	argon2AES    = 0
	argon2ChaCha = 1
	pbkdf2AES    = 2
)

// Parameters of the key derivations, as the client has them.
const (
	argonTime    = 1
	argonMemory  = 64 << 10 // KiB
	argonThreads = 4
	pbkdf2Rounds = 8192
)

// errEnvelope says that a body is no envelope, or sealed with another secret.
var errEnvelope = errors.New("the body cannot be decrypted with the secret key of the request's credential")

// envelopes seals and opens. A key derivation takes 64 MiB of memory and tens of
// milliseconds, so only one runs at a time.
type envelopes struct {
	turn chan struct{}
}

func newEnvelopes() *envelopes { return &envelopes{turn: make(chan struct{}, 1)} }

// cipher derives the key. It waits for its turn, or for the end of ctx.
func (e *envelopes) cipher(ctx context.Context, secret string, salt []byte, algorithm byte) (cipher.AEAD, error) {
	select {
	case e.turn <- struct{}{}:
		defer func() { <-e.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	switch algorithm {
	case argon2AES:
		return newGCM(argon2.IDKey([]byte(secret), salt, argonTime, argonMemory, argonThreads, keyBytes))
	case argon2ChaCha:
		return chacha20poly1305.New(argon2.IDKey([]byte(secret), salt, argonTime, argonMemory, argonThreads, keyBytes))
	case pbkdf2AES:
		key, err := pbkdf2.Key(sha256.New, secret, salt, pbkdf2Rounds, keyBytes)
		if err != nil {
			return nil, err
		}
		return newGCM(key)
	}
	return nil, errEnvelope
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// seal returns text in an envelope.
func (e *envelopes) seal(ctx context.Context, secret string, text []byte) ([]byte, error) {
	return e.sealAs(ctx, secret, text, argon2AES)
}

func (e *envelopes) sealAs(ctx context.Context, secret string, text []byte, algorithm byte) ([]byte, error) {
	packets := max(1, (len(text)+packetBytes-1)/packetBytes)
	out := make([]byte, headerBytes, headerBytes+len(text)+packets*tagBytes)
	_, _ = rand.Read(out) // never fails, says crypto/rand
	out[saltBytes] = algorithm
	aead, err := e.cipher(ctx, secret, out[:saltBytes], algorithm)
	if err != nil {
		return nil, err
	}
	return sealPackets(aead, out[saltBytes+1:headerBytes], text, out), nil
}

// sealPackets appends the packets of text to out.
func sealPackets(aead cipher.AEAD, prefix, text, out []byte) []byte {
	p := newPackets(aead, prefix)
	for len(text) > packetBytes {
		out = aead.Seal(out, p.nonce(), text[:packetBytes], p.data(false))
		text = text[packetBytes:]
	}
	return aead.Seal(out, p.nonce(), text, p.data(true))
}

// open returns the text in an envelope: errEnvelope, or ctx's error.
func (e *envelopes) open(ctx context.Context, secret string, sealed []byte) ([]byte, error) {
	if len(sealed) < headerBytes+tagBytes {
		return nil, errEnvelope
	}
	aead, err := e.cipher(ctx, secret, sealed[:saltBytes], sealed[saltBytes])
	if err != nil {
		return nil, err
	}
	return openPackets(aead, sealed[saltBytes+1:headerBytes], sealed[headerBytes:])
}

// openPackets returns the text of packets.
func openPackets(aead cipher.AEAD, prefix, rest []byte) (text []byte, err error) {
	p := newPackets(aead, prefix)
	text = make([]byte, 0, len(rest))
	const full = packetBytes + tagBytes
	for len(rest) > full {
		if text, err = aead.Open(text, p.nonce(), rest[:full], p.data(false)); err != nil {
			return nil, errEnvelope
		}
		rest = rest[full:]
	}
	if text, err = aead.Open(text, p.nonce(), rest, p.data(true)); err != nil {
		return nil, errEnvelope
	}
	return text, nil
}

// packets counts the packets of one envelope.
type packets struct {
	next       [nonceBytes]byte
	counter    uint32
	additional [1 + tagBytes]byte
}

func newPackets(aead cipher.AEAD, prefix []byte) *packets {
	p := &packets{}
	copy(p.next[:], prefix)
	tag := aead.Seal(nil, p.nonce(), nil, nil)
	copy(p.additional[1:], tag)
	return p
}

// nonce returns the nonce of the next packet. Bodies are bounded far below the
// counter's range.
func (p *packets) nonce() []byte {
	binary.LittleEndian.PutUint32(p.next[prefixBytes:], p.counter)
	p.counter++
	return p.next[:]
}

// data returns the additional data of a packet.
func (p *packets) data(last bool) []byte {
	p.additional[0] = 0
	if last {
		p.additional[0] = 0x80
	}
	return p.additional[:]
}
