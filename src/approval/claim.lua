-- executor: the next piece of work for these databases, fenced by a token and a lease by Redis's clock.
-- KEYS run:{sallyport}:seen   ARGV token, executor, lease in microseconds, database, ...
-- Returns {} or what `told` gives, then 'run' or 'recover', and the database.
local at = now()
local token, executor, lease = ARGV[1], ARGV[2], tonumber(ARGV[3])

-- What was approved since the last look comes into the queue of its database.
local seen = redis.call('GET', KEYS[1]) or '0-0'
for _, entry in ipairs(redis.call('XRANGE', OK .. 'stream', '(' .. seen, '+', 'COUNT', 200)) do
    local database = redis.call('HGET', TICKET .. entry[2][2], 'database')
    if database then
        redis.call('ZADD', RUN .. 'ready:' .. database, 'NX', whole(at), entry[2][2])
    end
    redis.call('SET', KEYS[1], entry[1])
end

local function take(n, database, state, what)
    redis.call('HSET', RUN .. n, 'token', token, 'executor', executor, 'lease', whole(at + lease))
    keep_run(n, at, KEEP.unsettled)
    redis.call('ZADD', RUN .. 'leases:' .. database, whole(at + lease), n)
    redis.call('ZREM', RUN .. 'ready:' .. database, n)
    local work = told(n, state, at)
    work[#work + 1] = what
    work[#work + 1] = database
    return work
end

for i = 4, #ARGV do
    local database = ARGV[i]
    local ready, leases = RUN .. 'ready:' .. database, RUN .. 'leases:' .. database
    for _, n in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', whole(at), 'LIMIT', 0, 20)) do
        local run = redis.call('HMGET', RUN .. n, 'phase', 'outcome')
        if run[1] and not run[2] then
            -- Whoever had it said nothing more. A ticket that ends its executors is given up by the next (work.c).
            redis.call('HINCRBY', RUN .. n, 'takeovers', 1)
        end
        if run[1] == 'prepared' and not run[2] then
            return take(n, database, 'executing', 'recover')
        end
        redis.call('ZREM', leases, n)
        if run[1] and not run[2] then
            -- Claimed and not prepared: its transaction can't commit any more, since preparing needs the
            -- token that is taken away here. Back to the queue.
            redis.call('HDEL', RUN .. n, 'token', 'lease', 'phase', 'executor')
            redis.call('ZADD', ready, whole(at), n)
            keep_run(n, at, KEEP.run)
        end
    end
    for _, n in ipairs(redis.call('ZRANGEBYSCORE', ready, '-inf', whole(at), 'LIMIT', 0, 50)) do
        if state_of(n, at) ~= 'approved' then
            redis.call('ZREM', ready, n)
        elseif redis.call('SISMEMBER', OK .. 'paused', redis.call('HGET', TICKET .. n, 'agent')) == 1 then
            redis.call('ZADD', ready, whole(at + SECOND), n)
        else
            redis.call('HSET', RUN .. n, 'phase', 'claimed')
            redis.call('HINCRBY', RUN .. n, 'tries', 1)
            return take(n, database, 'executing', 'run')
        end
    end
end
return {}
