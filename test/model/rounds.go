//go:build !long

package model

// defaultRounds is how often the server is killed, for every day.
const defaultRounds = 4
