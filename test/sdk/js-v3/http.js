'use strict'

const s3 = require('@aws-sdk/client-s3')
const { getSignedUrl } = require('@aws-sdk/s3-request-presigner')
const { createPresignedPost } = require('@aws-sdk/s3-presigned-post')
const { assert, bucket, get } = require('./check')

async function presigned (client) {
  const at = { Bucket: bucket, Key: 'pre signed+ü' }
  const sign = (command) => getSignedUrl(client, command, { expiresIn: 60 })
  const up = await sign(new s3.PutObjectCommand({ ...at, ContentType: 'text/x' }))
  assert.equal((await fetch(up, { method: 'PUT', body: 'hello', headers: { 'Content-Type': 'text/x' } })).status, 200)
  const down = await sign(new s3.GetObjectCommand({ ...at, ResponseContentDisposition: 'attachment; filename=a b.txt' }))
  const got = await fetch(down)
  assert.deepEqual([await got.text(), got.headers.get('content-type'), got.headers.get('content-disposition')], ['hello', 'text/x', 'attachment; filename=a b.txt'])
  const other = await fetch(down.replace('pre%20signed', 'pre%20Signed'))
  assert.equal(other.status, 403)
  assert.match(await other.text(), /SignatureDoesNotMatch/)
  assert.equal((await fetch(await sign(new s3.DeleteObjectCommand(at)), { method: 'DELETE' })).status, 204)
}

// form uploads as a browser does, with a policy that the SDK signed.
async function form (client) {
  const { url, fields } = await createPresignedPost(client, {
    Bucket: bucket, Key: 'from a form', Expires: 60,
    Conditions: [['content-length-range', 1, 10], ['starts-with', '$Content-Type', 'text/']]
  })
  const send = (type, content) => {
    const body = new FormData()
    for (const [name, value] of Object.entries(fields)) body.append(name, value)
    body.append('Content-Type', type)
    body.append('file', new Blob([content]), 'chosen.txt')
    return fetch(url, { method: 'POST', body })
  }
  for (const [type, content, status, says] of [
    ['text/plain', 'chosen', 204, ''],
    ['text/plain', 'more than ten bytes', 400, 'EntityTooLarge'],
    ['image/png', 'chosen', 403, 'AccessDenied']
  ]) {
    const answer = await send(type, content)
    assert.equal(answer.status, status, `${type} ${content}`)
    assert.ok((await answer.text()).includes(says))
  }
  assert.equal((await get(client, bucket, 'from a form')).toString(), 'chosen')
}

module.exports = { presigned, form }
