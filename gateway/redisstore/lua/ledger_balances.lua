-- KEYS: the accounts. ARGV: T; of each: field, span.
local chore = first()
if chore then return chore end
local reply = { 'ok' }
for i, key in ipairs(KEYS) do
  local _, b = find(key, ARGV[2 * i], tonumber(ARGV[2 * i + 1]))
  reply[#reply + 1] = join(b.sh, b.sl)
  reply[#reply + 1] = join(b.rh, b.rl)
  reply[#reply + 1] = join(b.ph, b.pl)
end
return reply
