-- console: one ticket; nothing when there is none.   ARGV n
local at = now()
local state = state_of(ARGV[1], at)
return state and told(ARGV[1], state, at) or {}
