// Package harness is for whole-program tests.
package harness
