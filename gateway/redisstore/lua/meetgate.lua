-- ARGV: time, keep, run, fingerprint
local r = known(ARGV[3])
if not r then return false end
local same = alike(r.id, ARGV[4])
for i = #same, 1, -1 do
  local g = load_gate(same[i])
  if g then
    local s = status(g, at)
    if s == 'expired' then pass(g) end
    return the_gate(g, s, true)
  end
end
local g = r.f.gates and paused(r.id, at)
return g and the_gate(g, 'pending', false)
