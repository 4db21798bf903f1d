-- console: one approver's decision.
-- KEYS ok:{sallyport}:N   ARGV n, approve|reject, approver, digest that was seen, signed record
local at, n = now(), ARGV[1]
local state = state_of(n, at)
if not state then
    return 'none'
end
local asked = redis.call('HMGET', TICKET .. n, 'digest', 'agent', 'expires')
if asked[1] ~= ARGV[4] then
    return 'changed'
end
if asked[2] == ARGV[3] then
    return 'own'
end
local field = ARGV[2] .. ':' .. ARGV[3]
if redis.call('HGET', KEYS[1], field) == ARGV[5] then
    return 'done' -- the same call again, whose answer was lost
end
if state ~= 'parked' then
    return 'not parked'
end
if redis.call('HGET', KEYS[1], field) then
    return 'again' -- two approvals are two people's
end
redis.call('HSET', KEYS[1], field, ARGV[5])
redis.call('PEXPIREAT', KEYS[1], whole((tonumber(asked[3]) + KEEP.decision) / 1000))
if state_of(n, at) == 'approved' then
    redis.call('XADD', OK .. 'stream', 'MINID', '~', whole((at - KEEP.stream) / 1000), '*', 'ticket', n)
    redis.call('PUBLISH', OK .. 'wake', n)
end
return 'done'
