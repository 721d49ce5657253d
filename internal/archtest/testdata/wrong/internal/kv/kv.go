// Package kv is as it should be, but for its tests and one long file.
package kv
