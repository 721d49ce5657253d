import json
import os

import nsq

from events import handle


def handler(message):
    handle(json.loads(message.body))
    return True  # finished: nsqd need not send it again


nsq.Reader(topic="minio", channel="consumer", message_handler=handler,
           nsqd_tcp_addresses=[os.environ.get("NSQD", "127.0.0.1:4150")])
print("ready")
nsq.run()
