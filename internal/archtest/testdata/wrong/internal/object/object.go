// Package object knows an engine.
package object

import (
	_ "example.org/wrong/internal/kv"
	_ "example.org/wrong/internal/kv/pebble"
)
