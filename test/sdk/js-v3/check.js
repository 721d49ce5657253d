'use strict'

// What the steps share: the client, assertions and plain HTTP requests.

const assert = require('node:assert/strict')
const crypto = require('node:crypto')
const { S3Client, PutObjectCommand, GetObjectCommand, CreateBucketCommand } = require('@aws-sdk/client-s3')

const endpoint = process.env.ENDPOINT
const bucket = 'walk'
const MiB = 1 << 20
// The least that S3 takes of a part that is not the last.
const partSize = 5 * MiB

// Credential and region come from the environment, and for TLS the authority,
// which Node.js reads itself.
function newClient (options) {
  return new S3Client({ endpoint, forcePathStyle: true, maxAttempts: 1, ...options })
}

// noise is size bytes without repetition, the same in every run.
function noise (size) {
  return crypto.createHash('shake128', { outputLength: size }).update(String(size)).digest()
}

// refused wants a call to fail with this code, or, of an answer without a body,
// with this status.
async function refused (what, want, call) {
  const error = await call.then(() => assert.fail(`${what}: succeeded, want ${want}`), (e) => e)
  if (typeof want === 'number') {
    assert.equal(error.$metadata?.httpStatusCode, want, `${what}: ${error}`)
  } else {
    assert.equal(error.name, want, `${what}: ${error}`)
  }
}

async function makeBucket (client, name) {
  await client.send(new CreateBucketCommand({ Bucket: name }))
}

// put stores an object and returns its version, if it has one.
async function put (client, name, key, body) {
  return (await client.send(new PutObjectCommand({ Bucket: name, Key: key, Body: body }))).VersionId
}

// get reads an object; without a version it is the latest.
async function get (client, name, key, version) {
  return bytes(await client.send(new GetObjectCommand({ Bucket: name, Key: key, VersionId: version })))
}

async function bytes (answer) {
  return Buffer.from(await answer.Body.transformToByteArray())
}

async function text (answer) {
  return (await bytes(answer)).toString()
}

// same compares large bodies without printing them.
function same (what, got, want) {
  assert.ok(got.equals(want), `${what}: ${got.length} bytes that are not the ${want.length} sent`)
}

module.exports = { assert, endpoint, bucket, MiB, partSize, newClient, noise, refused, makeBucket, put, get, bytes, text, same }
