-- An amount is a whole number from 0 to 9223372036854775807: more than a number of
-- Lua holds exactly. It is kept as decimal text, and reckoned with as two numbers:
-- how many times 10^10 it is, and the rest.
local limb, most_h, most_l = 10000000000, 922337203, 6854775807

local function split(text)
  if #text <= 10 then return 0, tonumber(text) end
  return tonumber(string.sub(text, 1, -11)), tonumber(string.sub(text, -10))
end

local function join(h, l)
  if h == 0 then return string.format('%.0f', l) end
  return string.format('%.0f%010.0f', h, l)
end

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

local function less(ah, al, bh, bl)
  return ah < bh or ah == bh and al < bl
end
