//go:build !long

package crash

// defaultRounds is how often each mode strikes, for every day.
const defaultRounds = 4
