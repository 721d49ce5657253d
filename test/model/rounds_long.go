//go:build long

package model

// defaultRounds is how often the server is killed, before something is called
// done.
const defaultRounds = 50
