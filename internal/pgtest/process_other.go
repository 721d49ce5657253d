//go:build !linux

package pgtest

import "syscall"

func childAttributes() *syscall.SysProcAttr { return nil }
