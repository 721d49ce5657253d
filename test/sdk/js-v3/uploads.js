'use strict'

const { Readable } = require('node:stream')
const s3 = require('@aws-sdk/client-s3')
const { Upload } = require('@aws-sdk/lib-storage')
const { assert, bucket, partSize, noise, refused, get, bytes, same } = require('./check')

// multipart uploads in parts, breaks off, and goes on with what is listed.
async function multipart (client) {
  const at = { Bucket: bucket, Key: 'in parts/ü b' }
  const bodies = [noise(partSize), noise(partSize + 1), noise(partSize + 2), Buffer.from('end')]
  const begin = async () => (await client.send(new s3.CreateMultipartUploadCommand({ ...at, Metadata: { color: 'red' } }))).UploadId
  let UploadId = await begin()
  const upload = (PartNumber) => client.send(new s3.UploadPartCommand({ ...at, UploadId, PartNumber, Body: bodies[PartNumber - 1] }))
  const list = async () => {
    const parts = []
    for await (const page of s3.paginateListParts({ client, pageSize: 1 }, { ...at, UploadId })) {
      for (const p of page.Parts) parts.push({ PartNumber: p.PartNumber, ETag: p.ETag, ChecksumCRC32: p.ChecksumCRC32 })
    }
    return parts
  }
  await upload(1)
  await upload(3)
  const underWay = await client.send(new s3.ListMultipartUploadsCommand({ Bucket: bucket }))
  assert.deepEqual([underWay.Uploads[0].Key, underWay.Uploads[0].UploadId], [at.Key, UploadId])
  assert.deepEqual((await list()).map((p) => p.PartNumber), [1, 3])
  await upload(2)
  await upload(4)
  await client.send(new s3.CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload: { Parts: await list() } }))
  same('all parts', await get(client, bucket, at.Key), Buffer.concat(bodies))
  const second = await client.send(new s3.GetObjectCommand({ ...at, PartNumber: 2 }))
  same('second part', await bytes(second), bodies[1])
  assert.deepEqual([second.PartsCount, second.Metadata.color], [4, 'red'])

  UploadId = await begin()
  await upload(1)
  await client.send(new s3.AbortMultipartUploadCommand({ ...at, UploadId }))
  await refused('aborted', 'NoSuchUpload', client.send(new s3.ListPartsCommand({ ...at, UploadId })))

  const copied = { Bucket: bucket, Key: 'copied parts' }
  UploadId = (await client.send(new s3.CreateMultipartUploadCommand(copied))).UploadId
  const part = (await client.send(new s3.UploadPartCopyCommand({
    ...copied, UploadId, PartNumber: 1, CopySource: `${bucket}/${encodeURIComponent(at.Key)}`, CopySourceRange: 'bytes=5242880-10485760'
  }))).CopyPartResult
  const Parts = [{ PartNumber: 1, ETag: part.ETag, ChecksumCRC32: part.ChecksumCRC32 }]
  await client.send(new s3.CompleteMultipartUploadCommand({ ...copied, UploadId, MultipartUpload: { Parts } }))
  same('copied part', await get(client, bucket, copied.Key), bodies[1])
  assert.equal((await client.send(new s3.ListMultipartUploadsCommand({ Bucket: bucket }))).Uploads, undefined)
}

// transfers are the SDK's own of large objects, of a stream whose length is not
// known too.
async function transfers (client) {
  const data = noise(3 * partSize + 12_345)
  for (const [Key, Body] of [['buffer', data], ['stream', Readable.from([data.subarray(0, 7), data.subarray(7)])]]) {
    await new Upload({ client, partSize, params: { Bucket: bucket, Key, Body } }).done()
    same(Key, await get(client, bucket, Key), data)
    assert.match((await client.send(new s3.HeadObjectCommand({ Bucket: bucket, Key }))).ETag, /-4"$/)
  }
}

// checksums: what the SDK sends unasked, what it can be asked for, and that a
// wrong one is refused.
async function checksums (client) {
  const at = { Bucket: bucket, Key: 'summed' }
  const Body = '123456789'
  const sums = { CRC32: 'y/Q5Jg==', CRC32C: '4waSgw==', CRC64NVME: 'rosUhgp5mIg=', SHA1: '98O8HYCOBHMq32eZZczDTKeuNEE=', SHA256: 'FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=' }
  for (const [ChecksumAlgorithm, algorithm] of [[undefined, 'CRC32'], ...Object.keys(sums).map((name) => [name, name])]) {
    await client.send(new s3.PutObjectCommand({ ...at, Body, ChecksumAlgorithm }))
    const head = await client.send(new s3.HeadObjectCommand({ ...at, ChecksumMode: 'ENABLED' }))
    const told = Object.keys(sums).filter((name) => head['Checksum' + name])
    assert.deepEqual([told, head['Checksum' + algorithm], head.ChecksumType], [[algorithm], sums[algorithm], 'FULL_OBJECT'])
    await get(client, bucket, at.Key) // the SDK compares
  }
  await refused('a wrong checksum', 'BadDigest', client.send(new s3.PutObjectCommand({ ...at, Body, ChecksumCRC32: 'AAAAAA==' })))

  const ChecksumAlgorithm = 'CRC64NVME'
  const { UploadId } = await client.send(new s3.CreateMultipartUploadCommand({ ...at, ChecksumAlgorithm, ChecksumType: 'FULL_OBJECT' }))
  const Parts = []
  for (const data of [noise(partSize), Buffer.from(Body)]) {
    const PartNumber = Parts.length + 1
    const part = await client.send(new s3.UploadPartCommand({ ...at, UploadId, PartNumber, Body: data, ChecksumAlgorithm }))
    Parts.push({ PartNumber, ETag: part.ETag, ChecksumCRC64NVME: part.ChecksumCRC64NVME })
  }
  const done = await client.send(new s3.CompleteMultipartUploadCommand({ ...at, UploadId, ChecksumType: 'FULL_OBJECT', MultipartUpload: { Parts } }))
  const seen = await client.send(new s3.GetObjectAttributesCommand({ ...at, ObjectAttributes: ['Checksum', 'ObjectParts', 'ObjectSize'] }))
  assert.deepEqual([seen.ObjectSize, seen.ObjectParts.TotalPartsCount, seen.Checksum.ChecksumCRC64NVME, seen.Checksum.ChecksumType],
    [partSize + Body.length, 2, done.ChecksumCRC64NVME, 'FULL_OBJECT'])
  await get(client, bucket, at.Key) // the SDK compares
}

module.exports = { multipart, transfers, checksums }
