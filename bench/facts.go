package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// syncProbe is how long the disk is asked for its speed, before every round.
const syncProbe = 500 * time.Millisecond

// facts says what the figures were measured on.
func facts(dir string) []string {
	return []string{
		fmt.Sprintf("%d cores (%s), %s, %s/%s", runtime.NumCPU(), procField("/proc/cpuinfo", "model name"), runtime.Version(), runtime.GOOS, runtime.GOARCH),
		fmt.Sprintf("kernel %s, memory %s", firstLine("/proc/sys/kernel/osrelease"), procField("/proc/meminfo", "MemTotal")),
		fmt.Sprintf("file system %s; load generator, receiver and servers share the machine", fileSystem(dir)),
	}
}

// syncRate is how many times a second a write of 4 KiB at a file's end can be
// made durable, one after the other.
func syncRate(dir string) (float64, error) {
	f, err := os.CreateTemp(dir, "sync")
	if err != nil {
		return 0, err
	}
	defer func() {
		_ = f.Close()
		_ = os.Remove(f.Name())
	}()
	block := make([]byte, smallObject)
	start, n := time.Now(), 0
	for time.Since(start) < syncProbe {
		if _, err := f.Write(block); err != nil {
			return 0, err
		}
		if err := fdatasync(f); err != nil {
			return 0, err
		}
		n++
	}
	return float64(n) / time.Since(start).Seconds(), nil
}

// fileSystem is the type and options of the file system that dir is on.
func fileSystem(dir string) string {
	mounts, err := os.Open("/proc/mounts")
	if err != nil {
		return "unknown"
	}
	defer func() { _ = mounts.Close() }()
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	best, found := "", "unknown"
	for lines := bufio.NewScanner(mounts); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) < 4 || len(f[1]) < len(best) {
			continue
		}
		if dir == f[1] || strings.HasPrefix(dir, strings.TrimSuffix(f[1], "/")+"/") {
			best, found = f[1], fmt.Sprintf("%s (%s)", f[2], f[3])
		}
	}
	return found
}

func loadAverage() string {
	first, _, _ := strings.Cut(firstLine("/proc/loadavg"), " ")
	return first
}

func firstLine(name string) string {
	text, err := os.ReadFile(name)
	if err != nil {
		return "unknown"
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}

// procField is the value of the first "name: value" line.
func procField(name, field string) string {
	text, _ := os.ReadFile(name) // no such file: unknown
	for line := range strings.Lines(string(text)) {
		if key, value, _ := strings.Cut(line, ":"); strings.TrimSpace(key) == field {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}
