-- KEYS: the record. ARGV: T, id, attempt. Only what that attempt has made is undone.
local r = load(ARGV[2])
if r and r.state == 'h' and r.attempt == ARGV[3] then
  release(ARGV[2], r)
  redis.call('DEL', KEYS[1])
end
return { 'ok' }
