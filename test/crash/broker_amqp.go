package crash

import (
	"errors"
	"testing"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/carillon-s3/carillon/internal/brokertest"
)

// amqpName is the exchange, and the queue that is bound to it.
const amqpName = "bucketevents"

// amqp is a durable exchange with a durable queue, which is emptied over a
// connection of its own each time it is read.
func amqp(t *testing.T) broker {
	t.Helper()
	server := brokertest.StartRabbitMQ(t)
	url := "amqp://" + brokertest.Login + ":" + brokertest.Password + "@" + server.Address
	if err := amqpDo(url, declareBound); err != nil {
		t.Fatal(err)
	}
	var all []seen
	return broker{
		name: "amqp", process: server.Process, arn: "arn:minio:sqs::1:amqp",
		env: []string{
			"MINIO_NOTIFY_AMQP_ENABLE_1=on", "MINIO_NOTIFY_AMQP_URL_1=" + url, "MINIO_NOTIFY_AMQP_EXCHANGE_1=" + amqpName,
			"MINIO_NOTIFY_AMQP_EXCHANGE_TYPE_1=fanout", "MINIO_NOTIFY_AMQP_DURABLE_1=on", "MINIO_NOTIFY_AMQP_DELIVERY_MODE_1=2",
		},
		arrived: func(testing.TB) ([]seen, error) {
			err := amqpDo(url, func(ch *amqp091.Channel) error {
				for {
					d, ok, err := ch.Get(amqpName, true)
					if err != nil || !ok {
						return err
					}
					s, err := parseEvent(d.Body, d.MessageId)
					if err != nil {
						return err
					}
					all = append(all, s)
				}
			})
			return all, err
		},
	}
}

func declareBound(ch *amqp091.Channel) error {
	_, err := ch.QueueDeclare(amqpName, true, false, false, false, nil)
	return errors.Join(err,
		ch.ExchangeDeclare(amqpName, amqp091.ExchangeFanout, true, false, false, false, nil),
		ch.QueueBind(amqpName, "", amqpName, false, nil))
}

// amqpDo does something over a connection of its own.
func amqpDo(url string, do func(*amqp091.Channel) error) error {
	conn, err := amqp091.Dial(url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // it has done its work
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	return do(ch)
}
