//go:build !long

package sdk

// largeObject is the size of the object that TestLargeObject moves, for every
// day.
const largeObject = 1 << 30
