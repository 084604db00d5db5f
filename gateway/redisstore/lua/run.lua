-- What a slot keeps of the runs of a team, by keys that begin with its prefix T.
-- Of the run ID:
--   r:ID   hash with the run
--   s:ID   list of its steps, i:ID set of their ids
--   f:ID   its calls in flight, by the end of their lease, b:ID those of the runs below it
--   u:ID   hash of its calls in flight, with the end of their lease
--   c:ID   set of its children that are not completed, or so that nobody knows yet
--   x:ID   hash of its refusals
--   w:ID   hash of the turns of its loops, wo:ID the same in the order in which they came;
--   y:ID, yo:ID the same of announcements
--   gl:ID, gp:ID, gq:ID, gd:ID, gv:ID  its gates, see gate.lua
-- Of all:
--   h:NAME  the newest of the runs that share a name, which begins with n or, of automatic ones, a
--   l:open  the open runs by their last call, l:due a time before which each of them is not over
--   l:ended the closed and blocked runs by when they became so, or were called after that
--   l:orphans  list of runs that are over, whose children are yet to be looked at
local loaded = {}

-- load returns the record of a run, false if there is none: what the keys of its
-- hash are, as texts, in f. What is set is written by flush.
local function load(id)
  local r = loaded[id]
  if r == nil then
    local f = redis.call('HGETALL', T .. 'r:' .. id)
    r = #f > 0 and { id = id, f = {}, new = {} }
    for i = 1, #f, 2 do r.f[f[i]] = f[i + 1] end
    loaded[id] = r
  end
  return r
end

local function set(r, field, value)
  r.f[field], r.new[field] = value, value
end

local function flush()
  for id, r in pairs(loaded) do
    if r and next(r.new) then
      local args = {}
      for field, value in pairs(r.new) do
        args[#args + 1] = field
        args[#args + 1] = value
      end
      redis.call('HSET', T .. 'r:' .. id, unpack(args))
    end
  end
end

-- known is load without what is remembered of a run that is forgotten.
local function known(id)
  local r = load(id)
  return r and not r.f.gone and r
end

local function newest(head)
  local id = redis.call('GET', T .. 'h:' .. head)
  return id and known(id)
end

-- find returns the run of that id, or the newest of its generations.
local function find(id) return newest('n' .. id) or known(id) end

-- ancestors returns them, the parent first. One that is forgotten is a record that
-- says only when it was closed.
local function ancestors(r)
  if r.ancestors then return r.ancestors end
  local list, anc = {}, unpacked(r.f.anc)
  for i = 1, #anc, 3 do
    local p = load(anc[i])
    if not p or p.f.cr ~= anc[i + 2] then
      p = { id = anc[i], f = { gone = '1', st = 'completed', cl = r.f.lc } }
    end
    list[#list + 1] = p
  end
  r.ancestors = list
  return list
end

-- The keys of a run that Redis drops by itself, if nobody else does it before.
local family = { 'r:', 's:', 'i:', 'f:', 'u:', 'b:', 'c:', 'x:', 'w:', 'wo:', 'y:', 'yo:', 'gp:', 'gq:', 'gd:', 'gv:' }

-- owner is what the ledger names the accounts of a run by in keys, see slot.go.
local function owner(r)
  local id = string.gsub(r.id, '[^%w%-_.~ ]', function(c) return string.format('%%%02X', string.byte(c)) end)
  local ms = (tonumber(string.sub(r.f.cr, 1, 11)) - 62135596800) * 1000 + math.floor(tonumber(string.sub(r.f.cr, 12)) / 1000000)
  return 'run:' .. string.gsub(id, ' ', '+') .. string.format(':%.0f', ms)
end

-- age has an ended run dropped after some time, and an open one not.
local function age(r)
  local ended = r.f.st ~= 'open'
  local function each(key)
    if ended then redis.call('PEXPIRE', key, keep) else redis.call('PERSIST', key) end
  end
  r.aged = ended
  for _, kind in ipairs(family) do each(T .. kind .. r.id) end
  each(T .. 'm:a:' .. owner(r))
  local head = T .. 'h:' .. r.f.head
  if redis.call('GET', head) == r.id then each(head) end
end

-- settled is age for an ended run that something was written to.
local function settled(r)
  if r.f.st ~= 'open' then age(r) end
end

-- flying is how many calls of a run are in flight, or of those below it.
local function flying(kind, id, t)
  return redis.call('ZCOUNT', T .. kind .. id, '(' .. score(t), '+inf')
end

-- lease is when the lease of a call ends; false if it is not in flight, as far as
-- anybody has looked.
local function lease(id, call) return redis.call('HGET', T .. 'u:' .. id, call) end

-- fly leases a call of r until a time.
local function fly(r, call, till)
  redis.call('HSET', T .. 'u:' .. r.id, call, till)
  redis.call('ZADD', T .. 'f:' .. r.id, score(till), call)
  for _, p in ipairs(ancestors(r)) do
    if not p.f.gone then redis.call('ZADD', T .. 'b:' .. p.id, score(till), pack({ r.id, call })) end
  end
end

-- land ends a call of r.
local function land(r, call)
  redis.call('HDEL', T .. 'u:' .. r.id, call)
  redis.call('ZREM', T .. 'f:' .. r.id, call)
  for _, p in ipairs(ancestors(r)) do redis.call('ZREM', T .. 'b:' .. p.id, pack({ r.id, call })) end
end

-- ground ends the calls of r whose leases have ended.
local function ground(r)
  for _, call in ipairs(redis.call('ZRANGEBYSCORE', T .. 'f:' .. r.id, '-inf', score(at))) do
    local till = lease(r.id, call)
    set(r, 'lapsed', later(r.f.lapsed or zero, till))
    for _, p in ipairs(ancestors(r)) do
      if not p.f.gone then set(p, 'lapsed', later(p.f.lapsed or zero, till)) end
    end
    land(r, call)
  end
end

-- called_until is when the last call of a run, or of one below it, ended that has
-- not been detached.
local function called_until(r)
  local last = r.f.lapsed or zero
  local call = redis.call('ZREVRANGE', T .. 'f:' .. r.id, 0, 0)[1]
  if call then last = later(last, lease(r.id, call)) end
  local below = redis.call('ZREVRANGE', T .. 'b:' .. r.id, 0, 0)[1]
  if below then last = later(last, lease(unpack(unpacked(below))) or zero) end
  return last
end

local gates_end, gates_live, paused, cancel -- of gate.lua

-- idle_from is when an open run has been idle for too long, unless something happens.
local function idle_from(r)
  local since = r.f.lc
  if r.f.gates then since = later(since, gates_end(r)) end
  return later(plus(since, r.f.idle), called_until(r))
end

local function idle(r, t)
  local f = r.f
  if string.sub(f.idle, 1, 1) == '-' or t < plus(f.lc, f.idle) then return false end
  if flying('f:', r.id, t) > 0 or flying('b:', r.id, t) > 0 then return false end
  return not f.gates or not gates_live(r.id, t) and t >= idle_from(r)
end

-- over says why and since when an open run is completed; nil if it is not.
local function over(r, t)
  local why, since
  if idle(r, t) then why, since = 'idle_timeout', idle_from(r) end
  for _, p in ipairs(ancestors(r)) do
    local closed
    if p.f.st == 'completed' then
      closed = p.f.cl
    elseif p.f.st == 'open' and idle(p, t) then
      closed = idle_from(p)
    end
    if closed and (not why or closed < since) then why, since = 'parent_closed', closed end
  end
  return why, since
end

-- view is a run as it is seen at that time.
local function view(r, t)
  local f = r.f
  local x = { st = f.st, rs = f.rs, cl = f.cl, bb = f.bb, flying = flying('f:', r.id, t) }
  if f.st ~= 'open' then return x end
  local why, since = over(r, t)
  if why then
    x.st, x.rs, x.cl = 'completed', why, since
    return x
  end
  for _, p in ipairs(ancestors(r)) do
    if p.f.st == 'blocked' then
      x.st, x.rs, x.bb = 'blocked', p.f.rs, p.f.bb
      return x
    end
  end
  if f.gates and paused(r.id, t) then x.st = 'paused' end
  return x
end

local function live(x) return x.st == 'open' or x.st == 'paused' end
local function gated(r) return tonumber(r.f.met or 0) > 0 end

-- wire is a view of a run as decodeRun reads it.
local function wire(r, x)
  local f = r.f
  return pack({
    r.id, x.st, x.rs, x.cl, x.bb, f.cr, f.lc, f.steps, f.sums, f.ch,
    gated(r) and 1 or 0, x.flying, f.dur, f.ms, f.md, f.mc, f.raised, f.anc, f.agent, f.pol, f.idle, f.b,
  })
end

local function shown(r) return wire(r, view(r, at)) end

-- limit is what a run is held to by a rule, nil if by nothing.
local function limit(r, rule, own)
  local raised = unpacked(r.f.raised)
  for i = 1, #raised, 2 do
    if raised[i] == rule then own = raised[i + 1] end
  end
  return tonumber(own) > 0 and own
end

local function too_old(r, t)
  local most = limit(r, 'max_duration', r.f.dur)
  return most and t >= plus(r.f.cr, most)
end

-- exceeded is the rule that leaves no room for a call beside so many in flight.
local function exceeded(r, t, in_flight)
  if too_old(r, t) then return 'max_duration' end
  local most = limit(r, 'max_steps', r.f.ms)
  if most and tonumber(r.f.steps) + in_flight >= tonumber(most) then return 'max_steps' end
  return ''
end

local max_ancestors = 32

local function exceeded_by_child(r, t)
  if too_old(r, t) then return 'max_duration' end
  local depth, most = #ancestors(r) + 1, limit(r, 'max_depth', r.f.md)
  if most and depth > tonumber(most) or depth > max_ancestors then return 'max_depth' end
  most = limit(r, 'max_children', r.f.mc)
  if most and tonumber(r.f.ch) >= tonumber(most) then return 'max_children' end
  return ''
end

-- finish puts a run among those that will be forgotten.
local function finish(r, t)
  redis.call('ZREM', T .. 'l:open', r.id)
  redis.call('ZREM', T .. 'l:due', r.id)
  redis.call('ZADD', T .. 'l:ended', score(t), r.id)
  set(r, 'ended', t)
end

-- abandon has the children of a run looked at, which is over.
local function abandon(id)
  if redis.call('EXISTS', T .. 'c:' .. id) == 1 then redis.call('RPUSH', T .. 'l:orphans', id) end
end

local function complete(r, reason, t)
  set(r, 'st', 'completed')
  set(r, 'rs', reason)
  set(r, 'cl', t)
  set(r, 'bb', '')
  ground(r)
  finish(r, t)
  cancel(r, t)
  abandon(r.id)
  local parent = ancestors(r)[1]
  if parent then redis.call('SREM', T .. 'c:' .. parent.id, r.id) end
  flush()
  age(r)
end

-- lapse completes an open run that is over, and reports whether it did.
local function lapse(r)
  if r.f.st ~= 'open' then return false end
  local why, since = over(r, at)
  if why then complete(r, why, since) end
  return why ~= nil
end

-- touch notes that a run was called, and so its ancestors were. Those that are over
-- stay so.
local function touch(r)
  local function one(p)
    local f = p.f
    if f.st == 'completed' or f.st == 'open' and idle(p, at) then return end
    if at > f.lc then set(p, 'lc', at) end
    if f.st == 'open' then
      redis.call('ZADD', T .. 'l:open', score(f.lc), p.id)
      return
    end
    set(p, 'ended', f.lc)
    redis.call('ZADD', T .. 'l:ended', score(f.lc), p.id)
  end
  one(r)
  for _, p in ipairs(ancestors(r)) do one(p) end
end

-- lift makes a blocked run open again.
local function lift(r)
  touch(r)
  set(r, 'st', 'open')
  set(r, 'rs', '')
  set(r, 'bb', '')
  set(r, 'ended', '')
  redis.call('ZREM', T .. 'l:ended', r.id)
  redis.call('ZADD', T .. 'l:open', score(r.f.lc), r.id)
  redis.call('ZADD', T .. 'l:due', score(at), r.id)
  local parent = ancestors(r)[1]
  if parent then redis.call('SADD', T .. 'c:' .. parent.id, r.id) end
  flush()
  age(r)
end

-- max_refusals is how many kinds of refusals of one run are told apart.
local max_refusals = 100

-- refuse counts a refusal, which is its code, rule, model and agent.
local function refuse(r, refusal)
  local key, kind = T .. 'x:' .. r.id, pack(refusal)
  local old = redis.call('HGET', key, kind)
  if old then
    local x = unpacked(old)
    redis.call('HSET', key, kind, pack({ x[1], tonumber(x[2]) + 1, x[3], at }))
    return
  end
  if redis.call('HLEN', key) >= max_refusals then
    local all, first, which = redis.call('HGETALL', key), nil, nil
    for i = 1, #all, 2 do
      local n = tonumber(unpacked(all[i + 1])[1])
      if not first or n < first then first, which = n, all[i] end
    end
    redis.call('HDEL', key, which)
  end
  local n = tonumber(r.f.refused or 0) + 1
  set(r, 'refused', n)
  redis.call('HSET', key, kind, pack({ n, 1, at, at }))
end

-- tell keeps an event of a run for those who want it.
local function tell(kind, r, agent, seen, extra)
  outbox_add(T, at, kind, r.id, { 'run', agent, seen, extra or '' })
end
