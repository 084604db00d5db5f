-- A bucket is what x/time/rate makes of it, in the same numbers: what is in it, when, in
-- microseconds, how much comes back in a second, and what it holds.
local bucket_form = '>dddd'
local now_us = tonumber(time[1]) * 1000000 + tonumber(time[2])

-- level returns what is in a bucket now, and the rate and the burst that hold for it;
-- nil of one that is full.
local function level(key)
  local text = redis.call('GET', key)
  if not text then return nil end
  local tokens, at, rate, burst = struct.unpack(bucket_form, text)
  tokens = tokens + math.max(0, now_us - at) / 1000000 * rate
  return math.min(tokens, burst), rate, burst
end

-- fill sets what is in a bucket. One that has been full for a while is as good as none.
local function fill(key, tokens, rate, burst)
  local full = math.max(0, (burst - tokens) / rate * 1000)
  redis.call('SET', key, struct.pack(bucket_form, tokens, now_us, rate, burst), 'PX', string.format('%.0f', math.min(full + hour, 1e14)))
end

-- join lets a reservation have one of the calls at once until a time, in milliseconds.
local function join(key, id, till)
  redis.call('ZADD', key, till, id)
  local last = redis.call('ZREVRANGE', key, 0, 0, 'WITHSCORES')[2]
  redis.call('PEXPIREAT', key, last + minute)
end
