"""Knows which life of the bus this is. Does not know what to do when it is a new one."""

import secrets

from redis.asyncio import Redis

from streams.bus import keys


async def bus_run(redis: Redis) -> str:
    """Return the random name of the bus's present life, setting it where nobody has.

    When it differs from before, the bus lost everything: cursors begin anew.
    """
    await redis.set(keys.BUS_RUN, secrets.token_hex(8), nx=True)
    value = await redis.get(keys.BUS_RUN)
    return value.decode() if value else ""
