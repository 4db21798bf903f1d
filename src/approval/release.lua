-- executor: nothing has taken effect; back to the queue.
-- KEYS run:{sallyport}:N   ARGV n, token, database, pause in microseconds, 1 if locks were busy, why
local at, n = now(), ARGV[1]
local run = redis.call('HMGET', KEYS[1], 'token', 'outcome', 'tries', 'busy')
if run[1] ~= ARGV[2] or run[2] then
    return 'lost'
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'tries', run[3] or 0, 'busy', tonumber(run[4] or '0') + tonumber(ARGV[5]), 'note', ARGV[6])
redis.call('ZREM', RUN .. 'leases:' .. ARGV[3], n)
redis.call('ZADD', RUN .. 'ready:' .. ARGV[3], whole(at + tonumber(ARGV[4])), n)
keep_run(n, at, KEEP.run)
return 'ok'
