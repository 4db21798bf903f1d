-- executor: whether it took effect can't be found out yet. The lease ends by itself, and then somebody asks again;
-- this executor lives, so that it isn't counted with those that took the ticket and were never heard of again.
-- KEYS run:{sallyport}:N   ARGV n, token
local run = redis.call('HMGET', KEYS[1], 'token', 'outcome')
if run[1] ~= ARGV[2] or run[2] then
    return 'lost'
end
redis.call('HDEL', KEYS[1], 'takeovers')
return 'ok'
