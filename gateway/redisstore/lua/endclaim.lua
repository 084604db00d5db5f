-- ARGV: time, keep, gate, claim, used
local g = load_gate(ARGV[3])
if not g then return false end
local s = status(g, at)
local mine = g.f.cm == ARGV[4] and g.f.cl ~= zero
if not mine or s ~= 'approved' then return the_gate(g, s, mine and g.f.st == 'used') end
if ARGV[5] == '1' then
  set_gate(g, 'us', at)
  end_gate(g, 'used', at)
else
  set_gate(g, 'cl', zero)
  bind(g)
end
return the_gate(g, status(g, at), true)
