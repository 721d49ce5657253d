import json
import os

import paho.mqtt.client as mqtt

from events import handle


def on_connect(client, userdata, flags, reason, properties):
    client.subscribe("minio", qos=1)


def on_subscribe(client, userdata, mid, reasons, properties):
    print("ready")


def on_message(client, userdata, message):
    handle(json.loads(message.payload))  # acknowledged when this returns


# With a name and without a clean session the broker keeps what comes meanwhile.
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "consumer", clean_session=False)
client.on_connect, client.on_subscribe, client.on_message = on_connect, on_subscribe, on_message
client.connect("localhost", int(os.environ.get("MQTT_PORT", "1883")))
client.loop_forever()
