-- KEYS: the record. ARGV: T, id, attempt. Only what that attempt has made is undone.
local id = ARGV[2]
local r = load(id)
if r and r[1] == 'h' and r[5] == ARGV[3] then
  release(id, r)
  redis.call('DEL', KEYS[1])
end
return { 'ok' }
