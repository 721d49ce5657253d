import json
import os

from confluent_kafka import Consumer, KafkaException

from events import handle

consumer = Consumer({
    "bootstrap.servers": os.environ.get("KAFKA_BROKERS", "localhost:9092"),
    "group.id": "consumer",
    "auto.offset.reset": "earliest",
    "enable.auto.commit": False,
})
consumer.subscribe(["bucketevents"])
print("ready")
while True:
    record = consumer.poll(1)
    if record is None:
        continue
    if record.error():
        raise KafkaException(record.error())
    handle(json.loads(record.value()), dict(record.headers())["event-id"].decode())
    consumer.commit(record)
