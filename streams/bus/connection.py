"""Knows how to reach a Valkey or Redis server. Does not know what is asked of it."""

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

AWAY = (RedisConnectionError, RedisTimeoutError, OSError)
"""What a call raises while the server is away."""


def connect(url: str, username: str | None = None, password: str | None = None) -> Redis:
    """Return a client for redis://, rediss:// or unix:// that retries a lost connection once.

    The protocol is pinned: redis-py's replies differ between protocols 2 and 3. There is no
    socket timeout: redis-py 8.1 sets 5 s, which breaks longer BLOCKs, and writes through
    asyncio.wait_for, which on Python 3.11 swallows a cancellation (seen: 47 of 150 tasks).
    Whoever must not hang on a frozen server wraps the call in asyncio.timeout.
    """
    client: Redis = Redis.from_url(
        url,
        username=username,
        password=password,
        protocol=2,
        decode_responses=False,
        socket_timeout=None,
        socket_connect_timeout=2,
        health_check_interval=0,
        retry=Retry(ExponentialBackoff(cap=0.1, base=0.02), 1),
    )
    return client
