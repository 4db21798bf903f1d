-- console: the names of paused agents.
return redis.call('SMEMBERS', OK .. 'paused')
