package admin

import "golang.org/x/sys/unix"

// diskSpace asks the file system that holds path.
func diskSpace(path string) (space, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return space{}, err
	}
	block := uint64(s.Bsize)
	return space{
		total: s.Blocks * block, free: s.Bfree * block, available: s.Bavail * block,
		inodes: s.Files, freeInodes: s.Ffree,
	}, nil
}
