package admin

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"strconv"
	"testing"

	"golang.org/x/crypto/chacha20poly1305"
)

// captured are bodies that a real client (mc, 2025-03-13, linux/amd64) sent
// with testSecret, and what was typed.
var captured = map[string]struct{ body, text string }{
	"set": {
		body: "5b8f9de24fabca74155eb871028277e0c6a0c35f6be77a1464f1c6f7c340b835001fe48983963c87dd1f1a546dee91d6" +
			"c9c50fe47ea12d1f0e452b96d4b06c42745b3d7b03f9a95671c666d2824ca87560dae90098650895c539635c811ffe16" +
			"7a1233109d44301686af4606c77501630a5d937631856826dc52508acbd120b4e5",
		text: "notify_webhook:1 queue_limit=0 endpoint=http://localhost:3000 queue_dir=",
	},
	"set with quotes": {
		body: "79881398469416d8d6b989fa71de4015147dd8ca1dfd2f36c18ea1f40107b6c00012b6647c027948330c6759714ee4c7" +
			"370589eb1816ea7f174c9bba1839deb0716f9866e40c7a92dd6d218d62e655ede29a05e0337ebef504df125b5a2c6c8b" +
			"9bed9c155024b41f908ab6bcd8e401a9810532f2aa02b705a1b4ae87cedd8a241765e7f2c6955edd7eff3c7b088cf88b" +
			"d995513e78",
		text: `notify_webhook:q endpoint="http://localhost:3000" comment="two words" auth_token=Bearer abc=`,
	},
	"reset": {
		body: "1b6e13e9ebbc361db6de9e5d839e95235ce30384e82fce5a40e0627f87fc9c78004c4fafa8e4890fbcfe085a27b07668" +
			"a4f4dfb92b77de91c521a03f7982a145d73799ff704286c7f90a58b10398bd6ef6c99aa7f009519d7dbade",
		text: "notify_webhook:1 queue_dir comment",
	},
}

func TestOpenCaptured(t *testing.T) {
	t.Parallel()
	for name, tt := range captured {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body, err := hex.DecodeString(tt.body)
			if err != nil {
				t.Fatal(err)
			}
			text, err := newEnvelopes().open(t.Context(), testSecret, body)
			if err != nil || string(text) != tt.text {
				t.Errorf("open = %q, %v; want %q", text, err, tt.text)
			}
			if _, err := newEnvelopes().open(t.Context(), testSecret+"x", body); !errors.Is(err, errEnvelope) {
				t.Errorf("with another secret: %v", err)
			}
		})
	}
}

// TestSizes covers the borders of packets: the last one is full rather than
// followed by an empty one.
func TestSizes(t *testing.T) {
	t.Parallel()
	aead, err := newGCM(make([]byte, keyBytes))
	if err != nil {
		t.Fatal(err)
	}
	prefix := make([]byte, prefixBytes)
	for _, size := range []int{0, 1, packetBytes - 1, packetBytes, packetBytes + 1, 3 * packetBytes, maxTextBytes} {
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			t.Parallel()
			text := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
			sealed := sealPackets(aead, prefix, text, nil)
			if want := size + tagBytes*max(1, (size+packetBytes-1)/packetBytes); len(sealed) != want {
				t.Errorf("%d bytes sealed, want %d", len(sealed), want)
			}
			if len(sealed)+headerBytes > maxSealedBytes {
				t.Errorf("%d bytes sealed exceed the bound of bodies", len(sealed))
			}
			got, err := openPackets(aead, prefix, sealed)
			if err != nil || !bytes.Equal(got, text) {
				t.Errorf("open: %d bytes, %v", len(got), err)
			}
		})
	}
}

func TestAlgorithms(t *testing.T) {
	t.Parallel()
	text := bytes.Repeat([]byte("0123456789abcdef"), packetBytes/16+1)
	for name, algorithm := range map[string]byte{"argon2, AES": argon2AES, "argon2, ChaCha": argon2ChaCha, "PBKDF2, AES": pbkdf2AES} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvelopes()
			sealed, err := e.sealAs(t.Context(), testSecret, text, algorithm)
			if err != nil || sealed[saltBytes] != algorithm {
				t.Fatalf("algorithm %d, %v", sealed[saltBytes], err)
			}
			if got, err := e.open(t.Context(), testSecret, sealed); err != nil || !bytes.Equal(got, text) {
				t.Errorf("open: %d bytes, %v", len(got), err)
			}
			if _, err := e.open(t.Context(), "another", sealed); !errors.Is(err, errEnvelope) {
				t.Errorf("with another secret: %v", err)
			}
		})
	}
}

func TestOpenRefusesWhatWasChanged(t *testing.T) {
	t.Parallel()
	e := newEnvelopes()
	sealed, err := e.sealAs(t.Context(), testSecret, make([]byte, 2*packetBytes+5), pbkdf2AES)
	if err != nil {
		t.Fatal(err)
	}
	const full = packetBytes + tagBytes
	first, second := sealed[headerBytes:headerBytes+full], sealed[headerBytes+full:headerBytes+2*full]
	changes := map[string][]byte{
		"empty":              {},
		"header only":        sealed[:headerBytes],
		"cut inside":         sealed[:len(sealed)-1],
		"last packet cut":    sealed[:headerBytes+2*full],
		"packets swapped":    bytes.Join([][]byte{sealed[:headerBytes], second, first, sealed[headerBytes+2*full:]}, nil),
		"packet twice":       bytes.Join([][]byte{sealed[:headerBytes], first, first, sealed[headerBytes+full:]}, nil),
		"unknown algorithm":  flip(sealed, saltBytes, 9),
		"salt":               flip(sealed, 0, 1),
		"nonce":              flip(sealed, saltBytes+1, 1),
		"text":               flip(sealed, headerBytes, 1),
		"trailing byte":      append(bytes.Clone(sealed), 0),
		"something plain":    []byte("notify_webhook:1 endpoint=http://localhost:3000 queue_dir=/tmp"),
		"a tag without text": sealed[:headerBytes+tagBytes],
	}
	for name, body := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if text, err := e.open(t.Context(), testSecret, body); !errors.Is(err, errEnvelope) {
				t.Errorf("open = %d bytes, %v", len(text), err)
			}
		})
	}
}

func flip(sealed []byte, at int, with byte) []byte {
	out := bytes.Clone(sealed)
	out[at] ^= with
	return out
}

// TestTurn shows that a second derivation waits for the first, and gives up
// with its request.
func TestTurn(t *testing.T) {
	t.Parallel()
	e := newEnvelopes()
	e.turn <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.seal(ctx, testSecret, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("seal while another runs: %v", err)
	}
	<-e.turn
	if _, err := e.seal(t.Context(), testSecret, nil); err != nil {
		t.Errorf("seal afterwards: %v", err)
	}
}

// FuzzPackets reads packets under a fixed key, without the slow derivation.
func FuzzPackets(f *testing.F) {
	aead, err := chacha20poly1305.New(make([]byte, keyBytes))
	if err != nil {
		f.Fatal(err)
	}
	prefix := make([]byte, prefixBytes)
	sealed := sealPackets(aead, prefix, []byte("notify_webhook:1 endpoint=http://h/"), nil)
	f.Add(sealed, []byte("text"))
	f.Add(sealed[:len(sealed)-1], make([]byte, packetBytes+1))
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, body, text []byte) {
		if got, err := openPackets(aead, prefix, body); err == nil {
			if again := sealPackets(aead, prefix, got, nil); !bytes.Equal(again, body) {
				t.Errorf("%x opened, but seals as %x", body, again)
			}
		}
		got, err := openPackets(aead, prefix, sealPackets(aead, prefix, text, nil))
		if err != nil || !bytes.Equal(got, text) {
			t.Errorf("round trip of %d bytes: %d bytes, %v", len(text), len(got), err)
		}
	})
}
