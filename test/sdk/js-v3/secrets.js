'use strict'

const crypto = require('node:crypto')
const s3 = require('@aws-sdk/client-s3')
const { STSClient, AssumeRoleCommand } = require('@aws-sdk/client-sts')
const { assert, endpoint, bucket, MiB, partSize, newClient, noise, refused, makeBucket, put, get, bytes, same } = require('./check')

// serverKeys: encryption with keys of the server, asked for by the upload and by
// the bucket's default.
async function serverKeys (client) {
  const at = { Bucket: 'encrypted', Key: 'k' }
  const { Bucket } = at
  const body = noise(2 * MiB)
  await makeBucket(client, Bucket)
  assert.equal((await client.send(new s3.PutObjectCommand({ ...at, Body: body, ServerSideEncryption: 'AES256' }))).ServerSideEncryption, 'AES256')
  const part = await client.send(new s3.GetObjectCommand({ ...at, Range: 'bytes=100000-199999' }))
  same('range', await bytes(part), body.subarray(100_000, 200_000))
  assert.equal(part.ServerSideEncryption, 'AES256')
  const Rules = [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }]
  await client.send(new s3.PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration: { Rules } }))
  const got = await client.send(new s3.GetBucketEncryptionCommand({ Bucket }))
  assert.equal(got.ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm, 'AES256')
  await put(client, Bucket, 'by default', body)
  const head = await client.send(new s3.HeadObjectCommand({ Bucket, Key: 'by default' }))
  assert.deepEqual([head.ServerSideEncryption, head.ContentLength], ['AES256', body.length])
  await client.send(new s3.CopyObjectCommand({ Bucket: bucket, Key: 'in the clear', CopySource: 'encrypted/k' }))
  same('copy', await get(client, bucket, 'in the clear'), body)
  await client.send(new s3.DeleteBucketEncryptionCommand({ Bucket }))
}

// customerKeys: encryption with keys that the requests bring.
async function customerKeys (client) {
  const at = { Bucket: bucket, Key: 'sealed' }
  const body = noise(2 * MiB)
  const headers = (fill, prefix = 'SSECustomer') => {
    const key = Buffer.alloc(32, fill)
    return {
      [prefix + 'Algorithm']: 'AES256',
      [prefix + 'Key']: key.toString('base64'),
      [prefix + 'KeyMD5']: crypto.createHash('md5').update(key).digest('base64')
    }
  }
  const mine = headers('m')
  const other = headers('o')
  await client.send(new s3.PutObjectCommand({ ...at, Body: body, ...mine }))
  const open = (extra) => client.send(new s3.GetObjectCommand({ ...at, ...extra }))
  await refused('without the key', 'InvalidRequest', open({}))
  await refused('with another key', 'AccessDenied', open(other))
  same('whole', await bytes(await open(mine)), body)
  same('range', await bytes(await open({ ...mine, Range: 'bytes=65530-65550' })), body.subarray(65_530, 65_551))
  await client.send(new s3.CopyObjectCommand({
    Bucket: bucket, Key: 'resealed', CopySource: `${bucket}/sealed`, ...headers('m', 'CopySourceSSECustomer'), ...other
  }))
  same('copy under another key', await bytes(await open({ ...other, Key: 'resealed' })), body)

  const parts = { Bucket: bucket, Key: 'sealed parts' }
  const { UploadId } = await client.send(new s3.CreateMultipartUploadCommand({ ...parts, ...mine }))
  const Parts = []
  for (const Body of [noise(partSize), body]) {
    const PartNumber = Parts.length + 1
    const part = await client.send(new s3.UploadPartCommand({ ...parts, UploadId, PartNumber, Body, ...mine }))
    Parts.push({ PartNumber, ETag: part.ETag, ChecksumCRC32: part.ChecksumCRC32 })
  }
  await client.send(new s3.CompleteMultipartUploadCommand({ ...parts, UploadId, MultipartUpload: { Parts } }))
  same('parts', await bytes(await open({ ...mine, Key: parts.Key })), Buffer.concat([noise(partSize), body]))
}

// temporaryCredentials: a user's program gets a credential that may only read.
async function temporaryCredentials (client) {
  await put(client, bucket, 'readable', 'x')
  const service = new STSClient({ endpoint, credentials: { accessKeyId: process.env.STS_USER, secretAccessKey: process.env.STS_SECRET } })
  const Statement = [{ Effect: 'Allow', Action: 's3:GetObject', Resource: `arn:aws:s3:::${bucket}/*` }]
  const { Credentials } = await service.send(new AssumeRoleCommand({
    RoleArn: 'arn:aws:iam::123456789012:role/any', RoleSessionName: 'walk', Policy: JSON.stringify({ Version: '2012-10-17', Statement })
  }))
  const assumed = newClient({
    credentials: { accessKeyId: Credentials.AccessKeyId, secretAccessKey: Credentials.SecretAccessKey, sessionToken: Credentials.SessionToken }
  })
  assert.equal((await get(assumed, bucket, 'readable')).toString(), 'x')
  await refused('write', 'AccessDenied', assumed.send(new s3.PutObjectCommand({ Bucket: bucket, Key: 'no', Body: '' })))
}

module.exports = { sse_s3: serverKeys, sse_c: customerKeys, sts: temporaryCredentials }
