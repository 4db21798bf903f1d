-- console: everybody reads the configuration again. Counted, so that whoever was away hears of it later.
-- KEYS ok:{sallyport}:reload
redis.call('INCR', KEYS[1])
redis.call('PUBLISH', OK .. 'news', 'reload')
return 1
