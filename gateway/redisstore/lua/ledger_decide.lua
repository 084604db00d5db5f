-- ARGV: T, ids of reservations that are made in several slots, the last of which is this
-- one. It says of each 1 if it was made, else 0, and then it never will be.
local reply = { 'ok' }
for i = 2, #ARGV do
  local key = T .. 'm:r:' .. ARGV[i]
  local text = redis.call('GET', key)
  if not text then redis.call('SET', key, 'v', 'PX', hour) end
  reply[i] = text and string.sub(text, 1, 1) ~= 'v' and '1' or '0'
end
return reply
