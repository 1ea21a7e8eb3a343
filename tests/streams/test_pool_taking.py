"""Whose picture comes next: the longest waiting, of a stream that nobody is busy with."""

import asyncio
from types import SimpleNamespace

import numpy as np
import pytest

from engine.packets import Packet, Role
from streams.bus.packets import StreamKey
from streams.codecs.lanes import Lane
from streams.codecs.messages import Kind, Message
from streams.codecs.pool import DecoderPool, PoolSettings, Unit

pytestmark = pytest.mark.unit

A, B, C = (StreamKey(name, Role.MAIN) for name in "abc")


class Flat(Lane):
    """A lane whose pictures need no shared memory."""

    def view(self, context, slot, size_px):
        return np.zeros((*size_px[::-1], 3), np.uint8)


class Pool(DecoderPool):
    """A pool whose pictures the test decodes."""

    def __init__(self):
        super().__init__(PoolSettings(children=1))
        self.made = {}
        self.sent = []
        self.link = SimpleNamespace(send=self.sent.append)

    def decode(self, stream, pts):
        lane = self.made.get(stream)
        if lane is None:
            lane = self.made[stream] = Flat(stream, len(self.made) + 1, self._settings.catch_up)
        lane.flown[pts] = Unit(stream, None, f"{pts}-0", Packet(1, pts, pts, False, b""), True)
        message = Message(Kind.PICTURE, stream=lane.number, seq=pts, width=2, height=2)
        self.arrived(lane, self.link, message)


def names(pictures):
    return [(picture.stream.camera, picture.pts) for picture in pictures]


def test_the_newest_picture_of_the_stream_that_waited_longest_comes_first():
    pool = Pool()
    for stream, pts in ((A, 1), (B, 2), (A, 3), (C, 4)):
        pool.decode(stream, pts)
    assert names(pool.take(most=1)) == [("a", 3)]
    pool.decode(A, 5)
    assert names(pool.take(most=2)) == [("b", 2), ("c", 4)]
    assert names(pool.take()) == [("a", 5)]
    assert pool.take() == []
    assert pool.made[A].figures.unseen == 1
    assert len(pool.sent) == 1, "the unseen picture's memory was given back"


def test_a_busy_streams_picture_stays():
    pool = Pool()
    for pts, stream in enumerate((A, B)):
        pool.decode(stream, pts)
    assert names(pool.take({A})) == [("b", 1)]
    assert names(pool.take()) == [("a", 0)]


def test_waiting_ends_with_a_picture_of_a_stream_that_is_not_busy():
    async def run():
        pool, busy = Pool(), {A}
        pool.decode(A, 1)
        waiting = [asyncio.create_task(pool.wait(5, busy)) for _ in range(2)]
        await asyncio.sleep(0.02)
        assert not any(one.done() for one in waiting), "a busy stream's picture wakes nobody"
        busy.clear()
        pool.look_again()
        async with asyncio.timeout(2):
            await asyncio.gather(*waiting)
        pool.take()
        late = asyncio.create_task(pool.wait(5, busy))
        await asyncio.sleep(0.02)
        assert not late.done()
        pool.decode(B, 2)
        async with asyncio.timeout(2):
            await late

    asyncio.run(run())


def test_waiting_ends_after_its_time():
    async def run():
        async with asyncio.timeout(2):
            await Pool().wait(0.02)

    asyncio.run(run())
