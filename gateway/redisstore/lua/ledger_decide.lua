-- ARGV: T, ids of reservations that are made in several slots, the last of which is this
-- one. It says of each 1 if it was made, else 0, and then it never will be.
local reply = { 'ok' }
for i = 2, #ARGV do
  local r = load(ARGV[i])
  if not r then save(ARGV[i], { 'v' }, hour) end
  reply[i] = r and r[1] ~= 'v' and '1' or '0'
end
return reply
