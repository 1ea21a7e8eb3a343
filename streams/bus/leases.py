"""Knows how one owner at a time holds a name on the bus. Does not know what it owns."""

from typing import Final

from redis.asyncio import Redis

LEASE_MS: Final = 3000

# Compare and act, in one step, on Valkey and on Redis alike.
_RENEW: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
"""
_RELEASE: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""


class Lease:
    """One name, held as "owner/token" for three seconds at a time."""

    def __init__(self, redis: Redis, key: str, owner: str) -> None:
        self._redis = redis
        self._renew = redis.register_script(_RENEW)
        self._release = redis.register_script(_RELEASE)
        self.key = key
        self.owner = owner
        self.value = ""

    async def acquire(self, token: int = 0) -> bool:
        """Take the name if nobody holds it; also how an owner re-creates it after a restart."""
        value = f"{self.owner}/{token}"
        taken = bool(await self._redis.set(self.key, value, nx=True, px=LEASE_MS))
        if taken:
            self.value = value
        return taken

    async def renew(self) -> bool:
        """Hold the name for three seconds more; False: it is not ours any longer."""
        return bool(await self._renew(keys=[self.key], args=[self.value, LEASE_MS]))

    async def release(self) -> None:
        """Give the name back if it is still ours."""
        await self._release(keys=[self.key], args=[self.value])
