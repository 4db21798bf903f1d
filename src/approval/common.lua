-- What every transition shares: the names of the keys, Redis's clock, and the state of a ticket. This text
-- stands before each script of this folder.
--
-- A script writes only keys of the role that calls it; Redis checks that against the role's ACL for every
-- call inside the script too. Keys of other roles are read without being declared in KEYS, because Redis
-- takes a key declared to EVAL for one that will be written. The hash tag keeps all of them in one slot.

local TICKET, OK, RUN = 'ticket:{sallyport}:', 'ok:{sallyport}:', 'run:{sallyport}:'
local SECOND = 1000000
local DAY = 86400 * SECOND

-- How long keys are kept. Redis forgets a ticket first, and only then what was decided and what became of it:
-- the other way round, a state that is derived from what is left would change by itself.
local KEEP = {
    ticket = 7 * DAY,     -- its keys, after it would have expired
    delivered = DAY,      -- … and after its outcome was delivered, if that is sooner
    last = DAY,           -- "t17 executed 3 minutes ago"
    decision = 8 * DAY,   -- after the ticket would have expired
    run = 8 * DAY,        -- after that, or after the run where it ended later
    unsettled = 30 * DAY, -- likewise: a run that nobody knows the end of, or that has none yet
    stream = 31 * DAY,    -- what was approved, for executors that were away
}

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

-- A run's outcome must not be forgotten before its ticket and its approval: they would look fresh again.
local function keep_run(n, at, for_how_long)
    local expires = tonumber(redis.call('HGET', TICKET .. n, 'expires') or '0')
    redis.call('PEXPIREAT', RUN .. n, whole((math.max(at, expires) + for_how_long) / 1000))
end

