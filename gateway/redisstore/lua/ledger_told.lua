-- KEYS: the notes that were not told yet. ARGV: T, those that were.
for i = 2, #ARGV do redis.call('ZREM', KEYS[1], ARGV[i]) end
return { 'ok' }
