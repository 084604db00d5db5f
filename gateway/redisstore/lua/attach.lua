-- ARGV: time, keep, call, until, id, auto, id of a new automatic run, flags, follows,
-- parent, model; and of a new run: agent, policy, idle timeout, the four limits, the rest
local call, till, id, auto, auto_id, flags, follows, parent_id, model = unpack(ARGV, 3, 11)
local agent, policy, idle_timeout, max_duration, max_steps, max_depth, max_children, rest = unpack(ARGV, 12, 19)
local got = { started = 0, rule = '', deferred = 0, ended = '' }

local function asks(flag) return string.find(flags, flag, 1, true) end

local function reply(code, seen)
  flush()
  return { code, got.started, got.rule, got.deferred, got.ended, seen or '' }
end

local function ended(r)
  got.ended = shown(r)
  tell('run.completed', r, agent, got.ended)
end

-- turned_away counts a call that r does not take, which is as x says.
local function turned_away(r, x)
  local refusal = { 'policy_violation', got.rule, model, agent }
  if x.st == 'blocked' then
    local b = unpacked(x.bb)
    refusal[1], refusal[2], got.rule = b[1], b[2], ''
  elseif x.st == 'completed' then
    refusal[1], refusal[2], got.rule = 'run_closed', '', ''
  end
  refuse(r, refusal)
  if x.st ~= 'completed' then touch(r) end
  flush()
  settled(r)
  return reply('', wire(r, x))
end

-- start begins a new run in the place of old and below parent, if there are such.
local function start(head, old, parent)
  local new, generation = id, 1
  if id == '' then
    new = auto_id
  elseif old then
    if string.sub(old.f.head, 1, 1) == 'n' then head = old.f.head end
    old = newest(head) or old
    generation = tonumber(old.f.gen)
    repeat
      generation = generation + 1
      new = string.sub(head, 2) .. '.' .. generation
    until not known(new)
  end
  redis.call('DEL', T .. 'r:' .. new)
  if redis.call('ZREM', T .. 'l:ended', new) == 1 then forget_gates(new) end -- of one that Redis has dropped
  local r = { id = new, f = {}, new = {} }
  loaded[new] = r
  local anc = ''
  if parent then
    anc = pack({ parent.id, parent.f.pol, parent.f.cr, unpack(unpacked(parent.f.anc)) })
    local most = limit(parent, 'max_duration', parent.f.dur)
    if most then
      local to, left = plus(parent.f.cr, most), '1'
      if to > at then left = between(at, to) end
      if tonumber(max_duration) <= 0 or above(max_duration, left) then max_duration = left end
    end
    set(parent, 'ch', string.format('%.0f', tonumber(parent.f.ch) + 1))
    redis.call('SADD', T .. 'c:' .. parent.id, new)
  end
  for field, value in pairs({
    head = head, gen = generation, st = 'open', rs = '', cl = zero, bb = '', cr = at, lc = at, steps = '0', sums = '', ch = '0', raised = '', anc = anc,
    agent = agent, pol = policy, idle = idle_timeout, dur = max_duration, ms = max_steps, md = max_depth, mc = max_children,
    b = rest,
  }) do set(r, field, value) end
  redis.call('SET', T .. 'h:' .. head, new)
  redis.call('ZADD', T .. 'l:open', score(at), new)
  if string.sub(idle_timeout, 1, 1) ~= '-' then redis.call('ZADD', T .. 'l:due', score(plus(at, idle_timeout)), new) end
  return r
end

-- again answers a call of r that is in flight already.
local function again(r)
  if lapse(r) then ended(r) end
  touch(r)
  fly(r, call, later(lease(r.id, call), till))
  local x = view(r, at)
  if live(x) and gated(r) then
    got.rule = exceeded(r, at, x.flying - 1)
    got.deferred = got.rule ~= '' and 1 or 0
  end
  flush()
  settled(r)
  return reply('', wire(r, x))
end

-- parent returns the run that a new one is to be started below, in the place of
-- old if there is such; nil is none.
local function parent(old)
  local p = find(parent_id)
  if not p or not old or old.f.st == 'completed' then return p end
  if p.id == old.id then return nil end
  for _, a in ipairs(ancestors(p)) do
    if a.id == old.id then return nil end -- it would end with this call
  end
  return p
end

local function attach()
  local automatic = id == ''
  local head = automatic and 'a' .. auto or 'n' .. id
  local r = not asks('exact') and newest(head)
  if not r and not automatic then
    r = known(id)
    if r and asks('new') and string.sub(r.f.head, 1, 1) == 'n' then r = newest(r.f.head) or r end
  end
  if r then
    ground(r)
    if lease(r.id, call) then return again(r) end
  end
  if asks('new') and not asks('join') and not asks('exact') then
    if not automatic and follows ~= (r and r.id or '') then return reply('overtaken', r and shown(r)) end
    if r and gated(r) and not asks('past') then return reply('gated', shown(r)) end
  end
  if r and lapse(r) then ended(r) end
  if not r or asks('new') or automatic and (r.f.st == 'completed' or idle(r, at)) then
    if asks('join') or asks('exact') then return reply('missing') end
    local p
    if parent_id ~= '' then
      p = parent(r)
      if not p and not asks('orphan') then return reply('parent') end
    end
    if p then
      local x = view(p, at)
      got.rule = exceeded_by_child(p, at)
      if not live(x) or got.rule ~= '' then return turned_away(p, x) end
    end
    if r and asks('new') and r.f.st ~= 'completed' then
      complete(r, 'superseded_by_new_run', at)
      ended(r)
    end
    r = start(head, r, p)
    got.started = 1
  end
  local x = view(r, at)
  got.rule = exceeded(r, at, x.flying)
  if not live(x) or got.rule ~= '' and not gated(r) then return turned_away(r, x) end
  got.deferred = got.rule ~= '' and 1 or 0
  fly(r, call, till)
  touch(r)
  x.flying = x.flying + 1
  local seen = wire(r, x)
  if got.started == 1 then tell('run.started', r, agent, seen) end
  return reply('', seen)
end

return attach()
