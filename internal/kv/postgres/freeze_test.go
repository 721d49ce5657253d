//go:build !long

package postgres_test

// child is for the long tests, which run this program as several processes.
func child() (code int, is bool) { return 0, false }
