'use strict'

const s3 = require('@aws-sdk/client-s3')
const { assert, bucket, MiB, noise, refused, makeBucket, put, get, text, same } = require('./check')

async function buckets (client) {
  const Bucket = 'made'
  await makeBucket(client, Bucket)
  await refused('make it again', 'BucketAlreadyOwnedByYou', client.send(new s3.CreateBucketCommand({ Bucket })))
  await client.send(new s3.HeadBucketCommand({ Bucket }))
  const listed = await client.send(new s3.ListBucketsCommand({}))
  assert.ok(listed.Buckets.some((b) => b.Name === Bucket && b.CreationDate instanceof Date))
  await put(client, Bucket, 'k', '')
  await refused('remove it with an object', 'BucketNotEmpty', client.send(new s3.DeleteBucketCommand({ Bucket })))
  await client.send(new s3.DeleteObjectCommand({ Bucket, Key: 'k' }))
  await client.send(new s3.DeleteBucketCommand({ Bucket }))
  await refused('head what is gone', 404, client.send(new s3.HeadBucketCommand({ Bucket })))
}

async function objects (client) {
  const at = { Bucket: bucket, Key: 'object' }
  const body = 'the quick brown fox'
  const done = await client.send(new s3.PutObjectCommand({ ...at, Body: body, ContentType: 'text/x', CacheControl: 'no-store', Metadata: { color: 'red' } }))
  const head = await client.send(new s3.HeadObjectCommand(at))
  assert.deepEqual([head.ContentLength, head.ETag, head.ContentType, head.CacheControl, head.Metadata.color], [body.length, done.ETag, 'text/x', 'no-store', 'red'])
  assert.equal((await get(client, bucket, at.Key)).toString(), body)
  for (const [Range, want] of [['bytes=4-8', 'quick'], ['bytes=16-', 'fox'], ['bytes=-3', 'fox'], ['bytes=16-99', 'fox']]) {
    assert.equal(await text(await client.send(new s3.GetObjectCommand({ ...at, Range }))), want, Range)
  }
  await refused('a range beyond the end', 'InvalidRange', client.send(new s3.GetObjectCommand({ ...at, Range: 'bytes=19-' })))
  await refused('no such key', 'NoSuchKey', client.send(new s3.GetObjectCommand({ ...at, Key: 'none' })))
  for (const size of [0, 1, 70_000, 3 * MiB]) {
    await put(client, bucket, 'sized', noise(size))
    same('sized', await get(client, bucket, 'sized'), noise(size))
  }
  const Objects = [at.Key, 'sized', 'never there'].map((Key) => ({ Key }))
  const removed = await client.send(new s3.DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects } }))
  assert.deepEqual([removed.Deleted.length, removed.Errors], [3, undefined])
  await refused('head what is gone', 404, client.send(new s3.HeadObjectCommand(at)))
}

// What proxies, encodings and signatures stumble over.
const oddKeys = [
  'a b', 'a+b', 'a%b', 'a%20b', 'a&b=c?d#e', 'a\'b"c', 'a<b>c', 'a;b:c@d,e', 'a//b', 'a~b!c*(d)$',
  'über/ä', '日本語', 'emoji \u{1F600}', 'trailing/', 'dir/one', 'dir/sub/two', 'dir/sub/three', 'line\nbreak'
]

async function listing (client) {
  const Bucket = 'listed'
  await makeBucket(client, Bucket)
  const want = [...oddKeys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  for (const key of want) await put(client, Bucket, key, key)
  for (const pageSize of [1, 3, 1000]) {
    const got = []
    for await (const page of s3.paginateListObjectsV2({ client, pageSize }, { Bucket })) {
      for (const o of page.Contents) got.push(o.Key)
    }
    assert.deepEqual(got, want)
  }
  for (const key of want) assert.equal((await get(client, Bucket, key)).toString(), key)
  const folders = await client.send(new s3.ListObjectsV2Command({ Bucket, Delimiter: '/', Prefix: 'dir/' }))
  assert.deepEqual([folders.Contents[0].Key, folders.CommonPrefixes[0].Prefix], ['dir/one', 'dir/sub/'])
  const first = await client.send(new s3.ListObjectsCommand({ Bucket, EncodingType: 'url', Prefix: 'über/' }))
  assert.equal(first.Contents[0].Key, '%C3%BCber/%C3%A4')
  const Delete = { Objects: want.map((Key) => ({ Key })), Quiet: true }
  const removed = await client.send(new s3.DeleteObjectsCommand({ Bucket, Delete }))
  assert.deepEqual([removed.Deleted, removed.Errors], [undefined, undefined])
  await client.send(new s3.DeleteBucketCommand({ Bucket }))
}

async function copies (client) {
  const source = 'über a+b%.txt'
  const body = noise(100_000)
  await client.send(new s3.PutObjectCommand({ Bucket: bucket, Key: source, Body: body, Metadata: { color: 'red' } }))
  const at = { Bucket: bucket, Key: 'copy' }
  const CopySource = `${bucket}/${encodeURIComponent(source)}`
  await client.send(new s3.CopyObjectCommand({ ...at, CopySource }))
  assert.equal((await client.send(new s3.HeadObjectCommand(at))).Metadata.color, 'red')
  same('copy', await get(client, bucket, 'copy'), body)
  await client.send(new s3.CopyObjectCommand({ ...at, CopySource, MetadataDirective: 'REPLACE', Metadata: { color: 'blue' } }))
  assert.equal((await client.send(new s3.HeadObjectCommand(at))).Metadata.color, 'blue')
  await refused('copy onto itself', 'InvalidRequest', client.send(new s3.CopyObjectCommand({ Bucket: bucket, Key: source, CopySource })))
  await refused('copy what it is not', 'PreconditionFailed', client.send(new s3.CopyObjectCommand({ ...at, CopySource, CopySourceIfMatch: '"0"' })))
}

module.exports = { buckets, objects, listing, copies }
