-- console: the kill switch.   KEYS ok:{sallyport}:paused   ARGV 1 or 0, agent
redis.call(ARGV[1] == '1' and 'SADD' or 'SREM', KEYS[1], ARGV[2])
redis.call('PUBLISH', OK .. 'news', 'paused')
redis.call('PUBLISH', OK .. 'wake', 'paused')
return 1
