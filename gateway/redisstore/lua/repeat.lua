-- ARGV: time, keep, run, hash, call, limit, within, most, type and JSON of what is announced, or nothing
local id, hash, call, most_times, within, most, kind, event = unpack(ARGV, 3)
local r = known(id)
if not r then return { 'missing' } end
local list = T .. (kind == '' and 'w:' or 'y:') .. id
local order = T .. (kind == '' and 'wo:' or 'yo:') .. id

local x = unpacked(redis.call('HGET', list, hash) or '') -- count, first, call
if x[1] and call ~= '' and x[3] == call then return { '', x[1] } end
if not x[1] or x[1] == '0' or within ~= '0' and at >= plus(x[2], within) then x = { '0', at, '' } end
local n = tonumber(x[1]) + 1
local counted = n <= tonumber(most_times)
if not counted then n = tonumber(x[1]) end
redis.call('HSET', list, hash, pack({ string.format('%.0f', n), x[2], counted and call or x[3] }))

local last = redis.call('ZREVRANGE', order, 0, 0, 'WITHSCORES')[2] or 0
redis.call('ZADD', order, tonumber(last) + 1, hash)
if redis.call('ZCARD', order) > tonumber(most) then
  redis.call('HDEL', list, redis.call('ZPOPMIN', order)[1])
end
settled(r)
if not counted then return { '', string.format('%.0f', tonumber(most_times) + 1) } end
if n == 1 and kind ~= '' then outbox_add(T, at, kind, id, { 'json', event }) end
return { '', string.format('%.0f', n) }
