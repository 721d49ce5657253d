'use strict'

const s3 = require('@aws-sdk/client-s3')
const { assert, bucket, refused, makeBucket, put, get } = require('./check')

async function versions (client) {
  const at = { Bucket: 'versions', Key: 'k' }
  const { Bucket, Key } = at
  await makeBucket(client, Bucket)
  await put(client, Bucket, Key, 'null')
  const read = async (version) => (await get(client, Bucket, Key, version)).toString()
  const switchTo = async (Status) => {
    await client.send(new s3.PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status } }))
    assert.equal((await client.send(new s3.GetBucketVersioningCommand({ Bucket }))).Status, Status)
  }
  await switchTo('Enabled')
  const one = await put(client, Bucket, Key, 'one')
  const two = await put(client, Bucket, Key, 'two')
  for (const [version, want] of [[undefined, 'two'], [two, 'two'], [one, 'one'], ['null', 'null']]) assert.equal(await read(version), want)

  const deleted = await client.send(new s3.DeleteObjectCommand(at))
  assert.equal(deleted.DeleteMarker, true)
  const marker = deleted.VersionId
  await refused('below a marker', 'NoSuchKey', client.send(new s3.GetObjectCommand(at)))
  await refused('head of a marker', 405, client.send(new s3.HeadObjectCommand({ ...at, VersionId: marker })))
  const listed = []
  let page = {}
  do {
    page = await client.send(new s3.ListObjectVersionsCommand({ Bucket, MaxKeys: 2, KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker }))
    for (const v of [...page.DeleteMarkers ?? [], ...page.Versions ?? []]) listed.push(v.VersionId)
  } while (page.IsTruncated)
  assert.deepEqual(listed, [marker, two, one, 'null'])

  const remove = (VersionId) => client.send(new s3.DeleteObjectCommand({ ...at, VersionId }))
  await remove(marker)
  assert.equal(await read(), 'two')
  await remove(two)
  assert.equal(await read(), 'one')
  await refused('a removed version', 'NoSuchVersion', client.send(new s3.GetObjectCommand({ ...at, VersionId: two })))
  await client.send(new s3.CopyObjectCommand({ ...at, CopySource: 'versions/k?versionId=null' }))
  assert.equal(await read(), 'null')
  await switchTo('Suspended')
  assert.equal(await put(client, Bucket, Key, 'suspended'), 'null')
  assert.deepEqual([await read('null'), await read(one)], ['suspended', 'one'])
  const { Versions } = await client.send(new s3.ListObjectVersionsCommand({ Bucket }))
  const Objects = Versions.map(({ Key, VersionId }) => ({ Key, VersionId }))
  const removed = await client.send(new s3.DeleteObjectsCommand({ Bucket, Delete: { Objects } }))
  assert.deepEqual([removed.Deleted.length, removed.Errors], [3, undefined])
  await client.send(new s3.DeleteBucketCommand({ Bucket }))
}

async function conditions (client) {
  const at = { Bucket: bucket, Key: 'once' }
  const write = (condition) => client.send(new s3.PutObjectCommand({ ...at, Body: 'x', ...condition }))
  const wrong = '"00000000000000000000000000000000"'
  await refused('if-match of nothing', 'NoSuchKey', write({ IfMatch: wrong }))
  const { ETag } = await write({ IfNoneMatch: '*' })
  await refused('if-none-match of what is there', 'PreconditionFailed', write({ IfNoneMatch: '*' }))
  await refused('if-match of another', 'PreconditionFailed', write({ IfMatch: wrong }))
  await write({ IfMatch: ETag })
  await refused('get another', 'PreconditionFailed', client.send(new s3.GetObjectCommand({ ...at, IfMatch: wrong })))
  await refused('get the same', 304, client.send(new s3.GetObjectCommand({ ...at, IfNoneMatch: ETag })))

  const { UploadId } = await client.send(new s3.CreateMultipartUploadCommand(at))
  const part = await client.send(new s3.UploadPartCommand({ ...at, UploadId, PartNumber: 1, Body: 'y' }))
  const complete = { ...at, UploadId, MultipartUpload: { Parts: [{ PartNumber: 1, ETag: part.ETag, ChecksumCRC32: part.ChecksumCRC32 }] } }
  await refused('complete over what is there', 'PreconditionFailed', client.send(new s3.CompleteMultipartUploadCommand({ ...complete, IfNoneMatch: '*' })))
  await client.send(new s3.CompleteMultipartUploadCommand({ ...complete, IfMatch: ETag }))
  assert.equal((await get(client, bucket, at.Key)).toString(), 'y')
  await refused('delete another', 'PreconditionFailed', client.send(new s3.DeleteObjectCommand({ ...at, IfMatch: wrong })))
  await client.send(new s3.DeleteObjectCommand({ ...at, IfMatch: '*' }))
}

// lock: a default retention, retention in both modes, and a legal hold.
async function lock (client) {
  const at = { Bucket: 'locked', Key: 'k' }
  const { Bucket } = at
  await client.send(new s3.CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: true }))
  await client.send(new s3.PutObjectLockConfigurationCommand({
    Bucket, ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled', Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Days: 1 } } }
  }))
  const { ObjectLockConfiguration } = await client.send(new s3.GetObjectLockConfigurationCommand({ Bucket }))
  assert.equal(ObjectLockConfiguration.Rule.DefaultRetention.Days, 1)
  let VersionId = await put(client, Bucket, at.Key, 'kept')
  assert.equal((await client.send(new s3.HeadObjectCommand(at))).ObjectLockMode, 'GOVERNANCE')
  const remove = (BypassGovernanceRetention) => client.send(new s3.DeleteObjectCommand({ ...at, VersionId, BypassGovernanceRetention }))
  await refused('remove under governance', 'AccessDenied', remove())
  const hold = async (Status) => {
    await client.send(new s3.PutObjectLegalHoldCommand({ ...at, LegalHold: { Status } }))
    assert.equal((await client.send(new s3.GetObjectLegalHoldCommand(at))).LegalHold.Status, Status)
  }
  await hold('ON')
  await refused('remove under a hold', 'AccessDenied', remove(true))
  await hold('OFF')
  await remove(true)

  const until = new Date(Math.floor(Date.now() / 1000) * 1000 + 3_600_000)
  VersionId = (await client.send(new s3.PutObjectCommand({ ...at, Body: 'kept', ObjectLockMode: 'COMPLIANCE', ObjectLockRetainUntilDate: until }))).VersionId
  const { Retention } = await client.send(new s3.GetObjectRetentionCommand(at))
  assert.deepEqual([Retention.Mode, Retention.RetainUntilDate], ['COMPLIANCE', until])
  await refused('remove under compliance', 'AccessDenied', remove(true))
  const extend = (seconds) => client.send(new s3.PutObjectRetentionCommand({
    ...at, Retention: { Mode: 'COMPLIANCE', RetainUntilDate: new Date(until.getTime() + 1000 * seconds) }
  }))
  await refused('shorten compliance', 'AccessDenied', extend(-60))
  await extend(60)
  assert.equal((await client.send(new s3.DeleteObjectCommand(at))).DeleteMarker, true)
  assert.equal((await get(client, Bucket, at.Key, VersionId)).toString(), 'kept')
}

module.exports = { versions, conditions, lock }
