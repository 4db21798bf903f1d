-- console: what proxies have published and still lives.
local found = {}
for _, process in ipairs(redis.call('ZRANGEBYSCORE', TICKET .. 'processes', whole(now()), '+inf')) do
    local json = redis.call('GET', TICKET .. 'sessions:' .. process)
    if json then
        found[#found + 1] = json
    end
end
return found
