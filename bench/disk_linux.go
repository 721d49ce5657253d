package main

import (
	"os"
	"syscall"
)

func fdatasync(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }

// settle writes out what earlier turns left behind, so that the next one does
// not pay for it.
func settle() { syscall.Sync() }
