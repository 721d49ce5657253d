//go:build !linux

package brokertest

import "syscall"

// processTree is the process alone: only Linux tells of those below it.
func processTree(pid int) []int { return []int{pid} }

func signal(tree []int, sig syscall.Signal) {
	for _, pid := range tree {
		_ = syscall.Kill(pid, sig) // it may have ended
	}
}

func stopped(int) bool { return true }

func gone(pid int) bool { return syscall.Kill(pid, 0) != nil }

func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
