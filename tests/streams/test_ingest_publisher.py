"""The way to the bus: bounded, decodable, and blind to the bus's absence."""

import asyncio
import contextlib

import pytest

from engine.packets import Packet, Role
from streams.bus.clock import BusClock
from streams.bus.connection import connect
from streams.bus.packets import StreamKey, kept_group
from streams.bus.sending import pipelined
from streams.ingest.publisher import MAX_BYTES, MAX_PACKETS, MemoryShare, StreamPublisher
from streams.valkey import USER

pytestmark = pytest.mark.integration

KEY = StreamKey("cam", Role.MAIN)


def packet(number, keyframe=False, size=10):
    return Packet(1, number * 3600, number, keyframe, bytes([number % 256]) * size)


def publisher(redis):
    return StreamPublisher(pipelined(redis), KEY, MemoryShare(2**20, 1), BusClock())


def test_full_drops_until_the_next_keyframe():
    one = publisher(connect("unix:///nowhere"))
    one.offer(packet(0, keyframe=True))
    for number in range(1, MAX_PACKETS + 10):
        one.offer(packet(number))
    assert len(one._queue) == 0
    assert one.counters.dropped == MAX_PACKETS + 10
    one.offer(packet(1))
    one.offer(packet(2, keyframe=True))
    one.offer(packet(3))
    assert [item.pts for item in one._queue] == [7200, 10800]
    assert one.counters.dropped == MAX_PACKETS + 11


def test_bytes_are_bounded_too():
    one = publisher(connect("unix:///nowhere"))
    for number in range(20):
        one.offer(packet(number, keyframe=True, size=MAX_BYTES // 3))
        assert sum(len(item.data) for item in one._queue) <= MAX_BYTES


def test_a_bus_that_is_away_costs_packets_and_nothing_else():
    async def main():
        one = publisher(connect("unix:///nowhere"))
        async with asyncio.TaskGroup() as group:
            task = group.create_task(one.run())
            for number in range(5):
                one.offer(packet(number, keyframe=number == 0))
            async with asyncio.timeout(5):
                while one.counters.dropped < 5:
                    await asyncio.sleep(0.01)
            task.cancel()
        return one.counters

    counters = asyncio.run(main())
    assert (counters.published, counters.dropped) == (0, 5)


@pytest.mark.slow
def test_what_is_published_after_an_absence_begins_with_a_keyframe(bus_server):
    async def main():
        redis = connect(bus_server.url, USER, bus_server.password)
        one = publisher(redis)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(one.run())
            one._drop_all()  # as after a write that failed
            for number in range(6):
                one.offer(packet(number, keyframe=number == 3))
            async with asyncio.timeout(5):
                while one.counters.published < 3:
                    await asyncio.sleep(0.01)
            task.cancel()
        found = await kept_group(redis, KEY)
        with contextlib.suppress(OSError):
            await redis.aclose()
        return [item.packet for item in found]

    assert [item.pts // 3600 for item in asyncio.run(main())] == [3, 4, 5]
