// Package crashfs is for tests.
package crashfs
