-- ARGV: time, keep, status, run, place before which to begin or nothing, how many are wanted, how many are looked at
local want, id, before, n, most = ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
local list = id ~= '' and T .. 'gl:' .. id or T .. 'l:gates'
local from = before == '' and '+' or '(' .. before
local found = {}
local places = redis.call('ZREVRANGEBYLEX', list, from, '-', 'LIMIT', 0, most)
for _, x in ipairs(places) do
  before = x
  local g = load_gate(string.sub(x, 21))
  local s = g and status(g, at)
  if s and (want == '' or s == want) then
    found[#found + 1] = wire_gate(g, s)
    if #found == n then return { '', found } end
  end
end
if #places < most then before = '' end
return { before, found }
