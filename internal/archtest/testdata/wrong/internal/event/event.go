// Package event is not pure.
package event

import (
	_ "net/http"

	_ "example.com/foreign"
)
