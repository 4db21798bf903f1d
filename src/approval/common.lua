-- What every transition shares: the names of the keys, Redis's clock, and the state of a ticket. This text
-- stands before each script of this folder.
--
-- A script writes only keys of the role that calls it; Redis checks that against the role's ACL for every
-- call inside the script too. Keys of other roles are read without being declared in KEYS, because Redis
-- takes a key declared to EVAL for one that will be written. The hash tag keeps all of them in one slot.

local TICKET, OK, RUN = 'ticket:{sallyport}:', 'ok:{sallyport}:', 'run:{sallyport}:'
local SECOND = 1000000
local DAY = 86400 * SECOND

-- Microseconds since 1970 by the clock of Redis, the only clock that all roles share.
local function now()
    local time = redis.call('TIME')
    return tonumber(time[1]) * SECOND + tonumber(time[2])
end

-- Lua would write large numbers as 1.8e+15.
local function whole(number)
    return string.format('%.0f', number)
end

-- A state is derived from what the three roles have written, never stored. The run comes first: what has
-- begun is no longer anybody's to decide.
local function state_of(n, at)
    local asked = redis.call('HMGET', TICKET .. n, 'expires', 'approvals', 'cancelled')
    if not asked[1] then
        return nil
    end
    local ran = redis.call('HMGET', RUN .. n, 'outcome', 'token')
    if ran[1] then
        return ran[1]
    end
    if ran[2] then
        return 'executing'
    end
    if asked[3] then
        return 'cancelled'
    end
    local approvals = 0
    for _, decision in ipairs(redis.call('HKEYS', OK .. n)) do
        if string.sub(decision, 1, 7) == 'reject:' then
            return 'rejected'
        end
        approvals = approvals + 1
    end
    if at >= tonumber(asked[1]) then
        return 'expired'
    end
    if approvals >= tonumber(asked[2]) then
        return 'approved'
    end
    return 'parked'
end

-- Everything that is known of a ticket, for the C side to read.
local function told(n, state, at)
    return { n, state, whole(at), redis.call('HGETALL', TICKET .. n), redis.call('HGETALL', OK .. n),
             redis.call('HGETALL', RUN .. n) }
end

-- Without an approval's whole lifetime behind it, a run's outcome must not be forgotten: the approval would
-- look fresh again.
local function keep_run(n, at, for_how_long)
    local expires = tonumber(redis.call('HGET', TICKET .. n, 'expires') or '0')
    redis.call('PEXPIREAT', RUN .. n, whole((math.max(at, expires) + for_how_long) / 1000))
end

