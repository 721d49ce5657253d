'use strict'

const s3 = require('@aws-sdk/client-s3')
const { assert, endpoint, bucket, refused, makeBucket, put } = require('./check')

async function tags (client) {
  const at = { Bucket: bucket, Key: 'tagged' }
  const { Bucket } = at
  const set = (...pairs) => ({ TagSet: pairs.map(([Key, Value]) => ({ Key, Value })) })
  const of = async () => (await client.send(new s3.GetObjectTaggingCommand(at))).TagSet.map((t) => [t.Key, t.Value]).sort()
  await client.send(new s3.PutObjectCommand({ ...at, Body: '', Tagging: 'color=dark%20red&size=1' }))
  assert.deepEqual(await of(), [['color', 'dark red'], ['size', '1']])
  assert.equal((await client.send(new s3.HeadObjectCommand(at))).TagCount, 2)
  await client.send(new s3.PutObjectTaggingCommand({ ...at, Tagging: set(['Ünit', 'a+b']) }))
  assert.deepEqual(await of(), [['Ünit', 'a+b']])
  await refused('a key twice', 'InvalidTag', client.send(new s3.PutObjectTaggingCommand({ ...at, Tagging: set(['k', '1'], ['k', '2']) })))
  await client.send(new s3.DeleteObjectTaggingCommand(at))
  assert.deepEqual(await of(), [])
  await client.send(new s3.PutBucketTaggingCommand({ Bucket, Tagging: set(['team', 'blue']) }))
  assert.equal((await client.send(new s3.GetBucketTaggingCommand({ Bucket }))).TagSet[0].Value, 'blue')
  await client.send(new s3.DeleteBucketTaggingCommand({ Bucket }))
  await refused('no tags', 'NoSuchTagSet', client.send(new s3.GetBucketTaggingCommand({ Bucket })))
}

async function policy (client) {
  const Bucket = 'public'
  await makeBucket(client, Bucket)
  await put(client, Bucket, 'open/k', 'for all')
  await put(client, Bucket, 'closed', 'for some')
  const anonymous = async (key) => (await fetch(`${endpoint}/public/${key}`)).status
  assert.equal(await anonymous('open/k'), 403)
  await refused('no policy', 'NoSuchBucketPolicy', client.send(new s3.GetBucketPolicyCommand({ Bucket })))
  const Statement = [{ Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: 'arn:aws:s3:::public/open/*' }]
  await client.send(new s3.PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify({ Version: '2012-10-17', Statement }) }))
  assert.deepEqual([await anonymous('open/k'), await anonymous('closed')], [200, 403])
  JSON.parse((await client.send(new s3.GetBucketPolicyCommand({ Bucket }))).Policy)
  assert.equal((await client.send(new s3.GetBucketPolicyStatusCommand({ Bucket }))).PolicyStatus.IsPublic, true)
  await refused('no statement', 'MalformedPolicy', client.send(new s3.PutBucketPolicyCommand({ Bucket, Policy: '{"Version":"2012-10-17"}' })))
  await client.send(new s3.DeleteBucketPolicyCommand({ Bucket }))
  assert.equal(await anonymous('open/k'), 403)
}

async function cors (client) {
  const Bucket = bucket
  const rule = { AllowedOrigins: ['https://*.example.org'], AllowedMethods: ['GET', 'PUT'], AllowedHeaders: ['*'], ExposeHeaders: ['ETag'], MaxAgeSeconds: 600 }
  await client.send(new s3.PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules: [rule] } }))
  const got = await client.send(new s3.GetBucketCorsCommand({ Bucket }))
  assert.deepEqual(got.CORSRules, [rule])
  for (const [origin, status] of [['https://app.example.org', 200], ['https://example.net', 403]]) {
    // Origin and the like are for browsers to set; Node.js lets a program do it.
    const preflight = await fetch(`${endpoint}/${bucket}/k`, {
      method: 'OPTIONS', headers: { Origin: origin, 'Access-Control-Request-Method': 'PUT', 'Access-Control-Request-Headers': 'x-amz-meta-color' }
    })
    assert.equal(preflight.status, status, origin)
    if (status === 200) assert.equal(preflight.headers.get('access-control-allow-origin'), origin)
  }
  await client.send(new s3.DeleteBucketCorsCommand({ Bucket }))
  await refused('no rules', 'NoSuchCORSConfiguration', client.send(new s3.GetBucketCorsCommand({ Bucket })))
}

// notification has the bucket's events sent to the target; whether they arrive,
// TestJavaScript sees.
async function notification (client) {
  const Bucket = 'events'
  const Key = 'seen a+ü'
  const target = process.env.TARGET_ARN
  await makeBucket(client, Bucket)
  const configure = (QueueArn) => client.send(new s3.PutBucketNotificationConfigurationCommand({
    Bucket, NotificationConfiguration: {
      QueueConfigurations: [{
        Id: 'all', QueueArn, Events: ['s3:ObjectCreated:*', 's3:ObjectRemoved:*'], Filter: { Key: { FilterRules: [{ Name: 'prefix', Value: 'seen ' }] } }
      }]
    }
  }))
  await configure(target)
  const [queue] = (await client.send(new s3.GetBucketNotificationConfigurationCommand({ Bucket }))).QueueConfigurations
  assert.deepEqual([queue.QueueArn, queue.Filter.Key.FilterRules[0].Value], [target, 'seen '])
  await put(client, Bucket, Key, 'x')
  await client.send(new s3.DeleteObjectCommand({ Bucket, Key }))
  await refused('no such target', 'InvalidArgument', configure(target.replace('::', '::no-')))
}

module.exports = { tags, policy, cors, notification }
