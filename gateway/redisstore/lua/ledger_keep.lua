-- keep has the slots of an account, and the index of its owner, kept until a time, in
-- milliseconds.
local function keep(key, index, last)
  if last > tonumber(redis.call('HGET', key, 'x') or 0) then
    redis.call('HSET', key, 'x', last)
    redis.call('PEXPIREAT', key, last + minute)
  end
  if redis.call('PTTL', index) < last + minute - now_ms then redis.call('PEXPIREAT', index, last + minute) end
end
