"""Knows one viewer's packets on their way out: bounded, ordered, timed. Knows no network."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from streams.bus.packets import BusPacket
from streams.viewer.timeline import Timeline

MOST_PACKETS: Final = 600
MOST_BYTES: Final = 8 << 20


class Ended(Exception):
    """Nothing more will come."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A packet's data and its place on the viewer's time line."""

    ticks: int
    data: bytes


class Outbound:
    """A queue that, when full, drops everything up to the next keyframe and counts it."""

    def __init__(self) -> None:
        self.timeline = Timeline()
        self.dropped = 0
        self._queue: deque[Outgoing] = deque()
        self._bytes = 0
        self._starts = True  # only a keyframe may come next
        self._changed = asyncio.Event()
        self._ended = False

    def put(self, seen: BusPacket) -> None:
        """Queue a live packet."""
        if self._starts and not seen.packet.keyframe:
            self.dropped += 1
            return
        self._starts = False
        self._append(self.timeline.live(seen), seen)

    def burst(self, group: Sequence[BusPacket]) -> None:
        """Queue a group that begins with a keyframe, to be played through at once."""
        if not group:
            return
        self._empty()
        self._starts = False
        for ticks, seen in zip(self.timeline.burst(group), group, strict=True):
            self._append(ticks, seen)

    def _append(self, ticks: int, seen: BusPacket) -> None:
        if self._starts:
            self.dropped += 1
            return
        data = seen.packet.data
        self._queue.append(Outgoing(ticks, data))
        self._bytes += len(data)
        if len(self._queue) > MOST_PACKETS or self._bytes > MOST_BYTES:
            self.dropped += len(self._queue)
            self._empty()
        self._changed.set()

    def _empty(self) -> None:
        self._queue.clear()
        self._bytes = 0
        self._starts = True

    async def get(self) -> Outgoing:
        """Wait for the next packet; raises Ended."""
        while not self._queue:
            if self._ended:
                raise Ended
            self._changed.clear()
            await self._changed.wait()
        outgoing = self._queue.popleft()
        self._bytes -= len(outgoing.data)
        return outgoing

    def end(self) -> None:
        """Let get() raise once the queue is empty."""
        self._empty()
        self._ended = True
        self._changed.set()
