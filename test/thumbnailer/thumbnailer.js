// A webhook target as users write one: for every picture that is put into a
// bucket it puts a thumbnail into the bucket BUCKET-thumbnail.
//
// Environment: THUMBNAILER_LISTEN (host:port), THUMBNAILER_ENDPOINT (URL of the
// server), THUMBNAILER_ACCESS_KEY, THUMBNAILER_SECRET_KEY.
"use strict";

const http = require("node:http");
const { buffer } = require("node:stream/consumers");
const minio = require("minio");
const sharp = require("sharp");

const WIDTH = 40;
const MAX_EVENT_BYTES = 1 << 20;

function required(name) {
  const value = process.env[name];
  if (!value) {
    console.error(`set ${name}`);
    process.exit(2);
  }
  return value;
}

const endpoint = new URL(required("THUMBNAILER_ENDPOINT"));
const client = new minio.Client({
  endPoint: endpoint.hostname,
  port: Number(endpoint.port),
  useSSL: endpoint.protocol === "https:",
  accessKey: required("THUMBNAILER_ACCESS_KEY"),
  secretKey: required("THUMBNAILER_SECRET_KEY"),
});

// Keys in events are escaped as in a query: a space is a plus sign.
function unescapeKey(key) {
  return decodeURIComponent(key.replaceAll("+", " "));
}

async function thumbnail(record) {
  const bucket = record.s3.bucket.name;
  const key = unescapeKey(record.s3.object.key);
  const picture = await buffer(await client.getObject(bucket, key));
  const small = await sharp(picture).resize(WIDTH).jpeg().toBuffer();
  await client.putObject(`${bucket}-thumbnail`, key, small, small.length, {
    "Content-Type": "image/jpeg",
  });
  console.log(`made ${bucket}-thumbnail/${key} from ${picture.length} bytes`);
}

async function receive(request, response) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MAX_EVENT_BYTES) {
      response.writeHead(413).end();
      return;
    }
    chunks.push(chunk);
  }
  const event = JSON.parse(Buffer.concat(chunks).toString("utf8"));
  for (const record of event.Records) {
    if (record.eventName.startsWith("s3:ObjectCreated:")) {
      await thumbnail(record);
    }
  }
  // Acknowledged only now: an event whose thumbnail failed comes again.
  response.writeHead(200).end();
}

const server = http.createServer((request, response) => {
  receive(request, response).catch((err) => {
    console.error(err);
    response.writeHead(500).end();
  });
});

const [host, port] = required("THUMBNAILER_LISTEN").split(":");
server.listen(Number(port), host, () => {
  console.log(`Thumbnailer listens on http://${host}:${port}/`);
});
