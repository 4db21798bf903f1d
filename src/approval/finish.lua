-- executor: how it ended.
-- KEYS run:{sallyport}:N   ARGV n, token, database, executed|failed|unknown, then field, value, ...
local at, n = now(), ARGV[1]
local run = redis.call('HMGET', KEYS[1], 'token', 'outcome')
if run[1] ~= ARGV[2] then
    return 'lost'
end
if run[2] then
    return run[2] == ARGV[4] and 'ok' or 'lost'
end
redis.call('HSET', KEYS[1], 'outcome', ARGV[4], 'finished', whole(at))
for i = 5, #ARGV, 2 do
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
redis.call('ZREM', RUN .. 'leases:' .. ARGV[3], n)
redis.call('ZREM', RUN .. 'ready:' .. ARGV[3], n)
keep_run(n, at, ARGV[4] == 'unknown' and KEEP.unsettled or KEEP.run)
redis.call('PUBLISH', RUN .. 'news', n)
return 'ok'
