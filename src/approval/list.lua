-- console: the newest tickets in the states that are asked for, oldest first.   ARGV limit, state, ...
local at, wanted, found = now(), {}, {}
for i = 2, #ARGV do
    wanted[ARGV[i]] = true
end
local limit = tonumber(ARGV[1])
local chosen = {}
for _, n in ipairs(redis.call('ZREVRANGE', TICKET .. 'all', 0, -1)) do
    if #chosen >= limit then
        break
    end
    local state = state_of(n, at)
    if state and wanted[state] then
        chosen[#chosen + 1] = { n, state }
    end
end
for i = #chosen, 1, -1 do
    found[#found + 1] = told(chosen[i][1], chosen[i][2], at)
end
return found
