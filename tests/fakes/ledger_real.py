"""The real ledger, for tests that are not async themselves."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from streams.ledger.ledger import Ledger
from streams.secrets import SecretBox

T = TypeVar("T")
BOX = SecretBox(bytes(range(32)))
DEADLINE_S = 60


def with_ledger(server: Any, work: Callable[[Ledger], Awaitable[T]]) -> T:
    """Run `work` on a connected ledger, within a deadline."""

    async def run() -> T:
        async with asyncio.timeout(DEADLINE_S):
            ledger = await Ledger.connect(server.url, server.password, BOX)
            try:
                return await work(ledger)
            finally:
                await ledger.aclose()

    return asyncio.run(run())


async def owned(ledger: Ledger, camera: str = "lobby") -> int:
    """Become the camera's owner and return the token."""
    token = await ledger.fences.issue(camera)
    await ledger.fences.claim(camera, token)
    return token


async def everything(ledger: Ledger) -> dict[str, Any]:
    """Every key with its content, to be compared."""
    redis = ledger.redis
    read = {
        b"hash": redis.hgetall,
        b"set": redis.smembers,
        b"stream": redis.xrange,
        b"string": redis.get,
        b"zset": lambda key: redis.zrange(key, 0, -1, withscores=True),
    }
    found = {}
    for key in await redis.keys("*"):
        found[key.decode()] = await read[await redis.type(key)](key)
    return found


async def inbox(ledger: Ledger, name: str) -> list[tuple[str, dict[str, Any]]]:
    """Every entry of a subscriber's inbox: its id, and its fields as JSON."""
    raw = await ledger.redis.xrange(f"ostiary:inbox:{name}")
    return [
        (entry_id.decode(), {key.decode(): json.loads(value) for key, value in fields.items()})
        for entry_id, fields in raw
    ]
