package server

import "runtime/debug"

const (
	// gcPercent lets the heap grow fivefold between collections. Most of it is
	// the store's cache and write buffers, which the collector walks in vain:
	// measured, a quarter less CPU for a small GET.
	gcPercent = 400
	// memoryLimit bounds what that may come to: the store's 512 MiB, its
	// readers and writers, and as much again. Beyond it the collector works
	// harder; nothing fails.
	memoryLimit = 1536 << 20
)

// tuneMemory sets the collector, unless the operator has (GOGC, GOMEMLIMIT).
func tuneMemory(env *environment) {
	if env.Env["GOGC"] == "" {
		debug.SetGCPercent(gcPercent)
	}
	if env.Env["GOMEMLIMIT"] == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}
