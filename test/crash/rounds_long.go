//go:build long

package crash

// defaultRounds is how often each mode strikes, before something is called
// done.
const defaultRounds = 100
