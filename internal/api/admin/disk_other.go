//go:build !linux

package admin

import "errors"

// diskSpace is not known here.
func diskSpace(string) (space, error) { return space{}, errors.ErrUnsupported }
