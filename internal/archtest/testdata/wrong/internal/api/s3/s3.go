// Package s3 goes past package object.
package s3

import (
	_ "example.org/wrong/internal/kv"
	_ "example.org/wrong/internal/object"
)
