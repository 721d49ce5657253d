import asyncio
import json
import os

import nats

from events import handle


async def main():
    nc = await nats.connect(os.environ.get("NATS_URL", "nats://localhost:4222"))
    subscription = await nc.subscribe("bucketevents")
    await nc.flush()
    print("ready")
    async for message in subscription.messages:
        handle(json.loads(message.data), message.headers["Nats-Msg-Id"])


asyncio.run(main())
