-- Work of a scripting language: tables, strings, closures, sorting; no output but "right" when the result is.

local function queens(side)
  local count, columns, rising, falling = 0, {}, {}, {}
  local function place(row)
    if row > side then
      count = count + 1
      return
    end
    for column = 1, side do
      local up, down = row + column, row - column + side
      if not (columns[column] or rising[up] or falling[down]) then
        columns[column], rising[up], falling[down] = true, true, true
        place(row + 1)
        columns[column], rising[up], falling[down] = nil, nil, nil
      end
    end
  end
  place(1)
  return count
end

local function words(total)
  local seen, order, state = {}, {}, 1
  for _ = 1, total do
    state = (state * 16807) % 2147483647
    local word = string.format("w%03d", state % 997)
    if not seen[word] then
      order[#order + 1] = word
    end
    seen[word] = (seen[word] or 0) + 1
  end
  table.sort(order, function(a, b)
    if seen[a] ~= seen[b] then
      return seen[a] > seen[b]
    end
    return a < b
  end)
  local text = table.concat(order, " ")
  local upper = text:gsub("w(%d)", function(digit)
    return "W" .. digit
  end)
  local hash = 0
  for n = 1, #upper do
    hash = (hash * 31 + upper:byte(n)) % 2147483647
  end
  return hash
end

local function harmonic(count)
  local sum = 0.0
  for n = 1, count do
    sum = sum + 1 / (n * n)
  end
  return sum
end

local found = queens(8)
local hash = words(100000)
local sum = harmonic(1200000)
local result = string.format("%d %d %.10f", found, hash, sum)
if result ~= arg[1] then
  io.stderr:write("the result is ", result, "\n")
  os.exit(1)
end
print("right")
