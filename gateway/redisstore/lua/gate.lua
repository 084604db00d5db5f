-- What a slot keeps of gates, by keys that begin with its prefix T. Of the gate GID:
--   g:GID  hash with the gate, ga:GID the answer that it withholds
-- Of the run ID:
--   gl:ID  its gates in the order in which they were opened
--   gp:ID  hash of those that may be met, by fingerprint, the one opened last at the end
--   gq:ID  those that are live and may pause it, in the order in which they were opened
--   gd:ID  list of those that are not live, in the order in which they ended
--   gv:ID  those that are live, or have not been found expired, of it and of the runs below it, by when they end
-- Of all:
--   l:gates    in the order in which they were opened, l:live the live ones by when they end
--   l:load     hash of how many are live, and the bytes of these
--   l:expired  list of those that are yet to be told of
--   l:pointers hash of those whose pointer is yet to be kept (1) or dropped (0)

-- load_gate returns a gate, nil if there is none. What only Go reads, which may be
-- much, is not loaded.
local gate_fields = { 'run', 'st', 'op', 'ex', 'de', 'by', 'co', 'cl', 'cm', 'us', 'fp', 'agent', 'win', 'args', 'ans', 'past' }
local gates_loaded = {}
local function load_gate(gid)
  local g = gates_loaded[gid]
  if g then return g end
  local values = redis.call('HMGET', T .. 'g:' .. gid, unpack(gate_fields))
  if not values[1] then return nil end
  g = { id = gid, f = {} }
  for i, field in ipairs(gate_fields) do g.f[field] = values[i] end
  gates_loaded[gid] = g
  return g
end

local function set_gate(g, ...)
  redis.call('HSET', T .. 'g:' .. g.id, ...)
  local new = { ... }
  for i = 1, #new, 2 do g.f[new[i]] = new[i + 1] end
end

-- status is that of a gate at a time: what is pending or approved expires.
local function status(g, t)
  local f = g.f
  if (f.st == 'pending' or f.st == 'approved') and t >= f.ex and t >= f.cl then return 'expired' end
  return f.st
end

-- ends is when a live gate expires.
local function ends(g) return later(g.f.ex, g.f.cl) end

-- place is where a gate is in lists by when it was opened.
local function place(g) return g.f.op .. g.id end

-- wire_gate is a gate with that status as decodeGate reads it, and told the same with
-- what an event keeps of it: the beginnings of long arguments.
local function wire_as(g, s, rest)
  local f = g.f
  return pack({ g.id, f.run, s, f.op, f.ex, f.de, f.by, f.co, f.cl, f.us, rest })
end

local function wire_gate(g, s) return wire_as(g, s, redis.call('HGET', T .. 'g:' .. g.id, 'b')) end

local function told(g, s)
  return wire_as(g, s, redis.call('HGET', T .. 'g:' .. g.id, 'kept') or redis.call('HGET', T .. 'g:' .. g.id, 'b'))
end

-- lineage is the run of a gate and its ancestors, those that are there.
local function lineage(g)
  local list, r = {}, load(g.f.run)
  if not r or r.f.gone then return list end
  list[1] = r
  for _, p in ipairs(ancestors(r)) do
    if not p.f.gone then list[#list + 1] = p end
  end
  return list
end

gates_live = function(id, t) return flying('gv:', id, t) > 0 end

-- gates_end is when the last gate of a run and of those below it ended, or will expire.
gates_end = function(r)
  local last = r.f.gend or zero
  local gid = redis.call('ZREVRANGE', T .. 'gv:' .. r.id, 0, 0)[1]
  local g = gid and load_gate(gid)
  if g then last = later(last, ends(g)) end
  return last
end

-- paused returns the gate that pauses a run, nil if none does.
paused = function(id, t)
  for _, x in ipairs(redis.call('ZRANGE', T .. 'gq:' .. id, 0, -1)) do
    local g = load_gate(string.sub(x, 21))
    if g and status(g, t) == 'pending' then return g end
  end
end

-- bind notes when a live gate ends.
local function bind(g)
  local s = score(ends(g))
  redis.call('ZADD', T .. 'l:live', s, g.id)
  for _, r in ipairs(lineage(g)) do redis.call('ZADD', T .. 'gv:' .. r.id, s, g.id) end
end

-- alike returns the gates of a run that may be met with a fingerprint.
local function alike(id, fingerprint)
  return unpacked(redis.call('HGET', T .. 'gp:' .. id, fingerprint) or '')
end

-- pass notes that a gate is not met any more.
local function pass(g)
  if g.f.past == '1' then return end
  set_gate(g, 'past', '1')
  local r, rest = load(g.f.run), {}
  if not r then return end
  set(r, 'met', tonumber(r.f.met) - 1)
  for _, gid in ipairs(alike(r.id, g.f.fp)) do
    if gid ~= g.id then rest[#rest + 1] = gid end
  end
  if #rest > 0 then
    redis.call('HSET', T .. 'gp:' .. r.id, g.f.fp, pack(rest))
  else
    redis.call('HDEL', T .. 'gp:' .. r.id, g.f.fp)
  end
end

-- forget_gate drops a gate that is not live.
local function forget_gate(g)
  pass(g)
  redis.call('DEL', T .. 'g:' .. g.id, T .. 'ga:' .. g.id)
  redis.call('ZREM', T .. 'l:gates', place(g))
  redis.call('ZREM', T .. 'gl:' .. g.f.run, place(g))
  redis.call('HSET', T .. 'l:pointers', g.id, 0)
  gates_loaded[g.id] = nil
end

local function load_of(gates, bytes)
  if redis.call('HINCRBY', T .. 'l:load', 'gates', gates) == 0 then
    redis.call('DEL', T .. 'l:load')
    return
  end
  redis.call('HINCRBY', T .. 'l:load', 'bytes', bytes)
end

-- How many gates of one run are remembered that are not live, and how many bytes
-- their arguments may have together; one is in any case.
local max_done, max_done_bytes = 1000, 1048576

-- end_gate makes a live gate one that is not.
local function end_gate(g, s, t)
  redis.call('ZREM', T .. 'l:live', g.id)
  redis.call('DEL', T .. 'ga:' .. g.id)
  load_of(-1, -(tonumber(g.f.args) + tonumber(g.f.ans)))
  set_gate(g, 'st', s)
  local list = lineage(g)
  for _, r in ipairs(list) do
    redis.call('ZREM', T .. 'gv:' .. r.id, g.id)
    set(r, 'gend', later(r.f.gend or zero, t))
  end
  local r = list[1]
  if not r then return end -- Redis has dropped it: a sweep drops the gate
  redis.call('ZREM', T .. 'gq:' .. r.id, place(g))
  if s == 'used' or s == 'cancelled' then pass(g) end
  local n = redis.call('RPUSH', T .. 'gd:' .. r.id, g.id)
  local bytes = tonumber(r.f.gdb or 0) + tonumber(g.f.args)
  while n > max_done or n > 1 and bytes > max_done_bytes do
    local old = load_gate(redis.call('LPOP', T .. 'gd:' .. r.id))
    n = n - 1
    if old then
      bytes = bytes - tonumber(old.f.args)
      forget_gate(old)
    end
  end
  set(r, 'gdb', string.format('%.0f', bytes))
end

-- expire ends a gate that has expired.
local function expire(g)
  end_gate(g, 'expired', ends(g))
  redis.call('RPUSH', T .. 'l:expired', pack({ g.f.run, g.f.agent, g.f.args, wire_gate(g, 'expired'), told(g, 'expired') }))
end

-- expire_some ends up to n of the gates that have expired.
local function expire_some(n)
  local due = redis.call('ZRANGEBYSCORE', T .. 'l:live', '-inf', score(at), 'LIMIT', 0, n)
  for _, gid in ipairs(due) do
    local g = load_gate(gid)
    if not g then
      redis.call('ZREM', T .. 'l:live', gid)
    elseif status(g, at) == 'expired' then
      expire(g)
    end
  end
  return #due
end

-- cancel ends the live gates of a run that has been completed, and of those below it.
cancel = function(r, closed)
  if not r.f.gates then return end
  local list = {}
  for _, gid in ipairs(redis.call('ZRANGE', T .. 'gv:' .. r.id, 0, -1)) do
    local g = load_gate(gid)
    if g then list[#list + 1] = g end
  end
  table.sort(list, function(a, b) return place(a) < place(b) end)
  for _, g in ipairs(list) do
    if status(g, closed) == 'expired' then expire(g) else end_gate(g, 'cancelled', closed) end
  end
end

-- forget_gates drops the gates of a run that is forgotten, and returns how many
-- these are. Of one that Redis has dropped, some are live.
local function forget_gates(id)
  local places = redis.call('ZRANGE', T .. 'gl:' .. id, 0, -1)
  for _, x in ipairs(places) do
    local g = load_gate(string.sub(x, 21))
    if g then
      if redis.call('ZSCORE', T .. 'l:live', g.id) then end_gate(g, 'cancelled', at) end
      forget_gate(g)
    end
  end
  redis.call('DEL', T .. 'gl:' .. id)
  return #places
end

local function tell_gate(kind, g)
  outbox_add(T, at, kind, g.f.run, { 'gate', g.f.agent, g.f.args, told(g, g.f.st) })
end

-- the_gate is what a verb replies with: the gate as it is, and whether it did it.
local function the_gate(g, s, did)
  flush()
  return { wire_gate(g, s), did and 1 or 0 }
end
