-- ARGV: subscriber, until when and types
local v = redis.call('INCR', KEYS[1] .. 'n')
redis.call('HSET', KEYS[1] .. 's', ARGV[1], ARGV[2])
redis.call('HSET', KEYS[1] .. 'v', ARGV[1], v)
return { v, redis.call('ZRANGE', KEYS[1] .. 'teams', 0, -1) }
