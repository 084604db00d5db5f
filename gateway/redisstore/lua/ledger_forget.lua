-- KEYS: the owner's accounts that are for ever, the index of the others.
for _, key in ipairs(redis.call('SMEMBERS', KEYS[2])) do redis.call('UNLINK', key) end
redis.call('UNLINK', KEYS[1], KEYS[2])
return { 'ok' }
