-- proxy: opens a ticket, or attaches to the one that the same content already has.
-- KEYS ticket:{sallyport}:next   ARGV digest, lifetime in microseconds, then field, value, ...
-- Returns {n, state, now, ticket, ok, run, 1 if new}, or words that say why no ticket is opened. The content itself
-- isn't sent back.
local OPEN_MOST, OPEN_MIB = 100, 32
local at = now()
local digest, lifetime = ARGV[1], tonumber(ARGV[2])
local same, last = TICKET .. 'same:' .. digest, TICKET .. 'last:' .. digest

local function answer(n, state, is_new)
    local ticket = {}
    for _, field in ipairs({ 'expires', 'previous', 'previous_state', 'previous_at' }) do
        local value = redis.call('HGET', TICKET .. n, field)
        if value then
            ticket[#ticket + 1] = field
            ticket[#ticket + 1] = value
        end
    end
    local run = {}
    if state == 'executed' or state == 'failed' or state == 'unknown' then
        run = redis.call('HGETALL', RUN .. n)
    end
    return { n, state, whole(at), ticket, redis.call('HGETALL', OK .. n), run, is_new }
end

local n = redis.call('GET', same)
if n then
    local state = state_of(n, at)
    local over = state and at >= tonumber(redis.call('HGET', TICKET .. n, 'expires'))
    if state == 'expired' then
        -- Told once; the next time it is a new request.
        redis.call('SET', last, n, 'PX', whole(KEEP.last / 1000))
        redis.call('DEL', same)
        return answer(n, state, 0)
    end
    -- A rejection stands as long as the ticket would have, so that asking again isn't a way round it.
    if state and state ~= 'cancelled' and not (state == 'rejected' and over) then
        return answer(n, state, 0)
    end
    if state then
        redis.call('SET', last, n, 'PX', whole(KEEP.last / 1000))
    end
end

-- One agent must not fill Redis, nor bury what others wait for. `open` holds its tickets with their sizes; those
-- that don't wait any more are taken out when there seem to be too many, and there are never more than OPEN_MOST.
local asked = {}
for i = 3, #ARGV, 2 do
    asked[ARGV[i]] = ARGV[i + 1]
end
local open, size = TICKET .. 'open:' .. asked.agent, #asked.content

local function waiting(is_waiting)
    local count, bytes, all = 0, 0, redis.call('ZRANGE', open, 0, -1, 'WITHSCORES')
    for i = 1, #all, 2 do
        if is_waiting(all[i]) then
            count, bytes = count + 1, bytes + tonumber(all[i + 1])
        end
    end
    return count >= OPEN_MOST and count .. ' tickets waiting'
        or count > 0 and bytes + size > OPEN_MIB * 1048576 and OPEN_MIB .. ' MiB of tickets waiting'
end

local function is_open(old)
    local state = state_of(old, at)
    if state == 'parked' or state == 'approved' then
        return true
    end
    redis.call('ZREM', open, old)
    return false
end

local too_much = waiting(function() return true end) and waiting(is_open)
if too_much then
    return 'this agent has ' .. too_much .. '; decide or cancel some first'
end

n = whole(redis.call('INCR', KEYS[1]))
redis.call('ZADD', open, size, n)
local expires = at + lifetime
local until_ms = whole((expires + KEEP.ticket) / 1000)
redis.call('HSET', TICKET .. n, 'digest', digest, 'created', whole(at), 'expires', whole(expires))
for i = 3, #ARGV, 2 do
    redis.call('HSET', TICKET .. n, ARGV[i], ARGV[i + 1])
end
local before = redis.call('GET', last)
local was = before and state_of(before, at)
if was then
    local when = redis.call('HGET', RUN .. before, 'finished') or redis.call('HGET', TICKET .. before, 'cancelled')
        or redis.call('HGET', TICKET .. before, 'created')
    redis.call('HSET', TICKET .. n, 'previous', before, 'previous_state', was, 'previous_at', when)
end
redis.call('PEXPIREAT', TICKET .. n, until_ms)
redis.call('SET', same, n, 'PXAT', until_ms)
redis.call('ZADD', TICKET .. 'all', n, n)
-- The list of all tickets forgets what is gone, a few at a time.
for _, old in ipairs(redis.call('ZRANGE', TICKET .. 'all', 0, 4)) do
    if redis.call('EXISTS', TICKET .. old) == 0 then
        redis.call('ZREM', TICKET .. 'all', old)
    end
end
return answer(n, 'parked', 1)
