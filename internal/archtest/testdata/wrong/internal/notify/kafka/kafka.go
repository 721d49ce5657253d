// package kafka has a comment that does not begin as one should.
package kafka

import _ "example.org/wrong/internal/object"
