package brokertest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// processTree is a process and all below it: the children of some brokers have
// sessions of their own, so that a signal to a group would miss them.
func processTree(pid int) []int {
	tree := []int{pid}
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return tree
	}
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			continue // it has ended
		}
		for _, child := range strings.Fields(string(text)) {
			if id, err := strconv.Atoi(child); err == nil {
				tree = append(tree, processTree(id)...)
			}
		}
	}
	return tree
}

func signal(tree []int, sig syscall.Signal) {
	for _, pid := range tree {
		_ = syscall.Kill(pid, sig) // it may have ended
	}
}

// stopped reports whether no thread of a process runs.
func stopped(pid int) bool {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil {
		return false
	}
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if err != nil {
			continue // it has ended
		}
		// The state follows the name, which is in brackets and may hold some.
		state := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if len(state) > 0 && !strings.Contains("TtZX", state[0]) {
			return false
		}
	}
	return true
}

func gone(pid int) bool {
	_, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
	return err != nil
}

// childAttributes let the kernel end a broker whose test process dies without
// its clean-up.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
