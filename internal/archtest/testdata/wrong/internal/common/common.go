package common

import "os"

func init() {
	_ = os.Getenv("HOME")
}
