-- proxy: the agent takes its request back, as long as nothing has begun.
-- KEYS ticket:{sallyport}:N   ARGV n, agent
local at, n = now(), ARGV[1]
local state = state_of(n, at)
if not state or redis.call('HGET', KEYS[1], 'agent') ~= ARGV[2] then
    return 'none'
end
if state ~= 'parked' and state ~= 'approved' then
    return state
end
redis.call('HSET', KEYS[1], 'cancelled', whole(at))
return 'cancelled'
