//go:build long

package sdk

// largeObject is the size of the object that TestLargeObject moves, before
// something is called done.
const largeObject = 20 << 30
