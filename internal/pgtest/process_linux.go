package pgtest

import "syscall"

// childAttributes let the kernel end a server whose test process dies without
// its clean-up.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
