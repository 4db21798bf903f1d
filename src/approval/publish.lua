-- proxy: this process's sessions, for SHOW SESSIONS, for a while.
-- KEYS ticket:{sallyport}:sessions:PROCESS   ARGV process, seconds, JSON
local at = now()
redis.call('SET', KEYS[1], ARGV[3], 'EX', ARGV[2])
redis.call('ZADD', TICKET .. 'processes', whole(at + tonumber(ARGV[2]) * SECOND), ARGV[1])
redis.call('ZREMRANGEBYSCORE', TICKET .. 'processes', '-inf', whole(at))
return 1
