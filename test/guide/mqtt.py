#!/usr/bin/env python3
# The program of the guide's MQTT chapter; only where the broker is comes from
# outside.
from __future__ import print_function
import os

import paho.mqtt.client as mqtt

# This is the Subscriber

def on_connect(client, userdata, flags, rc):
  print("Connected with result code "+str(rc))
  # qos level is set to 1
  client.subscribe("minio", 1)

def on_subscribe(client, userdata, mid, granted_qos):
  print("Subscribed")

def on_message(client, userdata, msg):
    print(msg.payload)

# client_id is a randomly generated unique ID for the mqtt broker to identify the connection.
client = mqtt.Client(client_id="myclientid",clean_session=False)

client.on_connect = on_connect
client.on_subscribe = on_subscribe
client.on_message = on_message

client.connect("localhost",int(os.environ["MQTT_PORT"]),60)
client.loop_forever()
