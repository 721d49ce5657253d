package harness

import (
	"os"
	"syscall"
)

// childAttributes let the kernel end a server whose test process dies without
// its clean-up.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

// allocate gives a file n bytes without writing them.
func allocate(f *os.File, n int64) error { return syscall.Fallocate(int(f.Fd()), 0, 0, n) }
