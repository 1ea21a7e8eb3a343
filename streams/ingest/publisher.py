"""Knows how one stream's packets get onto the bus without ever holding up its camera.

Does not know cameras, nor why a packet is as it is.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Final, NoReturn

from redis.exceptions import RedisError

from engine.packets import Packet
from streams.bus.clock import BusClock
from streams.bus.packets import PacketWriter, StreamKey, Window
from streams.bus.sending import Send
from streams.clock import now_ns

MAX_PACKETS: Final = 256
MAX_BYTES: Final = 16 * 1024 * 1024
AGAIN_AFTER_S: Final = 0.2


@dataclass(slots=True)
class MemoryShare:
    """The part of the bus's memory that packets may fill, shared equally by the streams."""

    total_bytes: int
    streams: int = 0

    def window(self) -> Window:
        """Return what one stream may keep now."""
        return Window(share_bytes=self.total_bytes // max(1, self.streams))


@dataclass(slots=True)
class PublisherCounters:
    """What became of the packets; dropped: the bus was slow, away or full."""

    published: int = 0
    dropped: int = 0


class StreamPublisher:
    """A bounded queue before the bus; when it is full, everything goes until the next keyframe.

    So what stands on the bus can always be decoded from any keyframe on, and a camera's
    connection is read on while the bus is away.
    """

    def __init__(self, send: Send, stream: StreamKey, share: MemoryShare, clock: BusClock) -> None:
        self._writer = PacketWriter(send, stream, share.window())
        self._share = share
        self._clock = clock
        self._queue: deque[Packet] = deque()
        self._bytes = 0
        self._waits_for_keyframe = False
        self._filled = asyncio.Event()
        self.counters = PublisherCounters()

    @property
    def trimmed_early(self) -> int:
        """Packets that the stream's share of memory cut before their time."""
        return self._writer.trimmed_early

    def offer(self, packet: Packet) -> None:
        """Queue a packet; never blocks."""
        if self._waits_for_keyframe and not packet.keyframe:
            self.counters.dropped += 1
            return
        full = len(self._queue) >= MAX_PACKETS or self._bytes + len(packet.data) > MAX_BYTES
        if full:
            self._drop_all()
            if not packet.keyframe:
                self.counters.dropped += 1
                return
        self._waits_for_keyframe = False
        self._queue.append(packet)
        self._bytes += len(packet.data)
        self._filled.set()

    def _drop_all(self) -> None:
        self.counters.dropped += len(self._queue)
        self._queue.clear()
        self._bytes = 0
        self._waits_for_keyframe = True

    async def run(self) -> NoReturn:
        """Write what is queued, for ever; a bus that is away costs packets, nothing else."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            batch = list(self._queue)
            self._queue.clear()
            self._bytes = 0
            self._writer.window = self._share.window()
            try:
                await self._writer.write(batch, self._clock.now_ms(now_ns()))
            except (RedisError, OSError):
                self.counters.dropped += len(batch)
                self._drop_all()
                await asyncio.sleep(AGAIN_AFTER_S)
            else:
                self.counters.published += len(batch)
