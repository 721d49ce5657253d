package kv

import _ "example.org/wrong/test/harness"
