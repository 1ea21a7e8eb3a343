"""A bus that runs full, on a real Valkey: leases live, no packet stands without its predecessor."""

import asyncio
import time
from contextlib import suppress

import pytest
from redis.exceptions import ResponseError

from engine.packets import Packet, Role
from streams.bus import keys
from streams.bus.connection import connect
from streams.bus.leases import Lease
from streams.bus.packets import PacketWriter, StreamKey, Window
from streams.bus.sending import pipelined
from streams.valkey import USER

pytestmark = [pytest.mark.integration, pytest.mark.slow]

LOBBY = StreamKey("lobby", Role.MAIN)


def on(server, body):
    async def within():
        redis = connect(server.url, USER, server.plan.password)
        try:
            async with asyncio.timeout(20):
                await body(redis)
        finally:
            await redis.aclose()

    asyncio.run(within())


def packet(number, size):
    return Packet(1_000, number * 3600, number * 40_000_000, number % 50 == 0, bytes(size))


def now_ms():
    return time.time_ns() // 1_000_000


def test_leases_live_on_a_bus_that_is_full(bus_server):
    """Packets keep to their share, so that maxmemory, a quarter above, is never met."""

    async def body(redis):
        limit = int((await redis.config_get("maxmemory"))["maxmemory"])
        share = round(limit / 1.25 * 0.6)
        writer = PacketWriter(pipelined(redis), LOBBY, Window(share_bytes=share))
        big = [packet(number, size=1_000_000) for number in range(2 * share // 1_000_000)]
        await writer.write(big, now_ms())
        assert writer.trimmed_early > 0
        assert await Lease(redis, keys.lease("lobby"), "me").acquire(1)
        used = (await redis.info("memory"))["used_memory"]
        assert used < limit

    on(bus_server, body)


def test_a_bus_that_fills_takes_a_write_whole_or_not_at_all(bus_server):
    async def body(redis):
        writer = PacketWriter(pipelined(redis), LOBBY, Window())
        pictures = [packet(number, size=50_000) for number in range(20)]
        took = set()
        for spare in range(0, 4_000_000, 250_000):
            await redis.delete(keys.packets("lobby", Role.MAIN))
            used = (await redis.info("memory"))["used_memory"]
            await redis.config_set("maxmemory", used + spare)
            with suppress(ResponseError):
                await writer.write(pictures, now_ms())
            await redis.config_set("maxmemory", 0)
            took.add(await redis.xlen(keys.packets("lobby", Role.MAIN)))
        assert took == {0, len(pictures)}

    on(bus_server, body)
