// Package archtest holds the rules of docs/ARCHITECTURE.md and CONTRIBUTING.md
// that a compiler does not know, as tests: which package may import which, what
// every package must have, and how long a file or function may get. The list of
// arrows in it is also where the depguard rules of .golangci.yml come from.
package archtest
