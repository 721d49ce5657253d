// Package all lists the kinds of target.
package all

import (
	"github.com/carillon-s3/carillon/internal/notify/nats"
	"github.com/carillon-s3/carillon/internal/notify/amqp"
	"github.com/carillon-s3/carillon/internal/notify/redis"
	"github.com/carillon-s3/carillon/internal/notify/target"
	"github.com/carillon-s3/carillon/internal/notify/webhook"
)

// Kinds returns every kind of target that this server has.
func Kinds() []target.Kind {
	return []target.Kind{
		nats.Kind(),
		redis.Kind(),
		webhook.Kind(),
		amqp.Kind(),
		redis.Kind(),
	}
}
