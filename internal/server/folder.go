package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// foreignFolder is what MinIO keeps in a folder of its own.
const foreignFolder = ".minio.sys"

// What lies below the folder that is served.
const (
	metadataFolder = "meta"
	blobFolder     = "blobs"
	// sealingKeyFile opens the stored secrets after the root password was
	// changed.
	sealingKeyFile = "sealing.key"
)

// chooseFolder returns the one folder to serve, made if it is missing. It
// touches nothing in a folder that another program wrote.
func chooseFolder(folders []string, env *environment) (string, error) {
	if len(folders) == 0 {
		folders = strings.Fields(env.get(envVolumes))
	}
	const joinDisks = "Carillon serves one folder: join the disks below it (RAID, LVM, ZFS) and name that folder alone"
	switch {
	case len(folders) == 0:
		return "", fmt.Errorf("%w: name the folder to serve, as in: carillon server ./data", ErrUsage)
	case len(folders) > 1:
		return "", fmt.Errorf("%w: %d folders were given; %s", ErrUsage, len(folders), joinDisks)
	case strings.Contains(folders[0], "..."):
		return "", fmt.Errorf("%w: %s names several folders; %s", ErrUsage, folders[0], joinDisks)
	case strings.Contains(folders[0], "://"):
		return "", fmt.Errorf("%w: %s is an address; Carillon serves a folder of its own machine", ErrUsage, folders[0])
	}
	folder, err := filepath.Abs(folders[0])
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(folder, foreignFolder)); err == nil {
		return "", fmt.Errorf("%w: %s holds the data of a MinIO server, which Carillon neither reads nor changes. "+
			"To move over: start Carillon on a new folder and another port beside the old server, "+
			"copy with `mc mirror --preserve OLD/bucket NEW/bucket`, then let Carillon take the old address", ErrUsage, folder)
	} else if !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", fmt.Errorf("make the folder to serve: %w", err)
	}
	return folder, nil
}
