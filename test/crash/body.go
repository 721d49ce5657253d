package crash

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
)

// Sizes of bodies: most are small enough to be stored beside their metadata,
// the others are files of their own.
const (
	smallBytes = 512
	largeBytes = 33 << 10
	largeEvery = 5
	// partBytes is the smallest that a part but the last may be.
	partBytes = 5 << 20
	// twoPartsEvery of the uploads has two parts.
	twoPartsEvery = 16
)

// size chooses the size of a body.
func size(random *rand.Rand) int {
	if random.IntN(largeEvery) == 0 {
		return largeBytes + random.IntN(2*largeBytes)
	}
	return 1 + random.IntN(smallBytes)
}

// body makes contents that no other operation has.
func body(random *rand.Rand, label string, size int) []byte {
	b := fmt.Appendf(nil, "%s %x\n", label, random.Uint64())
	head := len(b)
	b = append(b, make([]byte, size)...)
	var seed [32]byte
	for i := range seed {
		seed[i] = byte(random.Uint32())
	}
	_, _ = rand.NewChaCha8(seed).Read(b[head:]) // never fails, by its contract
	return b
}

func sumOf(b []byte) string {
	sum := md5.Sum(b)
	return hex.EncodeToString(sum[:])
}

// partsETag is the ETag of an object that was uploaded in parts: the MD5 of
// their MD5s, and their number.
func partsETag(parts [][]byte) string {
	var sums []byte
	for _, p := range parts {
		sum := md5.Sum(p)
		sums = append(sums, sum[:]...)
	}
	return fmt.Sprintf("%s-%d", sumOf(sums), len(parts))
}
