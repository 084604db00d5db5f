-- ARGV: time, keep, gate, approve, by, comment
local g = load_gate(ARGV[3])
if not g then return false end
if status(g, at) ~= 'pending' then return the_gate(g, status(g, at), false) end
set_gate(g, 'de', at, 'by', ARGV[5], 'co', ARGV[6])
local kind = 'approval.rejected'
if ARGV[4] == '1' then
  kind = 'approval.approved'
  set_gate(g, 'st', 'approved', 'ex', plus(at, g.f.win))
  bind(g)
else
  end_gate(g, 'rejected', at)
end
tell_gate(kind, g)
return the_gate(g, g.f.st, true)
