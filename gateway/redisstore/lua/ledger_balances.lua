-- KEYS: the accounts. ARGV: T; of each: field, span.
if chores() then return { 'first' } end
local balances = {}
for i, key in ipairs(KEYS) do
  local b = balance(find(key, ARGV[2 * i], tonumber(ARGV[2 * i + 1])))
  balances[i] = struct.pack('>dddddddd', b.sh, b.sl, b.rh, b.rl, b.ph, b.pl, b.ph, b.pl)
end
return { 'ok', table.concat(balances) }
