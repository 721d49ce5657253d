// Package pebble is as it should be.
package pebble

import _ "example.org/wrong/internal/kv"
