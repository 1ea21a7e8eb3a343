-- Knows what the ledger writes as one step, and what it refuses. Does not know why it is written.
--
-- A function is isolated but does not roll back. So each one reads and checks everything first,
-- and only then writes; what says "done" (the alert's revision) is written last, so that a retry
-- after a failure in the middle writes everything once more instead of leaving somebody out.
-- Loaded as one library, after checks.lua and inboxes.lua.

local ALERTS_BOUND = 100000
local OPEN_VISITS_BOUND = 1000
local KEEP_S = 30 * 24 * 3600

local function accepted_of(fence)
  demand(fence, 'hash')
  return hash_number(fence, 'accepted')
end

local function demand_token(fence, token)
  local accepted = accepted_of(fence)
  if token < accepted then
    refuse('FENCED', string.format('token %.0f is below %.0f', token, accepted))
  end
end

local function erased(person)
  demand(PREFIX .. 'erased', 'zset')
  return person ~= nil and redis.call('ZSCORE', PREFIX .. 'erased', person) ~= false
end

local function issue(_, args)
  local fence = PREFIX .. 'fence:' .. args[1]
  local token = math.max(accepted_of(fence), hash_number(fence, 'issued')) + 1
  redis.call('HSET', fence, 'issued', token)
  return token
end

local function claim(_, args)
  local camera, token = args[1], whole(args[2], 'a token')
  local fence, open = PREFIX .. 'fence:' .. camera, PREFIX .. 'visits:open:' .. camera
  demand_token(fence, token)
  demand(open, 'set')
  local states, gone = {}, {}
  for _, id in ipairs(redis.call('SMEMBERS', open)) do
    local visit = PREFIX .. 'visit:' .. id
    demand(visit, 'hash')
    local state = redis.call('HGET', visit, 'state')
    if state then
      states[#states + 1] = state
    else
      gone[#gone + 1] = id
    end
  end
  redis.call('HSET', fence, 'accepted', token)
  if #gone > 0 then
    redis.call('SREM', open, unpack(gone))
  end
  return states
end

-- Whoever was fenced out may still hand in an alert that is over and that nobody else knows of.
local function demand_alert_token(record, token, stored)
  local fence = PREFIX .. 'fence:' .. text_of(record, 'camera')
  local over = record.state == 'closed' or record.state == 'withdrawn'
  if not (over and stored == 0) then
    demand_token(fence, token)
  end
end

local function write_alert(_, args)
  local token, record = whole(args[1], 'a token'), decode(args[2], 'an alert')
  local camera, kind = text_of(record, 'camera'), text_of(record, 'kind')
  local alert, alerts = PREFIX .. 'alert:' .. text_of(record, 'id'), PREFIX .. 'alerts'
  local revision = whole(record.revision, 'a revision')
  demand(alert, 'hash')
  demand(alerts, 'stream')
  local stored = hash_number(alert, 'revision')
  demand_alert_token(record, token, stored)
  if revision <= stored then
    return {redis.call('HGET', alert, 'entry'), 0}
  end
  local person, name = person_of(record), nil
  local text = args[2]
  if erased(person) then
    text, person = args[3], nil
  elseif person then
    demand(PREFIX .. 'person:' .. person, 'hash')
    name = redis.call('HGET', PREFIX .. 'person:' .. person, 'name')
  end
  local plans, streams = plan_inboxes(camera, kind), {alerts}
  for _, plan in ipairs(plans) do
    streams[#streams + 1] = plan.inbox
  end
  local id = next_id(streams)
  local entry = id_text(id)

  for _, plan in ipairs(plans) do
    make_room(plan, id)
    if name then
      redis.call('HSET', plan.names, person, name)
      redis.call('HSET', plan.named, person, entry)
    end
    redis.call('XADD', plan.inbox, entry, 'alert', text)
  end
  redis.call('XADD', alerts, 'MAXLEN', ALERTS_BOUND, entry, 'alert', text)
  redis.call('XTRIM', alerts, 'MINID', string.format('%.0f', id[1] - KEEP_S * 1000))
  redis.call('HSET', alert, 'record', text, 'entry', entry, 'revision', revision)
  redis.call('EXPIRE', alert, KEEP_S)
  return {entry, 1}
end

local function save_visit(_, args)
  local token, record = whole(args[1], 'a token'), decode(args[2], 'a visit')
  local camera, id = text_of(record, 'camera'), text_of(record, 'id')
  local visit, open = PREFIX .. 'visit:' .. id, PREFIX .. 'visits:open:' .. camera
  demand_token(PREFIX .. 'fence:' .. camera, token)
  demand(visit, 'hash')
  demand(open, 'set')
  local over = redis.call('HGET', visit, 'ended') == '1'
  local full = redis.call('SCARD', open) >= OPEN_VISITS_BOUND
    and redis.call('SISMEMBER', open, id) == 0
  if not record.ended and (over or full) then
    return 0
  end
  local text = erased(person_of(record)) and args[3] or args[2]

  if record.ended then
    redis.call('SREM', open, id)
  else
    redis.call('SADD', open, id)
  end
  redis.call('HSET', visit, 'state', text, 'ended', record.ended and 1 or 0)
  redis.call('EXPIRE', visit, KEEP_S)
  return 1
end

redis.register_function('ostiary_issue', issue)
redis.register_function('ostiary_claim', claim)
redis.register_function('ostiary_write_alert', write_alert)
redis.register_function('ostiary_save_visit', save_visit)
