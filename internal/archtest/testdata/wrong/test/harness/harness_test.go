package harness

import _ "example.org/wrong/internal/kv"
