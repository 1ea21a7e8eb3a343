"""Knows how a test gets a decoder pool of real children. Does not know what it decodes."""

import asyncio
from collections.abc import Awaitable, Callable

from engine.catchup import CatchUpSettings
from streams.codecs.pool import DecoderPool, PoolSettings

DEADLINE_S = 20.0
PATIENT = PoolSettings(children=1, catch_up=CatchUpSettings(budget_ms=20_000))


def in_pool(
    body: Callable[[DecoderPool], Awaitable[None]], settings: PoolSettings = PATIENT
) -> None:
    """Run `body` on a pool that is ready, within a minute."""

    async def run() -> None:
        async with asyncio.timeout(60):
            async with DecoderPool(settings) as pool:
                await until(lambda: pool.ready)
                await body(pool)

    asyncio.run(run())


async def until(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.01)
