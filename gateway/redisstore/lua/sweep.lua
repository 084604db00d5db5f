-- ARGV: time, keep, for how long ended runs are remembered, how many of them, how many may be
-- open, how much is looked at, how many pointers are
local closed_runs, most_ended, most_open, left = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local completed, expired, forgotten, more = {}, {}, {}, 0

local function completes(r)
  local seen = shown(r)
  completed[#completed + 1] = seen
  tell('run.completed', r, r.f.agent, seen)
end

-- postpone notes a time before which an open run is not over: something may end from
-- now on, a call or a gate, after which it is idle for a while; or it has ended.
local function postpone(r)
  if string.sub(r.f.idle, 1, 1) == '-' then
    redis.call('ZREM', T .. 'l:due', r.id)
    return
  end
  local t, from = plus(at, r.f.idle), idle_from(r)
  if at < from and from < t then t = from end
  redis.call('ZADD', T .. 'l:due', score(later(t, plus(at, '1000000'))), r.id)
end

local function look_at_due()
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', T .. 'l:due', '-inf', score(at), 'LIMIT', 0, left)) do
    left = left - 1
    local r = known(id)
    if not r or r.f.st ~= 'open' then
      redis.call('ZREM', T .. 'l:due', id)
    elseif lapse(r) then
      completes(r)
    else
      postpone(r)
    end
  end
end

local function look_at_orphans()
  while left > 0 do
    local id = redis.call('LINDEX', T .. 'l:orphans', 0)
    if not id then return end
    local children = redis.call('SRANDMEMBER', T .. 'c:' .. id, left)
    for _, child in ipairs(children) do
      left = left - 1
      local r = known(child)
      if r and lapse(r) then completes(r) end
      redis.call('SREM', T .. 'c:' .. id, child) -- a blocked one is looked at when it is lifted
    end
    if redis.call('EXISTS', T .. 'c:' .. id) == 0 then redis.call('LPOP', T .. 'l:orphans') end
  end
end

local function crowd_out()
  local excess = redis.call('ZCARD', T .. 'l:open') - most_open
  if excess <= 0 or left <= 0 then return end
  for _, id in ipairs(redis.call('ZRANGE', T .. 'l:open', 0, left - 1)) do
    left = left - 1
    local r = known(id)
    if not r then
      redis.call('ZREM', T .. 'l:open', id)
      excess = excess - 1
    elseif flying('f:', id, at) == 0 and flying('b:', id, at) == 0 and not gates_live(id, at) then
      complete(r, 'too_many_open_runs', at)
      completes(r)
      excess = excess - 1
    end
    if excess <= 0 then return end
  end
end

local function tell_expired()
  left = left - expire_some(left)
  while left > 0 do
    local x = redis.call('LPOP', T .. 'l:expired')
    if not x then return end
    left = left - 1
    local run, agent, args, seen, kept = unpack(unpacked(x))
    expired[#expired + 1] = seen
    outbox_add(T, at, 'approval.expired', run, { 'gate', agent, args, kept })
  end
end

-- forget_accounts drops what the ledger keeps of a run, which has nobody else to say so
-- if whoever sweeps dies.
local function forget_accounts(r)
  local index = T .. 'm:i:' .. owner(r)
  for _, key in ipairs(redis.call('SMEMBERS', index)) do redis.call('UNLINK', key) end
  redis.call('UNLINK', T .. 'm:a:' .. owner(r), index)
end

local function forget(id)
  local r = known(id)
  redis.call('ZREM', T .. 'l:ended', id)
  if r then
    ground(r)
    forgotten[#forgotten + 1] = shown(r)
    forget_accounts(r)
    if r.f.st == 'blocked' then
      set(r, 'st', 'completed')
      set(r, 'cl', r.f.ended)
      cancel(r, r.f.ended)
      local parent = ancestors(r)[1]
      if parent then redis.call('SREM', T .. 'c:' .. parent.id, id) end
      abandon(id)
    end
    local head = T .. 'h:' .. r.f.head
    if redis.call('GET', head) == id then redis.call('DEL', head) end
  end
  left = left - math.floor(forget_gates(id) / 10)
  for _, kind in ipairs(family) do
    if kind ~= 'c:' then redis.call('UNLINK', T .. kind .. id) end
  end
  if r and r.f.ch ~= '0' then -- one below it that is blocked may be lifted, and ask when it was closed
    loaded[id] = { id = id, new = {}, f = { gone = '1', st = 'completed', cl = r.f.cl, cr = r.f.cr } }
    redis.call('HSET', T .. 'r:' .. id, 'gone', '1', 'st', 'completed', 'cl', r.f.cl, 'cr', r.f.cr, 'anc', '')
    redis.call('PEXPIRE', T .. 'r:' .. id, keep)
  else
    loaded[id] = false
  end
end

local function forget_old()
  local excess = redis.call('ZCARD', T .. 'l:ended') - most_ended
  for _, id in ipairs(redis.call('ZRANGE', T .. 'l:ended', 0, left - 1)) do
    local r = known(id)
    if r and excess <= 0 and at < plus(r.f.ended, closed_runs) then return end
    left = left - 1
    if not r or flying('f:', id, at) == 0 then -- else its calls still have to be recorded
      forget(id)
      excess = excess - 1
    end
  end
end

-- forsake drops what waits for subscribers whose time has passed.
local function forsake()
  local subscribers = redis.call('HGETALL', T .. 'o:s')
  for i = 1, #subscribers, 2 do
    local name = subscribers[i]
    if at >= string.sub(subscribers[i + 1], 1, 20) and left > 0 then
      for _, n in ipairs(redis.call('HRANDFIELD', T .. 'o:m:' .. name, left)) do
        outbox_drop(T, name, n, at)
        left = left - 1
      end
      if redis.call('EXISTS', T .. 'o:m:' .. name) == 0 then
        redis.call('HDEL', T .. 'o:s', name)
        redis.call('HDEL', T .. 'o:v', name)
      end
    end
  end
  for _, key in ipairs({ 'o:s', 'o:v', 'o:n' }) do redis.call('PEXPIRE', T .. key, keep) end
end

look_at_due()
look_at_orphans()
crowd_out()
look_at_orphans()
tell_expired()
if left > 0 then forget_old() end
look_at_orphans()
forsake()
flush()
if left <= 0 then more = 1 end
local pointers = redis.call('HRANDFIELD', T .. 'l:pointers', ARGV[7], 'WITHVALUES')
local empty = #pointers == 0 and redis.call('EXISTS', T .. 'l:open', T .. 'l:ended', T .. 'l:expired', T .. 'o:x') == 0
return { completed, expired, forgotten, more, pointers, empty and 1 or 0 }
