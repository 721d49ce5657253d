// Package all lists the kinds of target.
package all

import (
	"github.com/carillon-s3/carillon/internal/notify/amqp"
	"github.com/carillon-s3/carillon/internal/notify/elasticsearch"
	"github.com/carillon-s3/carillon/internal/notify/kafka"
	"github.com/carillon-s3/carillon/internal/notify/mqtt"
	"github.com/carillon-s3/carillon/internal/notify/mysql"
	"github.com/carillon-s3/carillon/internal/notify/nats"
	"github.com/carillon-s3/carillon/internal/notify/nsq"
	"github.com/carillon-s3/carillon/internal/notify/postgres"
	"github.com/carillon-s3/carillon/internal/notify/redis"
	"github.com/carillon-s3/carillon/internal/notify/target"
	"github.com/carillon-s3/carillon/internal/notify/webhook"
)

// Kinds returns every kind of target that this server has, in the order of the
// notification guide.
func Kinds() []target.Kind {
	return []target.Kind{
		webhook.Kind(),
		amqp.Kind(),
		kafka.Kind(),
		mqtt.Kind(),
		nats.Kind(),
		nsq.Kind(),
		mysql.Kind(),
		postgres.Kind(),
		elasticsearch.Kind(),
		redis.Kind(),
	}
}
