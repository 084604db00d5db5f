-- ARGV: T. It charges the reservations whose leases have ended. Where that takes too long
-- for one script, or depends on another slot, it says so, and has to be run again.
local most = 50 -- in one script

local ended, ask = redis.call('ZRANGEBYSCORE', T .. 'm:l', '-inf', now, 'LIMIT', 0, most), { 'ask' }
for _, id in ipairs(ended) do
  local r = load(id)
  if not r or r.state ~= 'h' then
    redis.call('ZREM', T .. 'm:l', id)
  elseif r.by ~= '' and r.by ~= '.' then
    ask[#ask + 1] = id
    ask[#ask + 1] = r.by
  else
    charge(id, r)
  end
end
if #ask > 1 then return ask end
if #ended == most then return { 'again' } end
return { 'ok' }
