// Package server brings test support into the program.
package server

import _ "example.org/wrong/internal/crashfs"
