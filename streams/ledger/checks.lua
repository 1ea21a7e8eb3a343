-- Knows how a function of the ledger checks what it is given. Does not know what is written.
-- Names of keys are made from the records' own fields: the ledger is one server, no cluster.

local PREFIX = 'ostiary:'

local function refuse(code, text)
  error({err = code .. ' ' .. text})
end

local function demand(key, kind)
  local found = redis.call('TYPE', key).ok
  if found ~= 'none' and found ~= kind then
    refuse('WRONGTYPE', key .. ' is a ' .. found .. ' where a ' .. kind .. ' belongs')
  end
end

local function decode(text, what)
  local good, value = pcall(cjson.decode, text)
  if not good or type(value) ~= 'table' then
    refuse('BADRECORD', what .. ' is not a JSON object or list')
  end
  return value
end

local function text_of(record, field)
  local value = record[field]
  if type(value) ~= 'string' or value == '' then
    refuse('BADRECORD', 'a record needs its ' .. field)
  end
  return value
end

local function whole(value, what)
  local number = tonumber(value)
  if number == nil or number < 0 or number ~= math.floor(number) then
    refuse('BADRECORD', what .. ' is no whole number')
  end
  return number
end

local function hash_number(key, field)
  return whole(redis.call('HGET', key, field) or 0, key .. ' ' .. field)
end

local function person_of(record)
  local who = record.subject or record.who
  if type(who) == 'table' and type(who.person_id) == 'string' then
    return who.person_id
  end
  return nil
end

local function by_field(flat)
  local found = {}
  for at = 1, #flat, 2 do
    found[flat[at]] = flat[at + 1]
  end
  return found
end

-- Entry ids, as {ms, number}.

local function parse_id(text)
  local ms, number = string.match(text, '^(%d+)-(%d+)$')
  return {tonumber(ms), tonumber(number)}
end

local function below(one, other)
  return one[1] < other[1] or (one[1] == other[1] and one[2] < other[2])
end

local function id_text(id)
  return string.format('%.0f-%.0f', id[1], id[2])
end

local function last_id(stream)
  if redis.call('EXISTS', stream) == 0 then
    return {0, 0}
  end
  return parse_id(by_field(redis.call('XINFO', 'STREAM', stream))['last-generated-id'])
end

-- Alerts have odd numbers within their millisecond: the even one before is room for a gap record.
local function next_id(streams)
  local last = {0, 0}
  for _, stream in ipairs(streams) do
    local found = last_id(stream)
    if below(last, found) then
      last = found
    end
  end
  local now = redis.call('TIME')
  local now_ms = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
  if now_ms > last[1] then
    return {now_ms, 1}
  end
  return {last[1], last[2] + 2 + (last[2] + 1) % 2}
end
