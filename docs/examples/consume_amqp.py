import json
import os

import pika

from events import handle


def callback(channel, method, properties, body):
    handle(json.loads(body), properties.message_id)
    channel.basic_ack(method.delivery_tag)


url = os.environ.get("AMQP_URL", "amqp://localhost")
channel = pika.BlockingConnection(pika.URLParameters(url)).channel()
channel.exchange_declare("bucketevents", "fanout", durable=True)
channel.queue_declare("consumer", durable=True)
channel.queue_bind("consumer", "bucketevents")
channel.basic_consume("consumer", callback)
print("ready")
channel.start_consuming()
