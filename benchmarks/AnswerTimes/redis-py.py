"""As Program.cs, with redis-py."""
import os, sys, threading, time
import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

options = dict(retry=Retry(ConstantBackoff(0.02), 500), retry_on_error=[redis.exceptions.ConnectionError])
client = redis.Redis(port=int(sys.argv[1]), **(options if sys.argv[2:] == ["set"] else {}))
last, longest, failed = time.monotonic(), 0.0, 0


def tell():
    global longest, failed
    for _ in sys.stdin:
        print(f"{longest * 1000:.1f} {failed}", flush=True)
        longest, failed = 0.0, 0
    os._exit(0)


threading.Thread(target=tell, daemon=True).start()
while True:
    try:
        client.get("key")
        now = time.monotonic()
        longest = max(longest, now - last)
        last = now
    except redis.RedisError:
        failed += 1
        time.sleep(0.001)
