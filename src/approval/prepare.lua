-- executor: the statement has run and its transaction can be found again; from here on only the database
-- knows whether it took effect.
-- KEYS run:{sallyport}:N   ARGV n, token, lease in microseconds, database, then field, value, ...
local at, n = now(), ARGV[1]
local run = redis.call('HMGET', KEYS[1], 'token', 'lease', 'outcome')
if run[1] ~= ARGV[2] or run[3] or at >= tonumber(run[2]) then
    return 'lost'
end
local lease = whole(at + tonumber(ARGV[3]))
redis.call('HSET', KEYS[1], 'phase', 'prepared', 'lease', lease)
for i = 5, #ARGV, 2 do
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
redis.call('HDEL', KEYS[1], 'takeovers') -- attempts to recover it are counted anew
redis.call('ZADD', RUN .. 'leases:' .. ARGV[4], lease, n)
return 'ok'
