//go:build !linux

package harness

import (
	"io"
	"math/rand/v2"
	"os"
	"syscall"
)

func childAttributes() *syscall.SysProcAttr { return nil }

// allocate gives a file n bytes by writing them: random ones, because some file
// systems store nothing for zeros.
func allocate(f *os.File, n int64) error {
	_, err := io.CopyN(f, rand.NewChaCha8([32]byte{}), n)
	return err
}
