-- Knows who gets an alert, and what must leave a full inbox for it. Does not know fences.

local INBOX_BOUND = 10000

local function wants(list, value)
  if list == '*' then
    return true
  end
  for _, one in ipairs(decode(list, 'a subscriber\'s filter')) do
    if one == value then
      return true
    end
  end
  return false
end

local function group_of(inbox, name)
  if redis.call('EXISTS', inbox) == 1 then
    for _, flat in ipairs(redis.call('XINFO', 'GROUPS', inbox)) do
      local group = by_field(flat)
      if group['name'] == name then
        return {delivered = parse_id(group['last-delivered-id'])}
      end
    end
  end
  return {delivered = {0, 0}, missing = true}
end

local function standing_of(inbox, name, group, id)
  local pending = not group.missing
    and #redis.call('XPENDING', inbox, name, id, id, 1) > 0
  return {pending = pending, unread = pending or below(group.delivered, parse_id(id))}
end

-- The one gap record is unread: what it counted goes into the one that takes its place.
local function carry_gap(plan, group)
  local kept = redis.call('HMGET', plan.subscriber, 'gap_id', 'gap_dropped', 'gap_first',
                          'gap_last')
  if not kept[1] then
    return
  end
  local standing = standing_of(plan.inbox, plan.name, group, kept[1])
  if standing.unread then
    plan.lost = plan.lost + whole(kept[2], 'gap_dropped')
    plan.first = kept[3]
    plan.last = plan.last or kept[4]
    plan.drop[#plan.drop + 1] = kept[1]
    if standing.pending then
      plan.acknowledge[#plan.acknowledge + 1] = kept[1]
    end
  end
end

-- Names are of the people in the inbox: with the last entry about somebody goes the name.
local function forget_person(plan, entry)
  local good, record = pcall(cjson.decode, entry[2][2])
  local person = good and type(record) == 'table' and person_of(record) or nil
  if person and redis.call('HGET', plan.named, person) == entry[1] then
    plan.forget[#plan.forget + 1] = person
  end
end

local function plan_inbox(name)
  local plan = {
    name = name, subscriber = PREFIX .. 'subscriber:' .. name, inbox = PREFIX .. 'inbox:' .. name,
    names = PREFIX .. 'names:' .. name, named = PREFIX .. 'named:' .. name, forget = {}, drop = {}, acknowledge = {}, lost = 0,
  }
  demand(plan.inbox, 'stream')
  demand(plan.names, 'hash')
  demand(plan.named, 'hash')
  local length = redis.call('XLEN', plan.inbox)
  if length < INBOX_BOUND then
    return plan
  end
  local group = group_of(plan.inbox, name)
  local gap_goes = false
  for _, entry in ipairs(redis.call('XRANGE', plan.inbox, '-', '+',
                                    'COUNT', length + 2 - INBOX_BOUND)) do
    local standing = standing_of(plan.inbox, name, group, entry[1])
    plan.drop[#plan.drop + 1] = entry[1]
    forget_person(plan, entry)
    if standing.pending then
      plan.acknowledge[#plan.acknowledge + 1] = entry[1]
    end
    if standing.unread and entry[2][1] == 'gap' then
      gap_goes = true
    elseif standing.unread then
      plan.lost = plan.lost + 1
      plan.first = plan.first or entry[1]
      plan.last = entry[1]
    end
  end
  if plan.lost > 0 or gap_goes then
    carry_gap(plan, group)
  end
  return plan
end

local function plan_inboxes(camera, kind)
  demand(PREFIX .. 'index:subscriber', 'set')
  local plans = {}
  for _, name in ipairs(redis.call('SMEMBERS', PREFIX .. 'index:subscriber')) do
    local subscriber = PREFIX .. 'subscriber:' .. name
    demand(subscriber, 'hash')
    local filter = redis.call('HMGET', subscriber, 'cameras', 'kinds')
    if filter[1] and filter[2] and wants(filter[1], camera) and wants(filter[2], kind) then
      plans[#plans + 1] = plan_inbox(name)
    end
  end
  return plans
end

local function make_room(plan, id)
  if #plan.acknowledge > 0 then
    redis.call('XACK', plan.inbox, plan.name, unpack(plan.acknowledge))
  end
  if #plan.drop > 0 then
    redis.call('XDEL', plan.inbox, unpack(plan.drop))
  end
  if #plan.forget > 0 then
    redis.call('HDEL', plan.names, unpack(plan.forget))
    redis.call('HDEL', plan.named, unpack(plan.forget))
  end
  if plan.lost > 0 then
    local gap_id = id_text({id[1], id[2] - 1})
    redis.call('HSET', plan.subscriber, 'gap_id', gap_id, 'gap_dropped', plan.lost,
               'gap_first', plan.first, 'gap_last', plan.last)
    redis.call('XADD', plan.inbox, gap_id, 'gap', string.format(
      '{"dropped":%.0f,"first":"%s","last":"%s"}', plan.lost, plan.first, plan.last))
  end
end
