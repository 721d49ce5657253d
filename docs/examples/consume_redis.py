import json
import os

import redis

from events import handle

url = os.environ.get("REDIS_URL", "redis://localhost:6379")
db = redis.Redis.from_url(url, socket_timeout=None)  # an item can take its time
print("ready")
while True:
    # An item that was taken stays in a list of its own until it is handled.
    item = db.lindex("bucketevents:taken", 0) or db.blmove("bucketevents", "bucketevents:taken", 0)
    time, event = json.loads(item)
    handle(event)
    db.lpop("bucketevents:taken")
