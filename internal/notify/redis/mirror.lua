-- Applies a batch of events to a hash that mirrors a bucket.
--
-- KEYS[1] the hash: field bucket/key, value the event that GET's version came from
-- KEYS[2] a hash: field bucket/key of a deleted key, value the delete's sequencer
-- KEYS[3] a sorted set of the fields of KEYS[2], by when they were put there
-- ARGV[1] now, in seconds; ARGV[2] the time before which entries of KEYS[2] go
-- ARGV[3...] for each event: field, sequencer, value; an empty value deletes

local function sequencer(value)
  local ok, event = pcall(function() return cjson.decode(value).Records[1].s3.object.sequencer end)
  if ok and type(event) == 'string' then return event end
  return '' -- not an event: older than every event
end

for i = 3, #ARGV, 3 do
  local field, at, value = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local present = redis.call('HGET', KEYS[1], field)
  local deleted = redis.call('HGET', KEYS[2], field)
  local late = (present and sequencer(present) > at) or (deleted and deleted > at)
  if not late and value == '' then
    redis.call('HDEL', KEYS[1], field)
    redis.call('HSET', KEYS[2], field, at)
    redis.call('ZADD', KEYS[3], ARGV[1], field)
  elseif not late then
    redis.call('HSET', KEYS[1], field, value)
    if deleted then
      redis.call('HDEL', KEYS[2], field)
      redis.call('ZREM', KEYS[3], field)
    end
  end
end

for _, field in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', '(' .. ARGV[2], 'LIMIT', 0, 1000)) do
  redis.call('HDEL', KEYS[2], field)
  redis.call('ZREM', KEYS[3], field)
end
return redis.status_reply('OK')
