-- ARGV: time, keep, run, rule, limit
local rule, most = ARGV[4], ARGV[5]
local r = known(ARGV[3])
if not r then return { 'missing' } end
if view(r, at).st == 'completed' then return { '', shown(r), 0 } end
local raised, old = {}, unpacked(r.f.raised)
for i = 1, #old, 2 do
  if old[i] ~= rule then
    raised[#raised + 1] = old[i]
    raised[#raised + 1] = old[i + 1]
  end
end
raised[#raised + 1] = rule
raised[#raised + 1] = most
set(r, 'raised', pack(raised))
local lifted = r.f.st == 'blocked' and unpacked(r.f.bb)[2] == rule
if lifted then lift(r) end
flush()
local x = view(r, at)
local seen = wire(r, x)
if x.st ~= 'completed' then tell('limit.raised', r, r.f.agent, seen, pack({ rule, most })) end
if lifted then tell('run.unblocked', r, r.f.agent, seen) end
return { '', seen, lifted and 1 or 0 }
