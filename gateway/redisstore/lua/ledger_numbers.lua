-- An amount is a whole number from 0 to 9223372036854775807: more than a number of
-- Lua holds exactly. Here it is two of these: how many times 10^10 it is, and the rest.
local limb, most_h, most_l = 10000000000, 922337203, 6854775807

-- add returns the sum, or the largest amount.
local function add(ah, al, bh, bl)
  local h, l = ah + bh, al + bl
  if l >= limb then h, l = h + 1, l - limb end
  if h > most_h or h == most_h and l > most_l then return most_h, most_l end
  return h, l
end

-- minus returns the difference, or 0.
local function minus(ah, al, bh, bl)
  local h, l = ah - bh, al - bl
  if l < 0 then h, l = h - 1, l + limb end
  if h < 0 then return 0, 0 end
  return h, l
end

local function less(ah, al, bh, bl) return ah < bh or ah == bh and al < bl end
