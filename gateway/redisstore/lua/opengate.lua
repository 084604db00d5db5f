-- ARGV: time, keep, run, id, fingerprint, pauses, agent, expires, window, bytes of the arguments, the answer and
-- whether there is one, gates and bytes of a team, the rest of the gate, and
-- what an event keeps of that, if it is less
local id, gid, fingerprint, pauses, agent, expires, window, args, answer, withheld, most_gates, most_bytes, rest, kept = unpack(ARGV, 3)
local r = known(id)
if not r then return { 'missing' } end
local x = view(r, at)
if not live(x) then return { 'state', wire(r, x) } end
local opened = load_gate(gid)
if opened and opened.f.run == id then return { '', wire_gate(opened, status(opened, at)), 1 } end
for _, old in ipairs(alike(id, fingerprint)) do
  local g = load_gate(old)
  local s = g and status(g, at)
  if s == 'pending' or s == 'approved' then return { '', wire_gate(g, s), 0 } end
end

local bytes = tonumber(args) + #answer
local function full()
  local f = redis.call('HMGET', T .. 'l:load', 'gates', 'bytes')
  return tonumber(f[1] or 0) + 1 > tonumber(most_gates) or tonumber(f[2] or 0) + bytes > tonumber(most_bytes)
end
if full() then
  while expire_some(100) == 100 do end
  if full() then
    flush()
    return { 'full' }
  end
end

local g = { id = gid, f = {} }
gates_loaded[gid] = g
set_gate(g, 'run', id, 'st', 'pending', 'op', at, 'ex', expires, 'de', zero, 'by', '', 'co', '', 'cl', zero, 'cm', '', 'us', zero,
  'fp', fingerprint, 'agent', agent, 'win', window, 'args', args, 'ans', #answer, 'b', rest)
if kept ~= '' then set_gate(g, 'kept', kept) end
if withheld == '1' then redis.call('SET', T .. 'ga:' .. gid, answer) end
for _, p in ipairs(lineage(g)) do set(p, 'gates', '1') end
bind(g)
redis.call('ZADD', T .. 'l:gates', 0, place(g))
redis.call('ZADD', T .. 'gl:' .. id, 0, place(g))
if pauses == '1' then redis.call('ZADD', T .. 'gq:' .. id, 0, place(g)) end
local same = alike(id, fingerprint)
same[#same + 1] = gid
redis.call('HSET', T .. 'gp:' .. id, fingerprint, pack(same))
redis.call('HSET', T .. 'l:pointers', gid, 1)
set(r, 'met', tonumber(r.f.met or 0) + 1)
load_of(1, bytes)
tell_gate('approval.pending', g)
flush()
return { '', wire_gate(g, 'pending'), 1 }
