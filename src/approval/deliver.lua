-- proxy: the outcome has reached the agent, so that the same content is a new request from now on.
-- KEYS ticket:{sallyport}:N   ARGV n
local at, n = now(), ARGV[1]
local state = state_of(n, at)
-- A rejection and an unknown outcome go on standing; an expiry was released when it was told.
if state ~= 'executed' and state ~= 'failed' then
    return state or 'none'
end
if redis.call('HSETNX', KEYS[1], 'delivered', whole(at)) == 1 then
    local digest = redis.call('HGET', KEYS[1], 'digest')
    if redis.call('GET', TICKET .. 'same:' .. digest) == n then
        redis.call('DEL', TICKET .. 'same:' .. digest)
        redis.call('SET', TICKET .. 'last:' .. digest, n, 'PX', whole(KEEP.last / 1000))
    end
    redis.call('PEXPIRE', KEYS[1], whole(KEEP.delivered / 1000), 'LT')
end
return state
