-- proxy: what consoles have said to everybody: {how often RELOAD was said, names of paused agents}.
return { redis.call('GET', OK .. 'reload') or '0', redis.call('SMEMBERS', OK .. 'paused') }
