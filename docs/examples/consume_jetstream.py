import asyncio
import json
import os

import nats

from events import handle


async def main():
    nc = await nats.connect(os.environ.get("NATS_URL", "nats://localhost:4222"))
    subscription = await nc.jetstream().subscribe("bucketevents", durable="consumer", manual_ack=True)
    print("ready")
    async for message in subscription.messages:
        handle(json.loads(message.data), message.headers["Nats-Msg-Id"])
        await message.ack()


asyncio.run(main())
