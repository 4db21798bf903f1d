-- console: the newest tickets in the states that are asked for, oldest first.   ARGV limit, state, ...
-- Returns how many older ones the limit cut off, and of each ticket what `told` gives, but only what a line about
-- it shows: contents and results can be large, and there can be many.
local at, wanted = now(), {}
for i = 2, #ARGV do
    wanted[ARGV[i]] = true
end
local TEXT_MOST = 2000

local function some(key, fields)
    local values, kept = redis.call('HMGET', key, unpack(fields)), {}
    for i, field in ipairs(fields) do
        if values[i] then
            kept[#kept + 1] = field
            kept[#kept + 1] = string.sub(values[i], 1, TEXT_MOST)
        end
    end
    return kept
end

local function told_briefly(n, state)
    local run = some(RUN .. n, { 'message', 'words', 'note' })
    local result = redis.call('HGET', RUN .. n, 'result')
    if result and #result <= TEXT_MOST then
        run[#run + 1] = 'result'
        run[#run + 1] = result
    end
    return { n, state, whole(at),
             some(TICKET .. n, { 'agent', 'database', 'created', 'expires', 'operations', 'relations', 'reason', 'sql',
                                 'statements', 'runs', 'record', 'approvals' }),
             redis.call('HGETALL', OK .. n), run }
end

local limit = tonumber(ARGV[1])
local chosen, more = {}, 0
for _, n in ipairs(redis.call('ZREVRANGE', TICKET .. 'all', 0, -1)) do
    local state = state_of(n, at)
    if state and wanted[state] then
        if #chosen < limit then
            chosen[#chosen + 1] = { n, state }
        else
            more = more + 1
        end
    end
end
local found = { whole(more) }
for i = #chosen, 1, -1 do
    found[#found + 1] = told_briefly(chosen[i][1], chosen[i][2])
end
return found
